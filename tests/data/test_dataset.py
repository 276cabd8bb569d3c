"""A dataset is checked when it is built, and its rows and classes are picked by name."""

import numpy as np
import pytest
from frames import Column, Frame

from samplewise import Experiment, run
from samplewise.data.dataset import Dataset
from samplewise.errors import DataError


def dataset(X=None, labels=(0, 1, 2, 1), class_names=("a", "b", "c"), **more):
    X = np.arange(8.0).reshape(4, 2) if X is None else X
    labels = np.array(labels, dtype=np.int64)
    return Dataset("d", X, labels, tuple(class_names), source="made here", **more)


def test_chosen_classes_are_renumbered_in_the_order_named():
    chosen = dataset().select(["c", "b"])
    assert chosen.class_names == ("c", "b")
    assert chosen.labels.tolist() == [1, 0, 1]
    assert chosen.X[:, 0].tolist() == [2.0, 4.0, 6.0]


def test_a_class_that_does_not_exist_names_those_that_do():
    digits = dataset(class_names=("four", "nine", "two"))
    with pytest.raises(DataError, match="no class 'fuor'; it has four, nine, two; did you mean"):
        digits.select(["fuor", "nine"])


def test_a_class_named_by_a_number_is_refused():
    with pytest.raises(DataError, match="no class '4'"):
        dataset().select([4, 9])


def test_classes_are_found_in_either_unicode_form():
    for known, said in (("é", "e\u0301"), ("e\u0301", "é")):
        chosen = dataset(class_names=("a", "b", known)).select([said, "a"])
        assert chosen.class_names == (known, "a")
        assert chosen.labels.tolist() == [1, 0]


def test_a_class_named_twice_is_refused():
    with pytest.raises(DataError, match="classes: must be different, got a, a; name each once"):
        dataset().select(["a", "a"])


def test_classes_without_a_row_are_refused():
    with pytest.raises(DataError, match="no row of the classes d"):
        dataset(class_names=("a", "b", "c", "d")).select(["d"])


def test_the_columns_of_a_data_frame_are_found_by_name_afterwards():
    a, b = np.arange(20.0), np.arange(20.0)[::-1] ** 2
    frame, swapped = Frame(a=a, b=b), Frame(b=b, a=a)
    made = Dataset("d", frame, values=a / 20)
    assert [column.name for column in made.columns] == ["a", "b"]
    again = Dataset("again", swapped, values=a / 20, columns=made.columns)
    np.testing.assert_array_equal(again.X, made.X)
    model = run(Experiment.from_options(loss="mean_squared_error", epochs=1), made).model
    np.testing.assert_array_equal(model.predict(swapped), model.predict(made.X))
    with pytest.raises(DataError, match="d: X: the columns are not those.*missing 'b'"):
        Dataset("d", Frame(a=[1.0]), values=[1.0], columns=made.columns)


def test_the_pixels_of_a_data_frame_have_no_columns():
    frame = Frame(**{f"pixel{k}": np.arange(3.0) for k in range(4)})
    assert Dataset("d", frame, [0, 1, 0], image_shape=(2, 2)).columns is None


def test_measured_values_as_labels_are_told_where_they_belong():
    with pytest.raises(DataError, match=r"d: labels are measured values, such as 0\.5, and not"):
        Dataset("d", np.zeros((3, 1)), [1.0, 0.5, 2.0])
    assert Dataset("d", np.zeros((3, 1)), values=[1.0, 0.5, 2.0]).targets.shape == (3, 1)
    with pytest.raises(DataError, match="d: expected labels.* or values.*; got neither"):
        Dataset("d", np.zeros((3, 1)))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((4, 0)), "shape"),
        (np.zeros(4), "shape"),
        (np.zeros((4, 2), dtype=complex), "d: X: expected numbers, got complex128 values"),
        ([[1, 2], [3], [4], [5]], "d: X: cannot be made an array"),
        (np.zeros((3, 2)), "labels must be as many as X has rows, 3 labels, got shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(X, message):
    with pytest.raises(DataError, match=message):
        dataset(X)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_with_row_and_column(value):
    X = np.zeros((4, 2))
    X[2, 1] = value
    with pytest.raises(DataError, match="NaN or inf, the first in row 2, column 1"):
        dataset(X)


@pytest.mark.parametrize("labels", [(0, 1, 2, 3), (0, 1, -1, 2)])
def test_a_label_without_a_class_is_refused(labels):
    with pytest.raises(
        DataError, match="labels must be from 0 to 2, .* got (0 to 3|-1 to 2); number"
    ):
        dataset(labels=labels)


def test_an_image_shape_must_fit_the_rows():
    with pytest.raises(
        DataError, match="image_shape must make as many pixels as a row has values, 2 pixels, got"
    ):
        dataset(image_shape=(2, 2))


def test_counts_have_an_entry_for_every_class():
    assert dataset(class_names=("a", "b", "c", "d")).counts().tolist() == [1, 2, 1, 0]


def test_the_fingerprint_sees_values_labels_and_names():
    prints = {
        dataset().fingerprint(),
        dataset(labels=(0, 1, 2, 2)).fingerprint(),
        dataset(class_names=("a", "b", "x")).fingerprint(),
        dataset(class_names=("a", "bx", "y")).fingerprint(),
        dataset(class_names=("ab", "x", "y")).fingerprint(),
        dataset(np.arange(1.0, 9.0).reshape(4, 2)).fingerprint(),
    }
    assert len(prints) == 6
    assert dataset().fingerprint() == dataset().fingerprint()


@pytest.mark.parametrize(
    ("labels", "names", "indices"),
    [
        (["dog", "cat", "dog", "cat"], ("cat", "dog"), [1, 0, 1, 0]),
        (
            np.array([["dog"], ["cat"], ["dog"], ["cat"]], dtype=object),
            ("cat", "dog"),
            [1, 0, 1, 0],
        ),
        (Column(np.array(["b", "a", "b", "b"], object), "category"), ("a", "b"), [1, 0, 1, 1]),
        ([True, False, False, True], ("False", "True"), [1, 0, 0, 1]),
        ([9, 4, 9, 4], ("4", "9"), [1, 0, 1, 0]),
        ([1.0, 0.0, 0.0, 1.0], ("0", "1"), [1, 0, 0, 1]),
    ],
)
def test_classes_are_the_labels_where_none_are_named(labels, names, indices):
    made = Dataset("d", np.arange(8).reshape(4, 2), labels)
    assert made.class_names == names
    assert made.labels.dtype == np.int64
    assert made.labels.tolist() == indices


def test_text_labels_are_looked_up_in_the_classes_named():
    made = Dataset("d", np.zeros((3, 1)), ["b", "a", "b"], ("b", "a", "c"))
    assert made.labels.tolist() == [0, 1, 0]
    with pytest.raises(DataError, match="hold the class 'cta', but the classes are cat; did you"):
        Dataset("d", np.zeros((1, 1)), ["cta"], ("cat",))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", None, "b", "a"], "d: labels: a missing value .* in row 1"),
        ([0.0, np.nan, 1.0, 0.0], "d, labels|d: labels.*NaN"),
        ([0.5, 1, 0, 1], "labels are float64; expected the names of classes"),
        (None, "d: expected labels, the class of each row, or values"),
        (np.ma.masked_equal([1, 0, 1, 0], 1), "d: labels: got a masked array"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        Dataset("d", np.zeros((4, 1)), labels, ("a", "b"))


def test_rows_come_as_frames_lists_and_any_numbers():
    frame = Frame(a=np.array([1, 2], np.int32), flag=[True, False])
    for X in (frame, [[1, 1], [2, 0]], np.array([[1, 1], [2, 0]], np.float32)):
        made = Dataset("d", X, ["n", "y"])
        assert made.X.dtype == np.float64
        assert made.X.tolist() == [[1, 1], [2, 0]]
    assert Dataset("d", np.ones((1, 1), np.uint8), ["n"]).X.dtype == np.uint8


def test_numbers_to_learn_need_no_labels():
    made = Dataset("d", np.zeros((3, 1)), None, values=[1, 2, 3])
    assert made.targets.tolist() == [[1], [2], [3]]
    assert made.labels.tolist() == [0, 0, 0]


@pytest.mark.parametrize("names", ["ab", (1, 2), ("a", "a"), None])
def test_class_names_that_are_no_different_texts_are_refused(names):
    with pytest.raises(DataError, match="d: class_names must be different texts"):
        Dataset("d", np.zeros((2, 1)), [0, 1], names)


@pytest.mark.parametrize(
    "field",
    [
        {"image_shape": "ab"}, {"image_shape": (2,)}, {"image_shape": (0, 2)},
        {"full_scale": "white"}, {"full_scale": float("nan")}, {"full_scale": 0.0},
        {"columns": ["a", "b"]}, {"columns": 3},
    ],
)  # fmt: skip
def test_settings_of_another_kind_are_refused(field):
    name = next(iter(field))
    with pytest.raises(DataError, match=f"odd: {name}"):
        Dataset("odd", np.eye(2), np.array([0, 1]), ("a", "b"), **field)


def test_numbers_may_have_names_that_no_fingerprint_holds():
    def numbers(names, outputs=2):
        return dataset(
            labels=(0,) * 4, class_names=(), values=np.ones((4, outputs)), target_names=names
        )

    named = numbers(("price", "rent"))
    assert named.take(np.array([1, 0])).target_names == ("price", "rent")
    assert named.fingerprint() == numbers(()).fingerprint()
    with pytest.raises(DataError, match="d: target_names must be empty, or 2 texts, one for each"):
        numbers(("price",))
    with pytest.raises(DataError, match="d: target_names must be different texts"):
        numbers(("price", "price"))
    with pytest.raises(DataError, match="targets: the column name ' ' is blank"):
        numbers(("price", " "))
    with pytest.raises(DataError, match="d: target_names must be empty, or 0 texts"):
        dataset(target_names=("price",))
