"""A dataset is checked when it is built, and its rows and classes are picked by name."""

import numpy as np
import pytest

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


def test_a_class_named_twice_is_refused():
    with pytest.raises(DataError, match="one class twice"):
        dataset().select(["a", "a"])


def test_classes_without_a_row_are_refused():
    with pytest.raises(DataError, match="no row of the classes d"):
        dataset(class_names=("a", "b", "c", "d")).select(["d"])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((4, 0)), "shape"),
        (np.zeros(4), "shape"),
        (np.zeros((4, 2), dtype=np.int32), "int32; expected uint8 or float64"),
        (np.zeros((3, 2)), "3 rows but labels"),
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
    with pytest.raises(DataError, match="labels run from"):
        dataset(labels=labels)


def test_an_image_shape_must_fit_the_rows():
    with pytest.raises(DataError, match="no images"):
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
