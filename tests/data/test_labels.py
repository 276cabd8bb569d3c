"""Raw labels to class names and indices."""

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.data.labels import (
    check_class_name,
    check_distinct,
    encode_labels,
)
from samplewise.errors import DataError
from samplewise.experiment.prepared import check_learnable


def test_classes_are_composed_as_columns_are():
    names, indices = encode_labels(np.array(["a", "o\u0308", "q", "p", "a"]), "t")
    assert (names, indices.tolist()) == (("a", "p", "q", "ö"), [0, 3, 2, 1, 0])


@pytest.mark.parametrize(
    ("raw", "names", "indices"),
    [
        (np.array(["9", "4", "9"]), ("4", "9"), [1, 0, 1]),
        (np.array(["10", "9", "2"]), ("10", "2", "9"), [0, 2, 1]),
        (np.array(["é", "Z", "a", "\U0001f44b"]), ("Z", "a", "é", "\U0001f44b"), [2, 0, 1, 3]),
        (np.array([10, 9, 2]), ("2", "9", "10"), [2, 1, 0]),
        (np.array([1, -1, 1], dtype=np.int8), ("-1", "1"), [1, 0, 1]),
        (np.array([True, False, True]), ("False", "True"), [1, 0, 1]),
        (np.array([3.0, 1.0, 3.0]), ("1", "3"), [1, 0, 1]),
        (np.array([0.0, -0.0]), ("0",), [0, 0]),
        (np.array([2.0**53, 0.0]), ("0", "9007199254740992"), [1, 0]),
        (np.array([b"b", b"a"]), ("a", "b"), [1, 0]),
    ],
)
def test_classes_in_order(raw, names, indices):
    got_names, got_indices = encode_labels(raw, "x")
    assert got_names == names
    assert got_indices.tolist() == indices
    assert got_indices.dtype == np.int64


def test_big_integers_never_pass_through_floats():
    raw = np.array([2**53 + 1, 2**53, 2**63, 2**64 - 1], dtype=np.uint64)
    names, _ = encode_labels(raw, "x")
    assert names == tuple(map(str, sorted(raw.tolist())))


@pytest.mark.parametrize(
    ("dtype", "digits"), [(np.float16, 11), (np.float32, 24), (np.float64, 53)]
)
def test_floats_too_big_to_be_exact(dtype, digits):
    raw = np.array([0.0, 2.0 ** (digits + 1)], dtype=dtype)
    with pytest.raises(DataError, match=rf"labels go beyond 2\^{digits}"):
        encode_labels(raw, "x")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.array([0.0, 1.5]), r"label 1\.5 in row 1 .* regression"),
        (np.array([0.0, np.nan, np.nan]), "2 labels are NaN, the first in row 1"),
        (np.array([0.0, 1.0, -np.inf]), "1 label is inf, the first in row 2"),
        (np.array([1, "a", None], dtype=object), "labels are object; expected text"),
        (np.array([1j]), "labels are complex128"),
        (np.array(["2020-01-01"], dtype="M8[D]"), r"labels are datetime64"),
        (np.array(["a", ""]), "a label is empty"),
        (np.array(["a", "  "]), "a label is empty"),
        (np.array([b"\xff"]), "not UTF-8"),
        (np.eye(3), "are one-hot.*argmax"),
        (np.eye(3, dtype=bool), "are one-hot.*argmax"),
        (
            np.array([[1, 1], [0, 1]]),
            r"shape \(2, 2\); expected \(rows,\).*multi_label_cross_entropy",
        ),
        (np.array([["a", "b"]]), r"labels have shape \(1, 2\)"),
        (np.array(3), r"labels have shape \(\)"),
        (np.repeat(np.arange(10_001), 2), "20,002 rows have 10,001 different labels"),
        (np.array(["café", "cafe\u0301"]), "by blanks, invisible characters or Unicode form"),
        (np.array(["café", "\ufeffcafé"]), "by blanks, invisible characters or Unicode form"),
        (np.array(["cat", "cat\u200b"]), "by blanks, invisible characters or Unicode form"),
        (np.array([b"a  b", b"a b"]), "by blanks, invisible characters or Unicode form"),
        (np.array(["a", "x" * 1001]), "has 1,001 characters, at most 1,000"),
        (np.array(["a", "b\x07"]), "control characters"),
        (np.array(["a", "b\u2028"]), "control characters"),
        (np.array(["a", "\ud800"]), "lone surrogates"),
        (np.array([97, 0x110000], dtype=np.uint32).view("<U1"), "not characters"),
    ],
)
def test_labels_that_are_refused(raw, message):
    with pytest.raises(DataError, match=message) as caught:
        encode_labels(raw, "the file")
    assert str(caught.value).startswith("the file: ")


def test_message_shows_no_control_characters():
    with pytest.raises(DataError) as caught:
        check_class_name("a\x1b[31m\n" + "x" * 2000, "x")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_one_column_is_read_with_a_warning():
    with pytest.warns(UserWarning, match=r"labels have shape \(3, 1\); read as \(3,\)"):
        names, indices = encode_labels(np.array([[5], [4], [5]]), "x")
    assert (names, indices.tolist()) == (("4", "5"), [1, 0, 1])


def test_limits_themselves_are_accepted():
    assert len(encode_labels(np.arange(20), "x")[0]) == 20
    assert len(encode_labels(np.append(np.arange(10_000), 0), "x")[0]) == 10_000
    check_class_name("x" * 1000, "x")


def test_letters_of_both_cases_are_classes_but_not_folders():
    assert encode_labels(np.array(["a", "A"]), "x")[0] == ("A", "a")
    with pytest.raises(DataError, match="'A' and 'a' differ only by case"):
        check_distinct(["A", "a"], "x", ignore_case=True)
    with pytest.raises(DataError, match="differ only by case"):
        check_distinct(["\u1e9b\u0323", "\u1e69"], "x", ignore_case=True)


def labelled(labels):
    names, indices = encode_labels(np.array(labels), "x")
    return Dataset("mine", np.zeros((len(labels), 1)), indices, names, "s")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["b", "b"], r"one class only \('b', 2 samples\).*at least two classes"),
        (["b"], r"\('b', 1 sample\)"),
        (list(range(21)), "21 rows have 21 different labels.*regression.*--loss mean_squared_er"),
        ([*range(30), *range(20)], "50 rows have 30 different labels.*--loss mean_squared_error"),
        ([f"row {i}" for i in range(21)], "like names of the rows.*--label"),
    ],
)
def test_labels_that_cannot_be_learnt_as_classes(labels, message):
    with pytest.raises(DataError, match=f"^mine.*{message}"):
        check_learnable(labelled(labels))


def test_few_rows_few_classes_and_numbers_can_be_learnt():
    check_learnable(labelled(range(20)))
    check_learnable(labelled([*range(30), *range(30)]))
    check_learnable(labelled([f"person {i}" for i in [*range(30), *range(20)]]))
    numbers = Dataset("n", np.zeros((1, 1)), np.zeros(1, int), (), "s", values=np.zeros((1, 1)))
    check_learnable(numbers)
