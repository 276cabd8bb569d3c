"""Rows to predict, from every kind of source, labelled or not."""

import numpy as np
import pytest
from PIL import Image

import samplewise
from samplewise.data.columns import Column
from samplewise.data.inputs import load_inputs
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError

NUMBERS = SourceOptions(numbers=True)


def test_a_table_with_without_and_with_some_labels(tmp_path):
    path = tmp_path / "t.csv"
    for labels, classes in (("x,y", ("x", "y")), ("x,", ("x", None)), (",", None)):
        first, second = labels.split(",")
        path.write_text(f"a,label\n1,{first}\n2,{second}\n")
        found = samplewise.load_inputs(path)
        assert (found.name, found.classes, found.columns) == ("t", classes, (Column("a"),))
        np.testing.assert_array_equal(found.rows.X, [[1], [2]])
    path.write_text("a\n1\n2\n")
    assert (load_inputs(path).classes, len(load_inputs(path))) == (None, 2)


def test_a_table_of_numbers_to_learn(tmp_path):
    (tmp_path / "t.csv").write_text("a,target\n1,2.5\n2,NA\n")
    found = load_inputs(tmp_path / "t.csv", NUMBERS)
    np.testing.assert_array_equal(found.values, [[2.5], [np.nan]])
    assert found.classes is None


def test_columns_are_found_by_name(tmp_path):
    (tmp_path / "t.csv").write_text("b,a\n1,2\n")
    found = load_inputs(tmp_path / "t.csv", columns=(Column("a"), Column("b")))
    np.testing.assert_array_equal(found.rows.X, [[2, 1]])
    with pytest.raises(DataError, match="missing 'c'"):
        load_inputs(tmp_path / "t.csv", columns=(Column("a"), Column("b"), Column("c")))


def test_rows_of_npz_and_npy_files_with_their_classes_or_numbers(tmp_path):
    X = np.arange(6.0).reshape(3, 2)
    np.savez(tmp_path / "bare.npz", dataset=X)
    np.savez(tmp_path / "known.npz", dataset=X, labels=["b", "a", "b"])
    np.savez(tmp_path / "numbers.npz", dataset=X, labels=X)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "one.npy", X[0])
    np.savez(tmp_path / "short.npz", dataset=X, labels=["b"])
    for name in ("bare.npz", "known.npz", "x.npy"):
        np.testing.assert_array_equal(load_inputs(tmp_path / name).rows.X, X)
    assert load_inputs(tmp_path / "known.npz").classes == ("b", "a", "b")
    np.testing.assert_array_equal(load_inputs(tmp_path / "numbers.npz", NUMBERS).values, X)
    with pytest.raises(DataError, match=r"shape \(2,\)"):
        load_inputs(tmp_path / "one.npy")
    with pytest.raises(DataError, match="3 rows but 'labels' has 1"):
        load_inputs(tmp_path / "short.npz")


def test_images_sorted_into_class_folders_or_lying_flat(tmp_path):
    for place in ("sorted/a", "sorted/b", "flat"):
        (tmp_path / place).mkdir(parents=True)
        Image.new("L", (28, 28), len(place)).save(tmp_path / place / "1.png")
    found = load_inputs(tmp_path / "sorted", SourceOptions(image_size=(4, 4)))
    assert (found.files, found.classes) == (("a/1.png", "b/1.png"), ("a", "b"))
    assert (found.rows.X.shape, found.rows.image_shape) == ((2, 16), (4, 4))
    flat = load_inputs(str(tmp_path / "flat"))
    assert (flat.files, flat.classes) == (("1.png",), None)
    assert load_inputs(tmp_path / "sorted", NUMBERS).classes is None


def test_a_bundled_dataset_by_its_name():
    found = load_inputs("iris")
    assert (len(found), found.classes[0]) == (150, "setosa")


def test_what_is_neither_is_said():
    with pytest.raises(DataError, match="neither a dataset nor a path"):
        load_inputs("nowhere.parquet")
    with pytest.raises(DataError, match="cannot read"):
        load_inputs("nowhere.csv")
