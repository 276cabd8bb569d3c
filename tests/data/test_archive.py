"""Files out of an untrusted archive, within bounds."""

import gzip
import io
import re
import warnings
import zipfile

import pytest
from archive_bytes import TOP, as_tar_gz, as_zip

from samplewise.data.sources import archive
from samplewise.data.sources.archive import read_matching
from samplewise.errors import DataError

WANTED = re.compile(r"[^/]+/(Dataset/[0-9]/[^/]+\.JPG)")
FILES = {f"Dataset/{digit}/IMG_1.JPG": bytes(range(digit, 200)) for digit in range(10)}


@pytest.mark.parametrize("pack", [as_zip, as_tar_gz])
def test_only_what_matches_is_read(pack):
    others = {"README.md": b"x", "Dataset/x/IMG_1.JPG": b"x", "Dataset/0/deep/IMG_1.JPG": b"x"}
    assert read_matching(pack(FILES | others), WANTED, "x") == FILES


@pytest.mark.parametrize("pack", [as_zip, as_tar_gz])
def test_a_photograph_of_a_camera_is_not_too_large(pack):
    files = FILES | {"Dataset/7/IMG_5874.JPG": b"x" * (16 * 2**20 + 1)}
    assert read_matching(pack(files), WANTED, "x") == files


def refused(content, message):
    with pytest.raises(DataError, match=message):
        read_matching(content, WANTED, "the archive")


@pytest.mark.parametrize("pack", [as_zip, as_tar_gz])
def test_too_many_members_or_bytes_are_refused(monkeypatch, pack):
    content = pack(FILES)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 5)
    refused(content, "over 5 members")
    monkeypatch.undo()
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 50)
    refused(content, r"'Dataset/0/IMG_1\.JPG' has over 50 bytes")
    monkeypatch.undo()
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1900)
    refused(content, "over 1,900 bytes unpacked")


def test_one_file_twice():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twice = as_zip({"Dataset/0/A.JPG": b"a", "../x/Dataset/0/A.JPG": b"b"}, top="")
        buffer = io.BytesIO(as_zip(FILES))
        with zipfile.ZipFile(buffer, "a") as packed:
            packed.writestr(TOP + "Dataset/0/IMG_1.JPG", b"again")
    assert read_matching(twice, WANTED, "x") == {}
    refused(buffer.getvalue(), r"two files 'Dataset/0/IMG_1\.JPG'")


def test_encrypted_zip():
    content = bytearray(as_zip(FILES))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    refused(bytes(content), "is encrypted")


def test_deflated_zip():
    assert read_matching(as_zip(FILES, method=zipfile.ZIP_DEFLATED), WANTED, "x") == FILES


# Zstandard is of Python 3.14 and later.
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 93])
def test_a_zip_of_a_method_that_unpacks_without_bounds_is_refused(method):
    content = as_zip(FILES)
    for header, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content = re.sub(
            re.escape(header) + b"(?s:.{%d})" % (place - 4) + rb"\x00\x00",
            lambda found: found[0][:-2] + method.to_bytes(2, "little"),
            content,
        )
    refused(content, rf"'Dataset/0/IMG_1\.JPG' is packed by method {method}; expected stored")


@pytest.mark.parametrize(
    "content",
    [
        as_zip(FILES)[:-10],
        as_zip(FILES).replace(FILES["Dataset/0/IMG_1.JPG"][50:60], b"0123456789"),
        as_tar_gz(FILES)[:-100],
        gzip.compress(b"no tar" * 500),
    ],
    # Archives hold the time at which they were made: a name from their bytes would be another in
    # each process of the suite.
    ids=["short zip", "changed zip", "short tar.gz", "no tar"],
)
def test_damaged_archive(content):
    refused(content, "damaged archive")


def test_other_kinds_of_file():
    refused(b"<html>sign in first</html>", "neither a zip nor a tar.gz")
