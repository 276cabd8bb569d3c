"""npz files that are damaged or made to harm."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from npz_bytes import LABELS, PIXELS, as_npy, described, directory_offset, npy, packed, zipped

from samplewise.data.sources import npz_file
from samplewise.data.sources.npz_file import load_npz
from samplewise.errors import DataError
from samplewise.io import reading as regular_file


def test_every_truncation_is_a_data_error(write_npz):
    content = packed(dataset=PIXELS, labels=LABELS)
    for end in range(1, len(content), 7):
        with pytest.raises(DataError):
            load_npz(write_npz(content[:end]))


def test_flipped_data_byte_fails_the_checksum(write_npz):
    content = bytearray(zipped({"dataset.npy": as_npy(PIXELS)}, zipfile.ZIP_STORED))
    content[content.index(PIXELS.tobytes()) + 5] ^= 1
    with pytest.raises(DataError, match="damaged npz") as caught:
        load_npz(write_npz(bytes(content)))
    assert isinstance(caught.value.__cause__, zipfile.BadZipFile)


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (as_npy(PIXELS)[:-9], "claims 256 bytes .* holds 247"),
        (as_npy(PIXELS) + b"more", "claims 256 bytes .* holds 260"),
        (as_npy(PIXELS)[:40], "header cannot be read"),
        (as_npy(PIXELS)[:9], "ends inside its header"),
        (b"no array at all", "not an npy array of version"),
        (npy(described("(4, 64)"), PIXELS.tobytes(), (9, 0)), "not an npy array of version"),
        (npy("{'descr': 'banana'}"), "header cannot be read"),
        (npy("\x00\xff garbage"), "header cannot be read"),
    ],
)
def test_damaged_member(write_npz, member, message):
    with pytest.raises(DataError, match=message):
        load_npz(write_npz(zipped({"dataset.npy": member, "labels.npy": as_npy(LABELS)})))


@pytest.mark.parametrize("header", ["(" * 5000, "-" * 9000 + "1", "[" * 9999, "'" * 9999])
def test_header_nesting_bomb(write_npz, header):
    with pytest.raises(DataError, match="header cannot be read") as caught:
        load_npz(write_npz(zipped({"dataset.npy": npy(header)})))
    assert caught.value.__cause__ is not None


def test_long_header(write_npz):
    with pytest.raises(DataError, match="header has 10,001 characters, at most 10,000"):
        load_npz(write_npz(zipped({"dataset.npy": npy(" " * 10_001)})))
    member = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1)
    with pytest.raises(DataError, match="header has 4,294,967,295 characters"):
        load_npz(write_npz(zipped({"dataset.npy": member})))


@pytest.mark.parametrize(
    "shape",
    ["(10**12,)", "(1000000, 1000000)", "(2**40, 2**40)", "(1099511627776, 1099511627776)"],
)
def test_huge_claim_is_refused_before_allocation(write_npz, shape):
    with pytest.raises(DataError, match=r"claims|header cannot be read"):
        load_npz(write_npz(zipped({"dataset.npy": npy(described(shape), b"1234")})))


@pytest.mark.parametrize("shape", ["(-2, -2)", f"(0, {2**70})", "(" + "0, " * 40 + ")"])
def test_impossible_shape(write_npz, shape):
    with pytest.raises(DataError, match="no array has the shape"):
        load_npz(write_npz(zipped({"dataset.npy": npy(described(shape), b"1234")})))


def test_ratio_bomb_is_refused_with_both_numbers(write_npz):
    size = 65 * 2**20
    bomb = zipped({"dataset.npy": bytes(size)})
    with pytest.raises(DataError, match=rf"unpack [\d,]+ to {size:,} bytes"):
        load_npz(write_npz(bomb))


def test_total_over_the_limit_is_refused_with_both_numbers(write_npz, monkeypatch):
    monkeypatch.setattr(regular_file, "half_free_memory", lambda: 5_000)
    content = packed(dataset=PIXELS, labels=LABELS, extra=np.zeros(10_000))
    with pytest.raises(DataError, match=r"takes 80,\d+ bytes, but at most 5,000"):
        load_npz(write_npz(content))


def test_default_limit_is_half_of_the_free_memory(write_npz, monkeypatch):
    path = write_npz(packed(dataset=PIXELS, labels=LABELS))
    monkeypatch.setattr(regular_file, "half_free_memory", lambda: 100)
    with pytest.raises(DataError, match="at most 100 are allowed"):
        load_npz(path)


def test_directory_that_promises_more_than_the_member_holds(write_npz):
    content = bytearray(zipped({"dataset.npy": npy(described("(4096,)"), b"1234")}))
    promised = len(npy(described("(4096,)"))) + 4096
    struct.pack_into("<I", content, directory_offset(content) + 24, promised)
    with pytest.raises(DataError, match="ends after 4 of 4,096 bytes"):
        load_npz(write_npz(bytes(content)))


def test_directory_that_promises_less_than_the_member_holds(write_npz):
    full = npy(described("(4,)"), bytes(5000))
    content = bytearray(zipped({"dataset.npy": full}))
    struct.pack_into("<I", content, directory_offset(content) + 24, len(full) - 4996)
    with pytest.raises(DataError, match="damaged npz"):  # the checksum is of all 5,000
        load_npz(write_npz(bytes(content)))


def test_members_that_claim_more_packed_bytes_than_the_file_has(write_npz):
    content = bytearray(zipped({"dataset.npy": b"x"}, zipfile.ZIP_STORED))
    at = directory_offset(content)
    struct.pack_into("<II", content, at + 20, 2**31, 2**31)
    with pytest.raises(DataError, match="members claim 2,147,483,648"):
        load_npz(write_npz(bytes(content)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twin", ["dataset.npy", "dataset"])
def test_duplicate_members(write_npz, twin):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("dataset.npy", as_npy(PIXELS))
        archive.writestr(twin, as_npy(PIXELS))
    with pytest.raises(DataError, match="two members named 'dataset'"):
        load_npz(write_npz(buffer.getvalue()))


def test_too_many_members(write_npz):
    arrays = {f"a{i}": np.zeros(1) for i in range(65)}
    with pytest.raises(DataError, match="has 65 members, at most 64"):
        load_npz(write_npz(packed(**arrays)))


def test_long_member_list_is_not_even_parsed(write_npz, monkeypatch):
    monkeypatch.setattr(npz_file, "MAX_READ_BYTES", 100_000)
    content = zipped({f"{i:01000d}": b"" for i in range(200)})
    with pytest.raises(DataError, match="list of members is too long"):
        load_npz(write_npz(content))


def test_encrypted_member(write_npz):
    content = bytearray(zipped({"dataset.npy": as_npy(PIXELS)}))
    content[directory_offset(content) + 8] |= 1
    with pytest.raises(DataError, match="is encrypted; expected an archive without"):
        load_npz(write_npz(bytes(content)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unknown_compression(write_npz, method):
    content = zipped({"dataset.npy": as_npy(PIXELS)}, method)
    with pytest.raises(DataError, match=f"packed by method {method}"):
        load_npz(write_npz(content))


def test_path_like_members_are_not_extracted(write_npz, tmp_path):
    members = {
        "../evil.npy": as_npy(PIXELS),
        "dataset.npy": as_npy(PIXELS),
        "labels.npy": as_npy(LABELS),
    }
    load_npz(write_npz(zipped(members)))
    assert [path.name for path in tmp_path.parent.rglob("evil*")] == []


def test_file_that_changes_while_it_is_read(write_npz, monkeypatch):
    path = write_npz(packed(dataset=PIXELS, labels=LABELS))
    read = npz_file._read

    def touching(*args):
        os.utime(path, ns=(1, 1))
        return read(*args)

    monkeypatch.setattr(npz_file, "_read", touching)
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
