"""The data table of a dataset."""

import tracemalloc

import numpy as np
import pytest

from samplewise.data.columns import BOOLEAN, CATEGORY, Column
from samplewise.data.dataset import Dataset
from samplewise.data.statistics import statistics


def table(X, labels, class_names, **more):
    labels = np.array(labels, dtype=np.int64)
    dataset = Dataset("d", X, labels, tuple(class_names), source="made here", **more)
    return dataset, dict(statistics(dataset))


def images(**more):
    X = np.zeros((4, 6), np.uint8)
    X[:2] = 200
    return table(X, [0, 1, 0, 1], "49", image_shape=(2, 3), full_scale=255.0, **more)


def test_images_are_described():
    dataset, row = images()
    assert row == {
        "dataset": "d",
        "source": "made here",
        "synthetic": "no",
        "images": "4",
        "size": "2 x 3 pixels",
        "values": "uint8, 0 to 200",
        "mean": "100",
        "standard deviation": "100",
        "full scale": "255",
        "classes": "2: 4, 9",
        "rows per class": "2 each",
        "memory": "56 B",
        "fingerprint": dataset.fingerprint()[:12],
    }


def test_a_table_of_values_is_described():
    _, row = table(np.array([[0.5, -1.0], [1.5, 3.0], [0.0, 2.0]]), [0, 1, 1], ["no", "yes"])
    assert row["rows"] == "3"
    assert row["size"] == "2 values a row"
    assert row["values"] == "float64, -1 to 3"
    assert row["full scale"] == "none"
    assert row["rows per class"] == "1 ('no') to 2 ('yes')"


def test_the_dtype_of_the_file_is_told_beside_that_of_the_rows():
    _, row = images(array_dtype="int64")
    assert row["values"] == "int64, kept as uint8, 0 to 200"
    _, row = images(array_dtype="uint8")
    assert row["values"] == "uint8, 0 to 200"


def test_numbers_to_learn_are_described_instead_of_classes():
    _, row = table(np.zeros((2, 1)), [0, 0], (), values=np.array([[0.5, -1.5], [7.0, 2.0]]))
    assert row["targets"] == "2 a row, -1.5 to 7"
    assert not {"classes", "rows per class"} & row.keys()


def test_drawn_rows_are_marked():
    _, row = images(synthetic=True)
    assert row["synthetic"] == "yes"


@pytest.mark.parametrize(("rows", "memory"), [(10, "240 B"), (100, "2.4 kB"), (100_000, "2.4 MB")])
def test_memory_has_a_readable_unit(rows, memory):
    _, row = table(np.zeros((rows, 2)), np.arange(rows) % 2, "ab")
    assert row["memory"] == memory


def test_values_too_large_to_sum_do_not_warn():
    _, row = table(np.full((4, 1), 1e308), [0, 1, 0, 1], "ab")
    assert row["mean"] == "inf"


def test_control_characters_of_a_class_name_do_not_reach_the_terminal():
    _, row = table(np.zeros((2, 1)), [0, 1], ["a\x1b[2J", "b"])
    assert row["classes"] == "2: a\\x1b[2J, b"


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_the_deviation_is_numpys_also_over_many_blocks(dtype):
    X = np.random.default_rng(0).integers(0, 256, (3_000, 784)).astype(dtype)
    _, row = table(X, np.arange(3_000) % 2, "49")
    assert row["standard deviation"] == f"{X.std():.4g}"


def test_a_dataset_is_described_in_little_more_room_than_it_takes():
    X = np.zeros((30_000, 784), np.uint8)
    labels = np.arange(len(X)) % 2
    dataset = Dataset("d", X, labels, ("4", "9"), source="made here")
    tracemalloc.start()
    statistics(dataset)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes


def test_numbers_to_learn_and_columns_are_described():
    columns = (Column("a"), Column("b", BOOLEAN), Column("c", CATEGORY, ("x", "y", "z")))
    values = np.array([[1.0], [4.0]])
    _, row = table(np.zeros((2, 5)), [0, 0], "", values=values, columns=columns)
    assert row["columns"] == "3: a, b (true or false), c (3 categories)"
    assert row["targets"] == "1 a row, 1 to 4"
    assert row["mean of targets"] == "2.5, standard deviation 1.5"
    assert "classes" not in row
