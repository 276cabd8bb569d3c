"""Which arrays are images, and where their white lies: never a guess over values."""

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.data.pixels import Scale, on_scale, rows_from, table_rows, warn_of_scale
from samplewise.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 64)).astype(np.uint8)
CUBE = PIXELS.reshape(4, 4, 16)


@pytest.mark.parametrize(
    ("values", "image_shape", "full_scale"),
    [
        (PIXELS, (8, 8), 255.0),
        (PIXELS > 99, None, None),
        (PIXELS.astype(np.int64), None, None),
        (PIXELS.astype(np.float32), None, None),
        (PIXELS / 255, None, None),
        (PIXELS[:, :63], None, None),
        (PIXELS[:, :49], None, None),
        (CUBE, (4, 16), 255.0),
        (CUBE // 255, (4, 16), 255.0),
        (CUBE > 99, (4, 16), 1.0),
        (CUBE.astype(np.int64), (4, 16), None),
        (CUBE / 255, (4, 16), None),
    ],
)
def test_dtype_and_shape_decide(values, image_shape, full_scale):
    rows = rows_from(values, "x")
    assert (rows.image_shape, rows.full_scale) == (image_shape, full_scale)
    assert rows.array_dtype == values.dtype.name
    np.testing.assert_array_equal(rows.X, values.reshape(4, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [((4, 64), (8, 8)), ((64, 4), (2, 2)), ((4, 16, 4), (16, 4)), ((2, 128), None)],
)
def test_the_user_decides_before_them(dtype, shape, image_shape):
    rows = rows_from(PIXELS.astype(dtype).reshape(shape), "x", full_scale=16.0)
    assert (rows.image_shape, rows.full_scale) == (image_shape, 16.0)


def test_whole_numbers_of_a_byte_are_kept_as_bytes():
    assert rows_from(PIXELS.astype(np.int64), "x").X.dtype == np.uint8
    assert rows_from(PIXELS.astype(np.int64) + 1000, "x").X.dtype == np.float64


@pytest.mark.parametrize("values", [PIXELS, PIXELS.astype(np.float64)])
def test_text_is_a_table_whatever_dtype_its_numbers_were_read_as(values):
    rows = table_rows(values, "x")
    assert (rows.image_shape, rows.full_scale, rows.array_dtype) == (None, None, None)
    assert rows.X.dtype == np.float64
    images = table_rows(values, "x", full_scale=255.0)
    assert (images.image_shape, images.full_scale, images.array_dtype) == ((8, 8), 255.0, None)


def test_text_with_infinity_is_refused():
    with pytest.raises(DataError, match="x: 1 value is NaN or inf"):
        table_rows(np.array([[1.0, np.inf]]), "x")


DIM = np.array([[0, 10, 16]])


@pytest.mark.parametrize(
    ("source", "model", "said", "factor"),
    [
        # Nothing says where white is, or the model was not trained on pixels.
        (Scale(None, "int64"), Scale(255.0, "uint8"), False, 1),
        (Scale(None), Scale(255.0), False, 1),
        (Scale(255.0, "uint8"), Scale(None, "float64"), False, 1),
        # One white.
        (Scale(255.0, "uint8"), Scale(255.0, "int64"), False, 1),
        # Image files and named datasets, silently.
        (Scale(255.0), Scale(16.0, "uint8"), False, 16 / 255),
        (Scale(16.0), Scale(255.0, "uint8"), False, 255 / 16),
        # The user said at training that white is 16 in uint8, and it still is.
        (Scale(255.0, "uint8"), Scale(16.0, "uint8"), False, 1),
        # The user says now.
        (Scale(32.0, "uint8"), Scale(16.0, "uint8"), True, 1 / 2),
        (Scale(255.0, "int64"), Scale(255.0, "uint8"), True, 1),
    ],
)
def test_rows_of_a_model(source, model, said, factor):
    scaled = on_scale(DIM, source, model, "x", said=said)
    np.testing.assert_allclose(scaled, DIM * factor, rtol=1e-15)


@pytest.mark.parametrize("white", [None, 255.0])
def test_an_array_of_bytes_is_brought_to_a_model_of_other_arrays_with_a_warning(white):
    # Rows that are not squares have no white of their own.
    with pytest.warns(
        UserWarning, match=r"x: white is 255 in an array of uint8, but was 1 in .*1 "
    ):
        scaled = on_scale(DIM, Scale(white, "uint8"), Scale(1.0, "float64"), "x")
    np.testing.assert_allclose(scaled, DIM / 255, rtol=1e-15)
    with pytest.warns(UserWarning, match="white is 1 in an array of bool"):
        scaled = on_scale(np.array([[0, 1]]), Scale(None, "bool"), Scale(255.0, "uint8"), "x")
    assert scaled.tolist() == [[0, 255]]


@pytest.mark.parametrize(
    ("values", "dtype", "white", "suggested"),
    [
        ([0, 1], "uint8", 255.0, 1),
        ([0, 1], "int64", 255.0, 1),
        ([0.5, 0.7], "float64", 255.0, 1),
        ([0, 200], "int64", 1.0, 255),
        ([0, 200], "int64", 16.0, 255),
    ],
)
def test_rows_that_seem_to_have_another_white_are_taken_as_they_are_and_told(
    values, dtype, white, suggested
):
    with pytest.warns(UserWarning, match=f"if white is {suggested} here, say --full-scale"):
        scaled = on_scale(np.array([values]), Scale(None, dtype), Scale(white, "uint8"), "x")
    assert scaled.tolist() == [values]


def test_a_full_scale_for_a_model_of_a_table_is_told_to_play_no_part():
    with pytest.warns(UserWarning, match="--full-scale plays no part"):
        assert on_scale(DIM, Scale(16.0), Scale(None), "x", said=True) is DIM


def dataset(values, full_scale=None):
    rows = rows_from(values, "x", full_scale)
    labels = np.zeros(len(values), dtype=np.int64)
    fields = (rows.image_shape, rows.full_scale)
    return Dataset("x", rows.X, labels, ("a",), "here", *fields, array_dtype=rows.array_dtype)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (PIXELS.astype(np.int64), "table of 64 numbers a row, up to 255; .*--full-scale 255"),
        (PIXELS.astype(np.float64), "table of 64 numbers a row, up to 255; .*--full-scale 255"),
        (PIXELS / 255, "table of 64 numbers a row, up to 1; .*--full-scale 1$"),
        (CUBE / 255, "images of float64, whose white nothing says, up to 1; .*--full-scale 1$"),
        (PIXELS // 255, "no value exceeds 1; if white is 1, say --full-scale 1"),
    ],
)
def test_rows_that_seem_to_be_pixels_are_told(values, message):
    with pytest.warns(UserWarning, match=message):
        warn_of_scale(dataset(values))


@pytest.mark.parametrize(
    "rows",
    [
        dataset(PIXELS),
        dataset(PIXELS // 255, full_scale=1.0),
        dataset(PIXELS.astype(np.int64), full_scale=255.0),
        dataset(PIXELS.astype(np.int64) - 1),
        dataset(PIXELS.astype(np.int64) + 1),
        dataset(PIXELS - 0.25),
        dataset(PIXELS[:, :63].astype(np.int64)),
        dataset(PIXELS[:, :49].astype(np.int64)),
    ],
)
def test_others_are_not(rows):
    warn_of_scale(rows)
