"""The course's file layout, `dataset` and `labels` in one npz, read without trusting the file."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from samplewise.checks import printable, suggestion
from samplewise.data.dataset import Dataset
from samplewise.data.labels import encode_labels, no_classes, numbers_of
from samplewise.data.pixels import dataset_of_file, rows_from
from samplewise.data.sources.archive import ENCRYPTED, ZIP_ERRORS
from samplewise.data.sources.npy_member import read_array
from samplewise.data.sources.options import DEFAULT_OPTIONS, SourceOptions
from samplewise.errors import DataError
from samplewise.io.reading import check_bytes, open_unchanged
from samplewise.text import counted

MAX_MEMBERS = 64
MAX_RATIO = 200
"""Unpacked bytes for one packed byte, where a member has over `RATIO_COUNTS_ABOVE` bytes."""
RATIO_COUNTS_ABOVE = 64 * 2**20
MAX_READ_BYTES = 4 * 2**20
"""Maximum size of one read of zipfile: the member list is one read, an array is many."""

_STARTS = (
    (b"\x93NUMPY", "a single .npy array; store both arrays with numpy.savez"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
)


def load_npz(path: Path, options: SourceOptions = DEFAULT_OPTIONS) -> Dataset:
    """Read a dataset from an npz with the keys `dataset` and `labels`.

    Args:
        path: the file, unpacked at most half as large as the free memory; `dataset` has shape
            (n, features) or (n, height, width) and is bool, integer or float, `labels` has shape
            (n,) and is text or whole numbers.
        options: what the labels are, (n, outputs) where they are numbers, and the value of white.

    Raises:
        DataError: missing, no npz, damaged, hostile, changed while read, or the arrays do not fit
            together; the message names the file and the key.
    """
    name, (data, labels) = printable(path), read_arrays(path, needs_labels=True)
    assert labels is not None
    rows = rows_from(data, f"{name}, key 'dataset'", options.full_scale)
    where = f"{name}, key 'labels'"
    if options.numbers:
        values = numbers_of(labels, where)
        return dataset_of_file(path, rows, no_classes(len(values)), values)
    return dataset_of_file(path, rows, encode_labels(labels, where))


def read_arrays(path: Path, *, needs_labels: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the arrays `dataset` and `labels` of an npz as they are; None without labels.

    Raises:
        DataError: as `load_npz`.
    """
    name = printable(path)
    with open_unchanged(path) as raw:
        _check_kind(raw, name)
        # Named, since a reader that is dropped closes the file below it.
        reader = _BoundedReader(raw)
        try:
            with zipfile.ZipFile(reader) as archive:
                members = _checked_members(archive, raw.seek(0, os.SEEK_END), name)
                data = _read(archive, members, "dataset", name)
                has_labels = needs_labels or "labels" in members
                labels = _read(archive, members, "labels", name) if has_labels else None
        except DataError:
            raise
        except ZIP_ERRORS as error:
            raise DataError(
                f"{name} is a damaged npz ({printable(error)}); copy or download it again"
            ) from error
    if labels is None or labels.ndim not in (1, 2) or data.ndim == 0:
        return data, labels
    if len(labels) != len(data):
        raise DataError(
            f"{name}: 'dataset' has {counted(len(data), 'row')} but 'labels' has {len(labels):,}; "
            "expected one label for each row"
        )
    return data, labels


class _BoundedReader(io.BufferedReader):
    """A file of which no single read is large, whatever sizes the archive claims."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes (None, or below 0: all).

        Raises:
            BadZipFile: that would be more than 4 MiB.
        """
        wanted = MAX_READ_BYTES + 1 if size is None or size < 0 else size
        content = super().read(min(wanted, MAX_READ_BYTES + 1))
        if len(content) > MAX_READ_BYTES:
            raise zipfile.BadZipFile("the list of members is too long")
        return content


def _check_kind(raw: io.FileIO, name: str) -> None:
    start = raw.read(512) or b"\0"
    raw.seek(0)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return
    kind = next((kind for magic, kind in _STARTS if start.startswith(magic)), None)
    if kind is None:
        is_text = min(start) >= ord("\t")
        kind = "text; rename a table to .csv" if is_text else "of an unknown kind"
    raise DataError(
        f"{name} is not an npz but {kind}; "
        "expected a file written by numpy.savez(file, dataset=..., labels=...)"
    )


def _checked_members(
    archive: zipfile.ZipFile, packed_bytes: int, name: str
) -> dict[str, zipfile.ZipInfo]:
    """Return the members by key, after everything that the directory says has been checked."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise DataError(f"{name} has {len(infos):,} members, at most {MAX_MEMBERS} are allowed")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        key = info.filename.removesuffix(".npy")
        if key in members:
            raise DataError(f"{name} holds two members named '{printable(key)}'; keep one")
        _check_member(info, f"{name}, member '{printable(key)}'")
        members[key] = info
    _check_sizes(infos, packed_bytes, name)
    check_bytes(sum(info.file_size for info in infos), None, f"{name}, unpacked,")
    return members


def _check_sizes(infos: list[zipfile.ZipInfo], packed_bytes: int, name: str) -> None:
    # Else the ratio below means nothing: it would be of two numbers that the file made up.
    claimed = sum(info.compress_size for info in infos)
    if claimed > packed_bytes:
        raise DataError(
            f"{name} has {packed_bytes:,} bytes, but its members claim {claimed:,}; "
            "the file is damaged or hostile"
        )
    for info in infos:
        ratio = info.file_size / max(info.compress_size, 1)
        if ratio > MAX_RATIO and info.file_size > RATIO_COUNTS_ABOVE:
            raise DataError(
                f"{name}, member '{printable(info.filename)}' would unpack {info.compress_size:,} "
                f"to {info.file_size:,} bytes, {ratio:,.0f} times as much, at most {MAX_RATIO} "
                "times is allowed; this is how a zip bomb looks: if the file is yours, save it "
                "with numpy.savez instead of savez_compressed"
            )


def _check_member(info: zipfile.ZipInfo, where: str) -> None:
    if info.flag_bits & ENCRYPTED:
        raise DataError(f"{where} is encrypted; expected an archive without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{where} is packed by method {info.compress_type}; "
            "expected stored or deflated, as numpy.savez and savez_compressed write"
        )


def _read(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], key: str, name: str
) -> NDArray[Any]:
    if key not in members:
        present = ", ".join(printable(known) for known in members) or "none"
        raise DataError(
            f"{name} has no key '{key}' (it has: {present}); "
            f"save it with numpy.savez(file, dataset=..., labels=...){suggestion(key, members)}"
        )
    info = members[key]
    with archive.open(info) as member:
        return read_array(member, info.file_size, f"{name}, key '{key}'", text=key == "labels")
