"""npz files as people save them, rightly or wrongly."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from npz_bytes import LABELS, PIXELS, as_npy, described, npy, packed, zipped

from samplewise.data.sources.npz_file import load_npz
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError

REAL_FILE = Path(__file__).parents[2].parent / "shared" / "data" / "sign-digits-28x28.npz"


def test_reads_the_course_layout(write_npz):
    dataset = load_npz(write_npz(packed(dataset=PIXELS, labels=LABELS)))
    np.testing.assert_array_equal(dataset.X, PIXELS)
    assert dataset.X.dtype == np.uint8
    assert dataset.class_names == ("a", "b")
    assert dataset.labels.tolist() == [1, 0, 1, 0]
    assert (dataset.image_shape, dataset.full_scale, dataset.name) == ((8, 8), 255.0, "data")
    assert not dataset.synthetic


@pytest.mark.real_data
@pytest.mark.skipif(
    not REAL_FILE.exists(), reason="the real sign digits are not beside the checkout"
)
def test_reads_the_real_file():
    dataset = load_npz(REAL_FILE)
    assert dataset.X.shape == (1653, 784)
    assert dataset.class_names == tuple("0123456789")
    assert (dataset.image_shape, dataset.full_scale) == ((28, 28), 255.0)


@pytest.mark.parametrize(
    ("values", "dtype", "image_shape", "full_scale"),
    [
        (PIXELS.astype(np.int64), np.uint8, None, None),
        (PIXELS.astype(">i2"), np.uint8, None, None),
        (PIXELS / 255.0, np.float64, None, None),
        (PIXELS.reshape(4, 4, 16), np.uint8, (4, 16), 255.0),
        (PIXELS.reshape(4, 8, 8) - 99.5, np.float64, (8, 8), None),
        (PIXELS.astype(int) + 1000, np.float64, None, None),
        (PIXELS[:, :63], np.uint8, None, None),
    ],
)
def test_values_and_images(write_npz, values, dtype, image_shape, full_scale):
    dataset = load_npz(write_npz(packed(dataset=values, labels=LABELS)))
    assert dataset.X.dtype == dtype
    np.testing.assert_array_equal(dataset.X, values.reshape(4, -1))
    assert (dataset.image_shape, dataset.full_scale) == (image_shape, full_scale)
    assert dataset.array_dtype == values.dtype.name


def test_the_users_full_scale_makes_numbers_images(write_npz):
    path = write_npz(packed(dataset=PIXELS.astype(np.int64), labels=LABELS))
    dataset = load_npz(path, options=SourceOptions(full_scale=255.0))
    assert (dataset.image_shape, dataset.full_scale) == ((8, 8), 255.0)
    bytes_too = load_npz(write_npz(packed(dataset=PIXELS, labels=LABELS)))
    assert dataset.fingerprint() == bytes_too.fingerprint()


@pytest.mark.parametrize("dtype", [">u2", ">i8", ">f2", ">f4", ">f8", "<f2"])
def test_big_endian_is_converted(write_npz, dtype):
    values = np.array([[1, 300], [-0.0 if "f" in dtype else 2, 7]], dtype=dtype)
    dataset = load_npz(write_npz(packed(dataset=values, labels=np.array(["x", "y"], dtype=">U1"))))
    assert dataset.X.dtype == np.float64
    assert dataset.X.dtype.isnative
    np.testing.assert_array_equal(dataset.X, values)
    assert dataset.class_names == ("x", "y")


def test_fortran_order_is_read_right(write_npz):
    dataset = load_npz(write_npz(packed(dataset=np.asfortranarray(PIXELS), labels=LABELS)))
    np.testing.assert_array_equal(dataset.X, PIXELS)
    assert dataset.X.flags.c_contiguous


def test_one_row_is_a_dataset(write_npz):
    assert len(load_npz(write_npz(packed(dataset=PIXELS[:1], labels=LABELS[:1])))) == 1


def test_missing_key_names_those_present(write_npz):
    with pytest.raises(DataError, match=r"no key 'labels' \(it has: dataset, lables\).*'lables'"):
        load_npz(write_npz(packed(dataset=PIXELS, lables=LABELS)))
    with pytest.raises(DataError, match=r"no key 'dataset' \(it has: none\)"):
        load_npz(write_npz(zipped({})))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"label,x\n1,2\n", "text"),
        ("é,x\n".encode(), "text"),
        (pickle.dumps({"dataset": 1}, protocol=0), "text"),
        (pickle.dumps({"dataset": 1}), "a Python pickle"),
        (npy(described("(1,)"), b"\0"), "a single .npy array"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (bytes(range(1, 256)), "of an unknown kind"),
    ],
)
def test_renamed_file_is_named_by_kind(write_npz, content, kind):
    with pytest.raises(DataError, match=f"is not an npz but {kind}") as caught:
        load_npz(write_npz(content))
    assert "pickle=" not in str(caught.value)


@pytest.mark.parametrize("key", ["dataset", "labels"])
def test_objects_are_refused_unread(write_npz, tmp_path, key):
    class Spy:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    arrays = {"dataset": PIXELS, "labels": LABELS}
    arrays[key] = np.array([Spy()] * 4, dtype=object)
    with pytest.raises(DataError, match=f"key '{key}' holds Python objects") as caught:
        load_npz(write_npz(packed(**arrays)))
    assert not (tmp_path / "ran").exists()
    assert "allow_pickle" not in str(caught.value)


def test_version_2_header_is_read(write_npz):
    member = npy(described("(4, 64)"), PIXELS.tobytes(), (2, 0))
    path = write_npz(zipped({"dataset.npy": member, "labels.npy": as_npy(LABELS)}))
    np.testing.assert_array_equal(load_npz(path).X, PIXELS)


def test_python_2_header_gives_no_warning(write_npz):
    member = npy(described("(4L, 64L)"), PIXELS.tobytes())
    path = write_npz(zipped({"dataset.npy": member, "labels.npy": as_npy(LABELS)}))
    np.testing.assert_array_equal(load_npz(path).X, PIXELS)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(4, dtype=[("x", "f8"), ("y", "i4")]),
        np.zeros((4, 2), dtype="M8[s]"),
        np.zeros((4, 2), dtype="m8[s]"),
        np.zeros((4, 2), dtype=np.complex128),
        np.zeros((4, 2), dtype="V3"),
        np.array([["a", "b"]] * 4),
    ],
    ids=lambda array: str(array.dtype),
)
def test_other_dtypes_are_refused(write_npz, array):
    with pytest.raises(DataError, match="allowed are bool, integers, float16, float32, float64"):
        load_npz(write_npz(packed(dataset=array, labels=LABELS)))


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is float64 here")
def test_longdouble_is_refused(write_npz):
    with pytest.raises(DataError, match="allowed are bool"):
        load_npz(write_npz(packed(dataset=PIXELS.astype(np.longdouble), labels=LABELS)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_inf(write_npz, bad, dtype):
    values = PIXELS.astype(dtype)
    values[2, 5] = values[3, 0] = bad
    with pytest.raises(
        DataError, match=r"key 'dataset': 2 values are NaN or inf.* row 2, column 5"
    ):
        load_npz(write_npz(packed(dataset=values, labels=LABELS)))


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((3, 2), 4, "'dataset' has 3 rows but 'labels' has 4"),
        ((0, 2), 0, r"shape \(0, 2\)"),
        ((4, 0), 4, r"shape \(4, 0\)"),
        ((), 4, r"shape \(\); expected \(rows, features\)"),
        ((4,), 4, "reshape it to"),
        ((4, 2, 2, 2), 4, r"\(rows, height, width\); make images grey, as the mean over"),
    ],
)
def test_shapes_that_do_not_fit(write_npz, shape, labels, message):
    arrays = {"dataset": np.zeros(shape), "labels": np.array(["a"] * labels, dtype="U1")}
    with pytest.raises(DataError, match=message):
        load_npz(write_npz(packed(**arrays)))


@pytest.mark.parametrize("labels", [np.array("a"), np.zeros((2, 2, 1), dtype=int)])
def test_labels_of_no_use(write_npz, labels):
    with pytest.raises(DataError, match=r"expected .*one label for each row"):
        load_npz(write_npz(packed(dataset=PIXELS, labels=labels)))
