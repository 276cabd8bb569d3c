"""Rows of validation_data and test_data are read as the training data, or refused."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samplewise.data.dataset import Dataset
from samplewise.data.loading import load
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import CombinationError, DataError, ParameterError, SamplewiseWarning
from samplewise.experiment import held_rows as module
from samplewise.experiment.data_settings import DataSettings
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.explanation import explain
from samplewise.experiment.held_rows import held_rows
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run, run_many
from samplewise.training.train import train

FAST = {"backend": "vectorized", "epochs": 2, "hidden": (4,), "init": "glorot_uniform"}
ROLES = ("validation_data", "test_data")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(path, rows, seed, *, header="size,colour,label", classes=("left", "right")):
    """Write a table whose two columns both say something of the class."""
    rng = np.random.default_rng(seed)
    lines = [header]
    for _ in range(rows):
        label = rng.integers(2)
        colour = ("red", "green", "blue")[rng.integers(2) + label]
        lines.append(f"{rng.normal(4 * label):.4f},{colour},{classes[label]}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def tables(tmp_path):
    """The usual three files."""
    names = {"data": ("train", 60), "validation_data": ("valid", 20), "test_data": ("test", 30)}
    return {
        word: table(tmp_path / f"{name}.csv", rows, seed)
        for seed, (word, (name, rows)) in enumerate(names.items())
    }


def _append(path, *lines):
    path.write_text(path.read_text() + "\n".join(lines) + "\n")


def images(folder, levels, count=3, size=(8, 8)):
    rng = np.random.default_rng(count)
    for name, level in levels.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(level, level + 50, size).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return str(folder)


def asked(**options):
    return Experiment.from_options(**{**FAST, **options})


def test_rows_of_tables_are_prepared_with_what_was_learnt_of_the_training_rows(tables):
    # Columns in another order, one category fewer, and classes in the order of another file.
    lines = [line.split(",") for line in tables["validation_data"].read_text().split()]
    turned = [f"{label},{colour},{size}" for size, colour, label in lines if colour != "red"]
    Path("turned.csv").write_text("\n".join(turned))
    experiment = asked(**tables | {"validation_data": "turned.csv"})
    data = prepare(experiment)
    assert [len(data.training), len(data.test)] == [60, 30]
    assert data.validation.columns == data.test.columns == data.training.columns
    assert data.training.columns[1].categories == ("blue", "green", "red")
    X, targets = data.validation_pair
    np.testing.assert_array_equal(targets, data.validation.labels)
    sizes = [float(line.rsplit(",", 1)[1]) for line in turned[1:]]
    step = data.preprocessing
    np.testing.assert_allclose(X[:, 0], (np.array(sizes) - step.mean[0]) / step.deviation[0])
    np.testing.assert_allclose(data.X.mean(axis=0), 0, atol=1e-12)
    result = run(experiment)
    assert result.history.validation_rows == len(turned) - 1
    assert result.confusion.sum() == 30
    alone = train(
        result.model.network,
        data.inputs,
        data.training.targets,
        result.experiment.training,
        validation=data.validation_pair,
    )
    np.testing.assert_array_equal(result.model.parameters, alone.parameters)
    assert result.history.validation_losses == alone.history.validation_losses


def test_all_rows_train_in_an_order_that_is_drawn_by_split_seed(tables):
    whole = load(str(tables["data"]))
    words = {word: tables[word] for word in ("data", "test_data")}
    orders = [prepare(asked(**words, **given)).training.X for given in ({}, {"split_seed": 1})]
    for X in orders:
        assert not np.array_equal(X, whole.X)
        np.testing.assert_array_equal(np.sort(X, axis=0), np.sort(whole.X, axis=0))
    assert not np.array_equal(*orders)
    # Without test_data, validation_data leaves the usual share for testing.
    data = prepare(asked(data=tables["data"], validation_data=tables["validation_data"]))
    assert [len(data.training), len(data.test), len(data.validation)] == [48, 12, 20]


def test_the_history_watches_the_validation_rows_and_many_networks_share_them(tables):
    experiment = asked(**tables, patience=1, min_delta=10.0, epochs=9)
    assert run(experiment).history.stopped == "patience"
    both = [asked(**tables), asked(**tables, seed=1, split_seed=0)]
    data = prepare(both[0])
    for one, alone in zip(run_many(both, data), [run(each, data) for each in both], strict=True):
        assert one.history.validation_rows == 20
        assert one.history.validation_losses == pytest.approx(alone.history.validation_losses)
        assert one.test_loss == pytest.approx(alone.test_loss)
    assert data.validation_pair is data.validation_pair


@pytest.mark.parametrize("measure", [False, True])
def test_explain_counts_rows_as_train_does(tables, measure):
    found = explain(asked(**tables, monitor="validation_loss"), measure=measure)
    assert found.rows == 60
    with pytest.raises(CombinationError, match="validation"):
        explain(asked(data=tables["data"], monitor="validation_loss"), measure=measure)


def test_the_validation_rows_count_for_the_largest_input(tables, monkeypatch):
    found = []
    workload = module.Experiment().training.__class__.workload

    def noting(self, rows, fields=(), largest_input=0.0):
        found.append(largest_input)
        return workload(self, rows, fields, largest_input)

    monkeypatch.setattr(module.Experiment().training.__class__, "workload", noting)
    _append(tables["validation_data"], "1e6,red,left")
    explain(asked(**tables), measure=False)
    run(asked(**tables))
    assert found[0] == found[1] > 1e5


def test_numbers_of_a_file_are_validated_on(tmp_path):
    for seed, name in enumerate(("train", "valid", "test")):
        table(tmp_path / f"{name}.csv", 30, seed, classes=("1.5", "2.5"))
    words = {"data": "train.csv", "validation_data": "valid.csv", "test_data": "test.csv"}
    result = run(asked(**words, loss="mean_squared_error"))
    assert result.test_r2 is not None
    assert result.history.validation_rows == 30
    assert result.data.validation.values.shape == (30, 1)


def test_label_and_dropped_columns_are_those_of_the_training_table():
    """A held table may lack what is dropped."""
    Path("train.csv").write_text(
        "id,size,price,label\n" + "\n".join(f"{i},{i % 7},{2 * i},x" for i in range(20))
    )
    Path("valid.csv").write_text("price,size,label\n1.5,2,y\n")
    Path("test.csv").write_text("id,label,size,price\n7,z,3,4.5\n8,z,4,5.5\n")
    words = {"data": "train.csv", "validation_data": "valid.csv", "test_data": "test.csv"}
    given = {"label": "price", "drop": ("id", "label"), "loss": "mean_squared_error"}
    found = prepare(asked(**words, **given))
    assert [one.X.tolist() for one in (found.validation, found.test)] == [[[2.0]], [[3.0], [4.0]]]
    assert found.test.values.tolist() == [[4.5], [5.5]]


@pytest.mark.parametrize("held", ROLES)
def test_a_column_to_drop_may_be_in_a_held_table_only(tables, held):
    plain = prepare(asked(**tables))
    lines = tables[held].read_text().split()
    numbered = [f"{i},{line}" for i, line in enumerate(lines)]
    tables[held].write_text("\n".join(["id," + lines[0], *numbered[1:]]) + "\n")
    with pytest.raises(DataError, match=f"{held}: .*additional 'id': leave it out, --drop id"):
        prepare(asked(**tables))
    found = prepare(asked(**tables, drop=("id ",)))
    for part in ("training", "validation", "test"):
        np.testing.assert_array_equal(getattr(found, part).X, getattr(plain, part).X)
    # A name that no table has is a typing error.
    with pytest.raises(DataError, match="train.csv has no column 'ids' to drop"):
        prepare(asked(**tables, drop=("id", "ids")))
    with pytest.raises(DataError, match="train.csv has no column 'id' to drop"):
        prepare(asked(data=tables["data"], drop=("id",)))


def test_options_of_tables_may_be_for_a_held_table_only():
    rng = np.random.default_rng(0)
    np.savez("train.npz", dataset=rng.standard_normal((20, 2)), labels=np.arange(20) % 2)
    Path("test.csv").write_text("id,size,price,left\n1,2.5,3.5,0\n2,4.5,5.5,1\n")
    words = {"data": "train.npz", "test_data": "test.csv"}
    with pytest.warns(SamplewiseWarning, match="in their order"):
        found = prepare(asked(**words, label="left", drop=("id",)))
    assert found.test.X.tolist() == [[2.5, 3.5], [4.5, 5.5]]
    with pytest.raises(DataError, match="test_data: test.csv has no column 'ids' to drop"):
        prepare(asked(**words, label="left", drop=("ids",)))
    with pytest.raises(ParameterError, match="label: only a .csv table has a label column"):
        prepare(asked(data="train.npz", label="left"))


def test_images_of_other_proportions_are_fitted_as_the_training_images(tmp_path):
    data = images(tmp_path / "train", {"dark": 50, "light": 200})
    held = images(tmp_path / "valid", {"light": 200}, 2, size=(8, 16))
    words = {"data": data, "image_size": "8x8", "preprocess": "scale"}
    rows = {}
    for fit in ("pad", "crop", "stretch"):
        found = prepare(asked(**words, test_data=held, fit=fit)).test
        alone = load(held, None, SourceOptions(image_size=(8, 8), fit=fit))
        np.testing.assert_array_equal(found.X, alone.X)
        rows[fit] = found.X
    assert not np.array_equal(rows["pad"], rows["stretch"])


def test_folders_of_images_get_the_size_and_the_white_of_the_training_images(tmp_path):
    data = images(tmp_path / "train", {"dark": 0, "light": 200})
    held = images(tmp_path / "valid", {"light": 200}, 2, size=(16, 16))
    test = images(tmp_path / "test", {"dark": 0, "light": 200}, 4, size=(16, 16))
    words = {"data": data, "validation_data": held, "test_data": test}
    with pytest.warns(SamplewiseWarning, match="no validation row is of class 'dark'"):
        result = run(asked(**words, image_size="8x8", layers="conv 2x3 relu, dense 1"))
    found = result.data
    assert [len(found.validation), found.validation.image_shape] == [2, (8, 8)]
    assert [len(found.test), found.test.full_scale] == [8, 255.0]
    assert found.validation_pair[0].shape == (2, 8, 8)
    assert found.validation_pair[0].max() <= 1.0
    assert set(found.validation.labels) == {1}


def test_another_kind_of_source_is_read_with_the_options_that_it_has(tmp_path):
    data = images(tmp_path / "train", {"dark": 0, "light": 200})
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.integers(low, low + 50, (5, 8, 8)) for low in (0, 200)])
    np.savez("valid.npz", dataset=X.astype(np.uint8), labels=["dark"] * 5 + ["light"] * 5)
    # White of another array is 1, so that it is multiplied, as for `evaluate`.
    np.savez("bits.npz", dataset=X > 100, labels=["dark"] * 5 + ["light"] * 5)
    words = {"data": data, "image_size": "8x8", "fit": "pad"}
    message = "white is 1 in an array of bool, but was 255 in training, .*; an array of float64 is"
    with pytest.warns(UserWarning, match=message):
        found = prepare(asked(**words, validation_data="valid.npz", test_data="bits.npz"))
    np.testing.assert_array_equal(found.validation.X, X.reshape(10, -1))
    np.testing.assert_array_equal(found.test.X, 255.0 * (X > 100).reshape(10, -1))
    # Rows without a shape are images of the training images' shape.
    np.savez("flat.npz", dataset=X.reshape(10, -1) + 0.5, labels=["dark"] * 5 + ["light"] * 5)
    flat = prepare(asked(**words, test_data="flat.npz")).test
    np.testing.assert_array_equal(flat.X, X.reshape(10, -1) + 0.5)
    for one in (found.validation, found.test, flat):
        assert [one.image_shape, one.full_scale, one.array_dtype] == [(8, 8), 255.0, None]


def test_a_white_that_is_given_is_that_of_the_files_of_the_training_rows(tmp_path):
    """Of image files it is that of all files; of an array, other files have 255."""
    data = images(tmp_path / "train", {"dark": 0, "light": 50})
    held = images(tmp_path / "valid", {"dark": 0, "light": 50}, 2)
    words = {"image_size": "8x8", "full_scale": 100.0, "preprocess": "scale"}
    found = prepare(asked(data=data, test_data=held, **words))
    alone = load(held, None, SourceOptions(image_size=(8, 8), full_scale=100.0))
    np.testing.assert_array_equal(found.test.X, alone.X)
    assert found.test.full_scale == found.training.full_scale == alone.full_scale
    X = np.random.default_rng(0).integers(0, 100, (10, 8, 8)).astype(np.uint8)
    np.savez("array.npz", dataset=X, labels=["dark", "light"] * 5)
    del words["image_size"]
    found = prepare(asked(data="array.npz", test_data=held, **words)).test
    files = load(held, None, SourceOptions(image_size=(8, 8)))
    np.testing.assert_allclose(found.X, files.X * 100.0 / 255.0)


def test_chosen_classes_are_found_however_their_accents_are_written():
    X = np.random.default_rng(0).standard_normal((2, 30, 3))
    apart = ["e\u0301t\u00e9", "a", "b"] * 10
    np.savez("train.npz", dataset=X[0], labels=["\u00e9t\u00e9", "a", "b"] * 10)
    np.savez("valid.npz", dataset=X[1], labels=apart)
    words = {"data": "train.npz", "validation_data": "valid.npz"}
    found = prepare(asked(**words, classes=(apart[0], "a"))).validation
    assert found.class_names == ("\u00e9t\u00e9", "a")
    assert found.labels.tolist() == [0, 1] * 10


def test_rows_on_another_scale_are_a_warning_whose_remedy_leaves_the_training_rows(tmp_path):
    """--full-scale would be the white of these, too."""
    X = np.random.default_rng(0).integers(0, 256, (2, 20, 8, 8)).astype(np.uint8)
    arrays("train.npz", X[0], np.arange(20) % 2)
    arrays("test.npz", X[1] / 255, np.arange(20) % 2)
    words = {"data": "train.npz", "test_data": "test.npz", "preprocess": "scale"}
    message = "^test: values reach 1, but white was 255 .* white is 1 here, multiply them by 255$"
    with pytest.warns(UserWarning, match=message):
        prepare(asked(**words))


def test_chosen_classes_are_chosen_of_all_sources(tmp_path):
    for seed, (name, classes) in enumerate((("train", "abc"), ("valid", "cad"), ("test", "ac"))):
        rng = np.random.default_rng(seed)
        labels = np.array(list(classes))[np.arange(30) % len(classes)]
        np.savez(f"{name}.npz", dataset=rng.standard_normal((30, 3)), labels=labels)
    words = {"data": "train.npz", "validation_data": "valid.npz", "test_data": "test.npz"}
    found = prepare(asked(**words, classes=("c", "a")))
    names = [one.class_names for one in (found.training, found.validation, found.test)]
    assert names == [("c", "a")] * 3
    raw = load("valid.npz")
    kept = raw.labels != 2
    np.testing.assert_array_equal(found.validation.X, raw.X[kept])
    np.testing.assert_array_equal(found.validation.labels, 1 - raw.labels[kept])
    with pytest.raises(DataError, match="has the class 'd', which the training set does not know"):
        prepare(asked(**words))
    np.savez("b.npz", dataset=np.ones((3, 3)), labels=["b"] * 3)
    with pytest.raises(DataError, match="^test_data: b has no class 'c'; it has b"):
        prepare(asked(**words | {"test_data": "b.npz"}, classes=("c", "a")))


def test_labels_of_another_dtype_are_the_same_classes_where_their_names_are(tmp_path):
    X = np.random.default_rng(0).standard_normal((3, 20, 3))
    np.savez("train.npz", dataset=X[0], labels=np.arange(20) % 2)
    np.savez("valid.npz", dataset=X[1], labels=np.array(["1", "0"] * 10))
    np.savez("test.npz", dataset=X[2], labels=np.array(["1.0", "0.0"] * 10))
    words = {"data": "train.npz", "validation_data": "valid.npz"}
    assert prepare(asked(**words)).validation.labels.tolist() == [1, 0] * 10
    with pytest.raises(DataError, match=r"^test_data: test has the class '0.0', which the train"):
        prepare(asked(**words, test_data="test.npz"))


@pytest.mark.parametrize("word", ROLES)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size,colour,label\n1,pink,left\n", "line 2, column 'colour': 'pink' is not a category"),
        ("size,colour,label\n1,red,up\n", " has the class 'up', which the training set does"),
        ("size,hue,label\n1,red,left\n", r"missing 'colour'; additional 'hue'"),
        ("size,colour,more,label\n1,red,2,left\n", "additional 'more': leave it out, --drop more"),
        ("size,colour\n1,red\n", "has no label column"),
        ("size,colour,label\n", "has a header only; expected at least one line of data"),
        ("", r"is empty \(0 bytes\)"),
        ("size,colour,label\n1,,left\n", "missing"),
        ("size,colour,label\nsmall,red,left\n", "'small'"),
    ],
    ids=["category", "class", "renamed", "more", "label", "header", "empty", "cell", "text"],
)
def test_tables_that_do_not_fit_are_refused_by_setting_and_place(tables, word, text, message):
    Path("held.csv").write_text(text)
    with pytest.raises(DataError, match=f"^{word}: held.*{message}"):
        prepare(asked(data=tables["data"], **{word: "held.csv"}))


def arrays(name, X, labels):
    np.savez(name, dataset=X, labels=labels)
    return name


@pytest.mark.parametrize("word", ROLES)
@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((4, 9, 9), [0, 1, 0, 1], "has rows of 9 x 9 pixels, but train has rows of 8 x 8 pixels"),
        ((4, 4, 16), [0, 1, 0, 1], "has rows of 4 x 16 pixels, but train has rows of 8 x 8 pix"),
        ((4, 5), [0, 1, 0, 1], "has rows of 5 values, but train has rows of 8 x 8 pixels"),
        ((4, 8, 8), [0, 1, 2, 1], "has the class '2', which the training set does not know"),
        ((4, 8, 8), [0.5, 1, 2, 1], ""),
        ((4, 8, 8), [0, 1, 0], ""),
        ((0, 8, 8), [], "no value at all"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(word, shape, labels, message):
    X = np.random.default_rng(0).integers(0, 255, (20, 8, 8)).astype(np.uint8)
    words = {"data": arrays("train.npz", X, np.arange(20) % 2)}
    words[word] = arrays("held.npz", np.ones(shape, np.uint8), np.array(labels))
    with pytest.raises(DataError, match=f"^{word}: held.*{message}"):
        prepare(asked(**words))


@pytest.mark.parametrize("word", ROLES)
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.csv", "cannot read nowhere.csv: No such file"),
        ("nowhere", "'nowhere' is neither a dataset nor a path; expected"),
        ("wine", "wine has rows of 13 values, but train has rows of 4 values; give both"),
        ("http://there/x.csv", "is an address in a network; download it"),
        ("synthetic:x", "the seed must be a whole number"),
    ],
)
def test_sources_that_are_not_there_are_named(tables, word, path, message):
    with pytest.raises(DataError, match=f"^{word}: .*{message}"):
        prepare(asked(data=tables["data"], **{word: path}))


def test_numbers_and_classes_do_not_mix(tables):
    rng = np.random.default_rng(0)
    dataset = Dataset("n", rng.standard_normal((9, 4)), None, values=rng.standard_normal(9))
    message = "^test_data: test has classes as targets, but n has 1 number a row; give both"
    with pytest.raises(DataError, match=message):
        prepare(asked(test_data=tables["test_data"]), dataset)
    two = np.savez("two.npz", dataset=np.ones((3, 4)), labels=np.ones((3, 2)))
    assert two is None
    experiment = asked(test_data="two.npz", loss="mean_squared_error")
    with pytest.raises(DataError, match="two has 2 numbers a row as targets, but n has 1 number"):
        prepare(experiment, dataset)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"test_data": "t.csv", "split": 0.2},
            "split: cannot be given with test_data.*got 0.2 and",
        ),
        ({"test_data": "t.csv", "stratify": True}, "stratify: cannot be given with test_data"),
        (
            {"validation_data": "v.csv", "validation_fraction": 0.2},
            "validation_fraction: cannot be given with validation_data, .*got 0.2 and 'v.csv'",
        ),
    ],
)
def test_rows_are_held_out_in_one_way_only(words, message):
    with pytest.raises(CombinationError, match=f"^{message}"):
        Experiment.from_options(**words)
    # One by one, each is right.
    for word, value in words.items():
        Experiment.from_options(**{word: value})


@pytest.mark.parametrize("given", ["", 3, ["a.csv"]])
@pytest.mark.parametrize("word", ROLES)
def test_a_source_is_a_text_or_a_path(word, given, tmp_path):
    with pytest.raises(ParameterError, match=f"^{word}: must name a source or a path"):
        DataSettings(**{word: given})
    assert getattr(DataSettings(**{word: tmp_path / "x.csv"}), word) == str(tmp_path / "x.csv")


def test_the_share_held_out_is_that_of_before_without_files(tables):
    assert DataSettings().test_fraction == 0.2
    given, usual = (prepare(asked(data=tables["data"], **w)) for w in ({"split": 0.2}, {}))
    np.testing.assert_array_equal(given.X, usual.X)


@pytest.mark.parametrize("word", ROLES)
def test_the_same_source_twice_is_a_warning(tables, word, tmp_path):
    (tmp_path / "link.csv").symlink_to(tables["data"])
    for path in (tables["data"], "./train.csv", "link.csv"):
        message = f"^{word}: should have rows of its own, got '.* would be those of rows trained on"
        with pytest.warns(SamplewiseWarning, match=message):
            prepare(asked(data=tables["data"], **{word: path}))
    with pytest.warns(SamplewiseWarning, match="which is data too"):
        prepare(asked(data="iris", **{word: "iris"}))


def test_the_same_rows_for_validation_and_test_are_a_warning(tables):
    words = tables | {"test_data": tables["validation_data"]}
    with pytest.warns(SamplewiseWarning, match=r"validation_data too; .* training is judged by"):
        prepare(asked(**words))


def test_copies_of_validation_rows_among_those_to_test_on_are_a_warning(tables):
    copied = tables["validation_data"].read_text().splitlines()[1:4]
    _append(tables["test_data"], *copied)
    with pytest.warns(SamplewiseWarning) as found:
        prepare(asked(**tables))
    (note,) = [str(one.message) for one in found]
    assert note.startswith("test_data: should have rows of its own, but 3 of the 33 rows in test ")
    assert "also stand in valid, with the same target; leave copies out of one of them" in note


@pytest.mark.parametrize(
    ("copied", "message"),
    [
        (1, "1 of the 21 rows in valid also stands in"),
        (9, "9 of the 29 rows in valid also stand in"),
    ],
)
@pytest.mark.parametrize("at_once", [3, 9, 1000])
def test_rows_that_also_stand_in_the_training_data_are_counted(
    tables, copied, message, at_once, monkeypatch
):
    monkeypatch.setattr(module, "_VALUES_AT_ONCE", at_once)
    _append(tables["validation_data"], *tables["data"].read_text().split()[1 : copied + 1])
    with pytest.warns(SamplewiseWarning, match=f"^validation_data: .*{message}"):
        prepare(asked(**tables))


def test_equal_values_with_another_target_are_another_row():
    X = np.random.default_rng(0).standard_normal((20, 3))
    arrays("train.npz", X, np.arange(20) % 2)
    arrays("valid.npz", X, (np.arange(20) + 1) % 2)
    prepare(asked(data="train.npz", validation_data="valid.npz"))


@pytest.mark.parametrize(("most", "noted"), [(30 * 4 * 8 + 256 * 30, True), (30 * 256, False)])
def test_rows_beyond_the_limit_are_not_compared(tables, monkeypatch, most, noted):
    """Many short rows take as long as the bytes of fewer long ones."""
    monkeypatch.setattr(module, "MOST_COMPARED", most)
    dataset = load(str(tables["data"])).take(np.arange(15))
    Path("copy.csv").write_text("\n".join(tables["data"].read_text().split()[:16]))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        held = held_rows(asked(validation_data="copy.csv"), dataset)
    assert len(held.validation) == 15
    assert bool(found) is noted


def test_columns_without_names_go_by_position_with_a_warning(tables):
    dataset = load(str(tables["data"]))
    X = np.random.default_rng(0).standard_normal((4, 4))
    arrays("held.npz", X, np.array(["left", "right"] * 2))
    with pytest.warns(SamplewiseWarning, match="held have no names; they are taken in the order"):
        held_rows(asked(test_data="held.npz"), dataset)
    nameless = dataclasses.replace(dataset, columns=None)
    with pytest.raises(DataError, match=r"^test_data: valid: the column 'colour' holds text"):
        held_rows(asked(test_data=tables["validation_data"]), nameless)


def test_a_dataset_that_is_given_takes_the_place_of_the_data_only(tables):
    dataset = load(str(tables["data"]), None, SourceOptions(label="label"))
    found = prepare(asked(test_data=tables["test_data"]), dataset)
    assert [len(found.training), len(found.test)] == [60, 30]


def test_zeros_of_either_sign_are_one_value():
    X = np.array([[0.0, 1], [2, 3], [4, -0.0]])
    arrays("train.npz", X, np.array([0, 1, 1]))
    arrays("valid.npz", np.array([[-0.0, 1], [2, 2], [4, 0]]), np.array([0, 1, 1]))
    with pytest.warns(SamplewiseWarning, match="2 of the 3 rows in valid also stand in train"):
        prepare(asked(data="train.npz", test_data="valid.npz"))
