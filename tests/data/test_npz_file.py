"""npz files, honest and hostile (RELIABILITY 2A, 1 to 12 and 21)."""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samplewise.data import npz_file, regular_file
from samplewise.data.npz_file import load_npz
from samplewise.errors import DataError

REAL_FILE = Path(__file__).parents[2].parent / "shared" / "data" / "sign-digits-28x28.npz"

PIXELS = np.arange(4 * 64, dtype=np.uint8).reshape(4, 64)
LABELS = np.array(["b", "a", "b", "a"])


def packed(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy(header, data=b"", version=(1, 0)):
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header.encode("latin-1") + data


def zipped(members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def described(shape, dtype="|u1"):
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n"


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / "data.npz"
        path.write_bytes(content)
        return path

    return write_file


def test_reads_the_course_layout(write):
    dataset = load_npz(write(packed(dataset=PIXELS, labels=LABELS)))
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
        (PIXELS.astype(np.int64), np.uint8, (8, 8), 255.0),
        (PIXELS.astype(">i2"), np.uint8, (8, 8), 255.0),
        (PIXELS.astype(np.float32), np.float64, (8, 8), 255.0),
        (PIXELS / 255.0, np.float64, (8, 8), 1.0),
        (PIXELS > 99, np.uint8, (8, 8), 1.0),
        (PIXELS.reshape(4, 4, 16), np.uint8, (4, 16), 255.0),
        (PIXELS.reshape(4, 8, 8) - 99.5, np.float64, (8, 8), None),
        (PIXELS.astype(int) + 1000, np.float64, None, None),
        (PIXELS - 0.25, np.float64, None, None),
        (PIXELS[:, :63], np.uint8, None, None),
        (PIXELS[:, :49], np.uint8, None, None),
    ],
)
def test_values_and_images(write, values, dtype, image_shape, full_scale):
    dataset = load_npz(write(packed(dataset=values, labels=LABELS)))
    assert dataset.X.dtype == dtype
    np.testing.assert_array_equal(dataset.X, values.reshape(4, -1))
    assert (dataset.image_shape, dataset.full_scale) == (image_shape, full_scale)


@pytest.mark.parametrize("dtype", [">u2", ">i8", ">f2", ">f4", ">f8", "<f2"])
def test_big_endian_is_converted(write, dtype):
    values = np.array([[1, 300], [-0.0 if "f" in dtype else 2, 7]], dtype=dtype)
    dataset = load_npz(write(packed(dataset=values, labels=np.array(["x", "y"], dtype=">U1"))))
    assert dataset.X.dtype == np.float64
    assert dataset.X.dtype.isnative
    np.testing.assert_array_equal(dataset.X, values)
    assert dataset.class_names == ("x", "y")


def test_fortran_order_is_read_right(write):
    dataset = load_npz(write(packed(dataset=np.asfortranarray(PIXELS), labels=LABELS)))
    np.testing.assert_array_equal(dataset.X, PIXELS)
    assert dataset.X.flags.c_contiguous


def test_one_row_is_a_dataset(write):
    assert len(load_npz(write(packed(dataset=PIXELS[:1], labels=LABELS[:1])))) == 1


# 1: what is no file to read


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.absolute, "cannot read .*No such file"),
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is a FIFO"),
        (lambda path: path.symlink_to("/dev/null"), "is a character device"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.symlink_to(path.name), "cannot read"),
    ],
    ids=["missing", "folder", "fifo", "device", "empty", "loop"],
)
def test_what_is_no_regular_file(tmp_path, make, message):
    make(tmp_path / "x.npz")
    with pytest.raises(DataError, match=message):
        load_npz(tmp_path / "x.npz")


def test_path_with_a_nul_character():
    with pytest.raises(DataError, match="cannot read"):
        load_npz(Path("x\0.npz"))


def test_path_in_messages_is_escaped(tmp_path):
    with pytest.raises(DataError) as caught:
        load_npz(tmp_path / "\x1b[31m.npz")
    assert "\x1b" not in str(caught.value)


# 2: keys


def test_missing_key_names_those_present(write):
    with pytest.raises(DataError, match=r"no key 'labels' \(it has: dataset, lables\).*'lables'"):
        load_npz(write(packed(dataset=PIXELS, lables=LABELS)))
    with pytest.raises(DataError, match=r"no key 'dataset' \(it has: none\)"):
        load_npz(write(zipped({})))


# 3 and 4: other kinds of file, and pickles inside


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
def test_renamed_file_is_named_by_kind(write, content, kind):
    with pytest.raises(DataError, match=f"is not an npz but {kind}") as caught:
        load_npz(write(content))
    assert "pickle=" not in str(caught.value)


@pytest.mark.parametrize("key", ["dataset", "labels"])
def test_objects_are_refused_unread(write, tmp_path, key):
    class Spy:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    arrays = {"dataset": PIXELS, "labels": LABELS}
    arrays[key] = np.array([Spy()] * 4, dtype=object)
    with pytest.raises(DataError, match=f"key '{key}' holds Python objects") as caught:
        load_npz(write(packed(**arrays)))
    assert not (tmp_path / "ran").exists()
    assert "allow_pickle" not in str(caught.value)


# 5: damage


def test_every_truncation_is_a_data_error(write):
    content = packed(dataset=PIXELS, labels=LABELS)
    for end in range(1, len(content), 7):
        with pytest.raises(DataError):
            load_npz(write(content[:end]))


def test_flipped_data_byte_fails_the_checksum(write):
    content = bytearray(zipped({"dataset.npy": as_npy(PIXELS)}, zipfile.ZIP_STORED))
    content[content.index(PIXELS.tobytes()) + 5] ^= 1
    with pytest.raises(DataError, match="damaged npz") as caught:
        load_npz(write(bytes(content)))
    assert isinstance(caught.value.__cause__, zipfile.BadZipFile)


def as_npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (as_npy(PIXELS)[:-9], "claims 256 bytes .* holds 247"),
        (as_npy(PIXELS) + b"more", "claims 256 bytes .* holds 260"),
        (as_npy(PIXELS)[:40], "header cannot be read"),
        (as_npy(PIXELS)[:9], "ends inside its header"),
        (b"no array at all", "no npy array of version"),
        (npy(described("(4, 64)"), PIXELS.tobytes(), (9, 0)), "no npy array of version"),
        (npy("{'descr': 'banana'}"), "header cannot be read"),
        (npy("\x00\xff garbage"), "header cannot be read"),
    ],
)
def test_damaged_member(write, member, message):
    with pytest.raises(DataError, match=message):
        load_npz(write(zipped({"dataset.npy": member, "labels.npy": as_npy(LABELS)})))


def test_version_2_header_is_read(write):
    member = npy(described("(4, 64)"), PIXELS.tobytes(), (2, 0))
    path = write(zipped({"dataset.npy": member, "labels.npy": as_npy(LABELS)}))
    np.testing.assert_array_equal(load_npz(path).X, PIXELS)


def test_python_2_header_gives_no_warning(write):
    member = npy(described("(4L, 64L)"), PIXELS.tobytes())
    path = write(zipped({"dataset.npy": member, "labels.npy": as_npy(LABELS)}))
    np.testing.assert_array_equal(load_npz(path).X, PIXELS)


# 6: headers that make a parser suffer


@pytest.mark.parametrize("header", ["(" * 5000, "-" * 9000 + "1", "[" * 9999, "'" * 9999])
def test_header_nesting_bomb(write, header):
    with pytest.raises(DataError, match="header cannot be read") as caught:
        load_npz(write(zipped({"dataset.npy": npy(header)})))
    assert caught.value.__cause__ is not None


def test_long_header(write):
    with pytest.raises(DataError, match="header has 10,001 characters, at most 10,000"):
        load_npz(write(zipped({"dataset.npy": npy(" " * 10_001)})))
    member = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1)
    with pytest.raises(DataError, match="header has 4,294,967,295 characters"):
        load_npz(write(zipped({"dataset.npy": member})))


# 7: shapes that promise more than there is


@pytest.mark.parametrize(
    "shape",
    ["(10**12,)", "(1000000, 1000000)", "(2**40, 2**40)", "(1099511627776, 1099511627776)"],
)
def test_huge_claim_is_refused_before_allocation(write, shape):
    with pytest.raises(DataError, match=r"claims|header cannot be read"):
        load_npz(write(zipped({"dataset.npy": npy(described(shape), b"1234")})))


@pytest.mark.parametrize("shape", ["(-2, -2)", f"(0, {2**70})", "(" + "0, " * 40 + ")"])
def test_impossible_shape(write, shape):
    with pytest.raises(DataError, match="no array has the shape"):
        load_npz(write(zipped({"dataset.npy": npy(described(shape), b"1234")})))


# 8: bombs


def test_ratio_bomb_is_refused_with_both_numbers(write):
    size = 65 * 2**20
    bomb = zipped({"dataset.npy": bytes(size)})
    with pytest.raises(DataError, match=rf"unpack [\d,]+ to {size:,} bytes"):
        load_npz(write(bomb), max_bytes=2**40)


def test_total_over_the_limit_is_refused_with_both_numbers(write):
    content = packed(dataset=PIXELS, labels=LABELS, extra=np.zeros(10_000))
    with pytest.raises(DataError, match=r"takes 80,\d+ bytes, but at most 5,000"):
        load_npz(write(content), max_bytes=5_000)


def test_default_limit_is_half_of_the_free_memory(write, monkeypatch):
    path = write(packed(dataset=PIXELS, labels=LABELS))
    monkeypatch.setattr(regular_file, "half_free_memory", lambda: 100)
    with pytest.raises(DataError, match="at most 100 are allowed"):
        load_npz(path)


def test_half_free_memory_where_the_system_does_not_tell(monkeypatch):
    assert 2**20 < regular_file.half_free_memory() < 2**50
    monkeypatch.delattr(os, "sysconf")
    assert regular_file.half_free_memory() == regular_file.MEMORY_WHERE_UNKNOWN // 2


def directory_offset(content):
    return content.index(b"PK\x01\x02")


def test_directory_that_promises_more_than_the_member_holds(write):
    content = bytearray(zipped({"dataset.npy": npy(described("(4096,)"), b"1234")}))
    promised = len(npy(described("(4096,)"))) + 4096
    struct.pack_into("<I", content, directory_offset(content) + 24, promised)
    with pytest.raises(DataError, match="ends after 4 of 4,096 bytes"):
        load_npz(write(bytes(content)))


def test_directory_that_promises_less_than_the_member_holds(write):
    full = npy(described("(4,)"), bytes(5000))
    content = bytearray(zipped({"dataset.npy": full}))
    struct.pack_into("<I", content, directory_offset(content) + 24, len(full) - 4996)
    with pytest.raises(DataError, match="damaged npz"):  # the checksum is of all 5,000
        load_npz(write(bytes(content)))


def test_members_that_claim_more_packed_bytes_than_the_file_has(write):
    content = bytearray(zipped({"dataset.npy": b"x"}, zipfile.ZIP_STORED))
    at = directory_offset(content)
    struct.pack_into("<II", content, at + 20, 2**31, 2**31)
    with pytest.raises(DataError, match="members claim 2,147,483,648"):
        load_npz(write(bytes(content)), max_bytes=2**40)


# 9: the member list


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twin", ["dataset.npy", "dataset"])
def test_duplicate_members(write, twin):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("dataset.npy", as_npy(PIXELS))
        archive.writestr(twin, as_npy(PIXELS))
    with pytest.raises(DataError, match="two members named 'dataset'"):
        load_npz(write(buffer.getvalue()))


def test_too_many_members(write):
    arrays = {f"a{i}": np.zeros(1) for i in range(65)}
    with pytest.raises(DataError, match="has 65 members, at most 64"):
        load_npz(write(packed(**arrays)))


def test_long_member_list_is_not_even_parsed(write, monkeypatch):
    monkeypatch.setattr(npz_file, "MAX_READ_BYTES", 100_000)
    content = zipped({f"{i:01000d}": b"" for i in range(200)})
    with pytest.raises(DataError, match="list of members is too long"):
        load_npz(write(content))


def test_encrypted_member(write):
    content = bytearray(zipped({"dataset.npy": as_npy(PIXELS)}))
    content[directory_offset(content) + 8] |= 1
    with pytest.raises(DataError, match="is encrypted"):
        load_npz(write(bytes(content)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unknown_compression(write, method):
    content = zipped({"dataset.npy": as_npy(PIXELS)}, method)
    with pytest.raises(DataError, match=f"packed by method {method}"):
        load_npz(write(content))


def test_path_like_members_are_not_extracted(write, tmp_path):
    members = {
        "../evil.npy": as_npy(PIXELS),
        "dataset.npy": as_npy(PIXELS),
        "labels.npy": as_npy(LABELS),
    }
    load_npz(write(zipped(members)))
    assert [path.name for path in tmp_path.parent.rglob("evil*")] == []


# 10: dtypes


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
def test_other_dtypes_are_refused(write, array):
    with pytest.raises(DataError, match="allowed are bool, integers, float16, float32, float64"):
        load_npz(write(packed(dataset=array, labels=LABELS)))


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is float64 here")
def test_longdouble_is_refused(write):
    with pytest.raises(DataError, match="allowed are bool"):
        load_npz(write(packed(dataset=PIXELS.astype(np.longdouble), labels=LABELS)))


# 11: not finite


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_inf(write, bad, dtype):
    values = PIXELS.astype(dtype)
    values[2, 5] = values[3, 0] = bad
    with pytest.raises(DataError, match="2 values are NaN or inf, the first in row 2, column 5"):
        load_npz(write(packed(dataset=values, labels=LABELS)))


# 12: shapes


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((3, 2), 4, "'dataset' has 3 rows but 'labels' has 4"),
        ((0, 2), 0, r"shape \(0, 2\)"),
        ((4, 0), 4, r"shape \(4, 0\)"),
        ((), 4, r"shape \(\); expected \(rows, features\)"),
        ((4,), 4, "reshape it to"),
        ((4, 2, 2, 2), 4, r"expected \(rows, features\) or \(rows, height, width\)"),
    ],
)
def test_shapes_that_do_not_fit(write, shape, labels, message):
    arrays = {"dataset": np.zeros(shape), "labels": np.array(["a"] * labels, dtype="U1")}
    with pytest.raises(DataError, match=message):
        load_npz(write(packed(**arrays)))


@pytest.mark.parametrize("labels", [np.array("a"), np.zeros((2, 2, 1), dtype=int)])
def test_labels_of_no_use(write, labels):
    with pytest.raises(DataError, match=r"expected .*one label a row"):
        load_npz(write(packed(dataset=PIXELS, labels=labels)))


# 21: a moving file


def test_file_that_changes_while_it_is_read(write, monkeypatch):
    path = write(packed(dataset=PIXELS, labels=LABELS))
    read = npz_file._read

    def touching(*args):
        with path.open("ab") as file:
            file.write(b"x")
        return read(*args)

    monkeypatch.setattr(npz_file, "_read", touching)
    with pytest.raises(DataError, match="changed while it was read"):
        load_npz(path)


def test_change_is_reported_rather_than_the_damage_it_makes(write, monkeypatch):
    path = write(packed(dataset=PIXELS, labels=LABELS))

    def failing(*args):
        os.utime(path, ns=(1, 1))
        raise zipfile.BadZipFile

    monkeypatch.setattr(npz_file, "_read", failing)
    with pytest.raises(DataError, match="changed while it was read"):
        load_npz(path)


GOOD = {
    "packed": packed(dataset=PIXELS / 7, labels=LABELS),
    "stored": zipped(
        {"dataset.npy": as_npy(PIXELS.astype(">f2")), "labels.npy": as_npy(LABELS)},
        zipfile.ZIP_STORED,
    ),
}


@settings(max_examples=300, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(GOOD)))
def test_any_damage_gives_a_dataset_or_a_data_error(tmp_path_factory, data, kind):
    content = bytearray(GOOD[kind])
    flips = st.tuples(st.integers(0, len(content) - 1), st.integers(1, 255))
    for position, change in data.draw(st.lists(flips, max_size=4)):
        content[position] ^= change
    path = tmp_path_factory.getbasetemp() / "fuzzed.npz"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        dataset = load_npz(path)
    except DataError:
        return
    assert len(dataset) == len(dataset.labels)


@settings(max_examples=200, deadline=None)
@given(
    header=st.text(st.characters(max_codepoint=255), max_size=80)
    | st.from_regex(
        r"\{'descr': '[<>|][a-zA-Z][0-9]{0,3}', 'fortran_order': (True|False), "
        r"'shape': \((-?[0-9]{1,20}, ?){0,3}\)\}",
        fullmatch=True,
    )
)
def test_any_header_gives_a_data_error(tmp_path_factory, header):
    path = tmp_path_factory.getbasetemp() / "header.npz"
    path.write_bytes(zipped({"dataset.npy": npy(header, b"12345678")}))
    with pytest.raises(DataError):
        load_npz(path)
