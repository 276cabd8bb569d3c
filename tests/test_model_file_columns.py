"""Columns, full scale and fit in a model file (format 2), and files of format 1."""

import json
import time
import tracemalloc

import numpy as np
import pytest

from golden_model_files import FORMAT_1_IMAGES, FORMAT_1_TABLE
from model_files import joined, made, parts, refused, table_model, with_metadata
from samplewise.data.columns import BOOLEAN, CATEGORY, MAX_COLUMNS_BYTES, Column
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import ModelFileError
from samplewise.model.model_file import load_model, save_model

COLUMNS = (Column("größe, cm"), Column("flag", BOOLEAN), Column("city", CATEGORY, ("Bern", "日本")))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def good(path):
    save_model(table_model(columns=COLUMNS), path)
    return path.read_bytes()


def with_columns(content, raw, **changes):
    """Bytes of a model whose tensor of columns, the last in the file, is `raw`."""
    header, data = parts(content)
    start, stop = header["columns"]["data_offsets"]
    assert stop == len(data)
    header["columns"].update(shape=[len(raw)], data_offsets=[start, start + len(raw)])
    return with_metadata(joined(header, data[:start] + raw), **{"columns": len(raw), **changes})


def test_columns_full_scale_and_fit_come_back(path, good):
    assert load_model(path).columns == COLUMNS
    save_model(made(full_scale=255.0, fit="crop", array_dtype="uint8"), path)
    back = load_model(path)
    assert (back.columns, back.full_scale) == (None, 255.0)
    assert (back.fit, back.array_dtype) == ("crop", "uint8")
    standardized = made(preprocessing=Preprocessing("standardize"), full_scale=1023.0)
    save_model(standardized, path)
    assert load_model(path).full_scale == 1023.0


def test_twenty_thousand_columns_are_stored_and_read_quickly(path):
    columns = tuple(Column(f"ENSG{number:011}") for number in range(20_000))
    wide = made(hidden=(), inputs=20_000, image_shape=None, columns=columns)
    start = time.thread_time()
    save_model(wide, path)
    assert load_model(path).columns == columns
    assert time.thread_time() - start < 10


def test_a_file_of_format_1_gives_the_same_model_as_ever(path):
    path.write_bytes(FORMAT_1_IMAGES)
    images = load_model(path)
    np.testing.assert_array_equal(images.parameters, made(hidden=()).parameters)
    assert (images.columns, images.full_scale, images.fit) == (None, 255.0, "stretch")
    assert images.array_dtype is None
    path.write_bytes(FORMAT_1_TABLE)
    table = load_model(path)
    wanted = table_model(hidden=(), dtype="float32", classes=("x", "y", "z"))
    assert (table.columns, table.full_scale) == (None, None)
    np.testing.assert_array_equal(table.predict(np.eye(4)), wanted.predict(np.eye(4)))


def test_format_2_is_written(good):
    header, _ = parts(good)
    assert json.loads(header["__metadata__"]["samplewise"])["format"] == 2
    assert json.loads(parts(FORMAT_1_TABLE)[0]["__metadata__"]["samplewise"])["format"] == 1


def test_keys_of_format_2_are_refused_in_format_1(path):
    refused(path, with_metadata(FORMAT_1_TABLE, fit="pad"), "has unknown fit")


LONG = "x" * 1_001


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"number\ta", "names 1 feature, but the network takes 4"),
        ("\n".join(f"number\t{c}" for c in "abcde").encode(), "more columns or categories"),
        (b"category\tc" + b"\t1" * 9, "more columns or categories"),
        (b"category\tc\t1\t2\nnumber\ta\nnumber\ta", "name 'a' occurs 2 times"),
        (b"category\tc\t1\t1\t2\t3", "category '1' occurs 2 times"),
        (b"category\tc\nnumber\ta", "has 0 categories"),
        (b"number\tc\t1\t2\t3\t4", "has 4 categories"),
        (b"text\tc", "kind of the column 'c' must be .* got 'text'"),
        (b"number", "line without a name"),
        (b"number\ta\n\nnumber\tb", "line without a name"),
        (b"number\t \nnumber\tb", "is blank; expected a text"),
        (b"number\t\x1b[2J", r"x1b\[2J' holds control characters"),
        (b"category\ta\tb\r\tc", "holds control characters"),
        ("number\ta\u2028".encode(), "holds control characters"),
        (b"number\t\xff", "not UTF-8"),
        (b"number\t\xed\xa0\x80", "not UTF-8"),
        (f"number\t{LONG}".encode(), "has 1,001 characters"),
        (f"category\ta\tb\t{LONG}".encode(), "has 1,001 characters"),
    ],
)  # fmt: skip
def test_hostile_columns_are_refused(path, good, raw, message):
    refused(path, with_columns(good, raw), message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": None}, "should not have the tensors columns"),
        ({"columns": 0}, "columns: must be .* got 0"),
        ({"columns": True}, "columns: must be .* got True"),
        ({"columns": "age"}, "columns: must be .* got 'age'"),
        ({"columns": 7}, "the description says uint8"),
        ({"columns": MAX_COLUMNS_BYTES + 65}, "columns: must be a whole number from 1 to"),
        ({"columns": 10**17}, "columns: must be a whole number from 1 to"),
        ({"columns": ...}, "lacks columns"),
        ({"fit": "shrink"}, "fit: must be .* got 'shrink'"),
        ({"fit": None}, "fit: must be .* got None"),
        ({"array_dtype": "object"}, "array_dtype: must be .* got 'object'"),
        ({"array_dtype": ["uint8"]}, "array_dtype: must be"),
        ({"full_scale": 0}, "full_scale: must be .* got 0.0"),
        ({"full_scale": -1}, "full_scale: must be .* got -1.0"),
        ({"full_scale": "255"}, "full_scale: must be .* got '255'"),
        ({"full_scale": [255]}, "full_scale: must be"),
        ({"full_scale": True}, "full_scale: must be .* got True"),
    ],
)
def test_a_description_of_columns_or_scale_that_does_not_hold_is_refused(
    path, good, changes, message
):
    refused(path, with_metadata(good, **changes), message)


def test_two_values_of_white_are_refused(path):
    save_model(made(full_scale=255.0), path)
    content = with_metadata(path.read_bytes(), full_scale=16.0)
    refused(path, content, "full_scale: must be that of preprocessing, 255, got 16")


def test_a_tensor_of_numbers_in_place_of_the_columns_is_refused(path, good):
    header, data = parts(good)
    start = header["columns"]["data_offsets"][0]
    numbers = {"dtype": "F64", "shape": [4], "data_offsets": [start, start + 32]}
    content = joined({**header, "columns": numbers}, data[:start] + bytes(32))
    refused(path, with_metadata(content, columns=32), "the description says uint8")


@pytest.mark.parametrize("filler", [b"\n", b"\t", b"number\ta\n", b"category\ta\tb\n", b"x"])
def test_hostile_columns_take_bounded_time_and_memory(path, good, filler):
    raw = filler * (MAX_COLUMNS_BYTES // len(filler))
    path.write_bytes(with_columns(good, raw))
    tracemalloc.start()
    start = time.thread_time()
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert time.thread_time() - start < 10
    assert tracemalloc.get_traced_memory()[1] < 10 * MAX_COLUMNS_BYTES
    tracemalloc.stop()
    assert len(str(caught.value)) < 1_500


@pytest.mark.parametrize(
    "columns",
    [
        (Column("a"),) * 4,
        (Column("a\n"), Column("b"), Column("c"), Column("d")),
        (Column("a\tb"), Column("b"), Column("c"), Column("d")),
        (Column("\ud800"), Column("b"), Column("c"), Column("d")),
    ],
)
def test_columns_that_could_not_be_read_back_are_not_written(path, columns):
    with pytest.raises(ModelFileError):
        save_model(table_model(columns=columns), path)
    assert list(path.parent.iterdir()) == []
