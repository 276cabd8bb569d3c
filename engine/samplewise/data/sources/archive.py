"""Files out of an untrusted zip or tar.gz, into memory only, by name and within bounds."""

from __future__ import annotations

import gzip
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from samplewise.checks import printable
from samplewise.errors import DataError

MAX_MEMBERS = 10_000
MAX_FILE_BYTES = 32 * 2**20
"""A photograph of a phone has up to 16 MiB."""
MAX_UNPACKED_BYTES = 256 * 2**20

ENCRYPTED = 0x1
"""The bit in a zip member's flags."""
# What the standard library lets out for damaged archives, each seen or found in its source.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def read_matching(content: bytes, pattern: re.Pattern[str], where: str) -> dict[str, bytes]:
    """Return the files whose whole name matches, by the pattern's first group.

    Nothing is written, so a name with `..` leads nowhere; links and folders are passed over.

    Args:
        content: a zip or a tar.gz.
        pattern: which names to read; its first group is the key.
        where: the archive, for messages.

    Raises:
        DataError: another kind of archive, damaged, encrypted, packed by another method than zips
            mostly are, two files with one key, or over 10,000 members, 32 MiB in a file, or 256 MiB
            in all.
    """
    if content.startswith(b"PK"):
        matching = _from_zip(content, pattern, where)
    elif content.startswith(b"\x1f\x8b"):
        matching = _from_tar(content, pattern, where)
    else:
        raise DataError(f"{where} is neither a zip nor a tar.gz archive")
    found: dict[str, bytes] = {}
    try:
        for key, file in matching:
            if key in found:
                raise DataError(f"{where} holds two files '{printable(key)}'")
            found[key] = _at_most(file, MAX_FILE_BYTES, f"{where}: '{printable(key)}'")
    except DataError:
        raise
    except (tarfile.TarError, *ZIP_ERRORS) as error:
        raise DataError(f"{where} is a damaged archive ({printable(error)})") from error
    return found


def _from_zip(
    content: bytes, pattern: re.Pattern[str], where: str
) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
        _check(len(infos), MAX_MEMBERS, where, "members")
        wanted = [(match[1], i) for i in infos if (match := pattern.fullmatch(i.filename))]
        _check(sum(i.file_size for _, i in wanted), MAX_UNPACKED_BYTES, where, "bytes unpacked")
        for key, info in wanted:
            if info.flag_bits & ENCRYPTED:
                raise DataError(f"{where}: '{printable(key)}' is encrypted")
            # The others unpack as a whole, whatever size is read; newer Pythons know more of them.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DataError(
                    f"{where}: '{printable(key)}' is packed by method {info.compress_type}; "
                    "expected stored or deflated"
                )
            with archive.open(info) as file:
                yield key, file


def _from_tar(
    content: bytes, pattern: re.Pattern[str], where: str
) -> Iterator[tuple[str, IO[bytes]]]:
    # Unpacked as a whole first: tarfile reads headers of any size that a bomb may claim.
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        unpacked = _at_most(packed, MAX_UNPACKED_BYTES, where)
    with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
        for count, info in enumerate(archive, start=1):
            _check(count, MAX_MEMBERS, where, "members")
            match = pattern.fullmatch(info.name)
            if match is None or not info.isreg():
                continue
            file = archive.extractfile(info)
            if file is not None:
                yield match[1], file


def _at_most(file: IO[bytes] | gzip.GzipFile, limit: int, what: str) -> bytes:
    content = file.read(limit + 1)
    _check(len(content), limit, what, "bytes unpacked")
    return content


def _check(number: int, limit: int, what: str, unit: str) -> None:
    if number > limit:
        raise DataError(f"{what} has over {limit:,} {unit}, more than allowed")
