"""The journal of a sweep: a line a trial, appended and synced before the next group is trained.

The first line says which sweep it is. Each line is JSON with the CRC-32 of its entry. A line is
appended under a lock of the file, which the system takes from a process that dies; a line that
such a process left unfinished is cut off, under the lock, by the next one that opens or appends.
"""

from __future__ import annotations

import json
import os
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from samplewise._version import __version__
from samplewise.checks import printable
from samplewise.errors import DataError, OutputError, SamplewiseError, SamplewiseWarning
from samplewise.io.lock import held
from samplewise.io.strict_json import parse
from samplewise.io.writing import sync_folder

FILE = "journal.jsonl"
KIND, FORMAT = "samplewise sweep", 1
_BEGIN = b'{"crc":"'
_LINE = re.compile(rb'\{"crc":"([0-9a-f]{8})","entry":(\{.*\})\}', re.DOTALL)

Entry = dict[str, Any]


def canonical(value: Any) -> str:
    """Return a value as JSON that is the same for equal values.

    Raises:
        ValueError: it holds NaN or infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


class Journal:
    """The journal of one sweep, open for more entries.

    Args:
        path: the file; made where it is missing.
        definition: of the sweep, JSON values.
        data: fingerprint of its rows.

    Attributes:
        entries: those found in the file, in order.

    Raises:
        OutputError: it cannot be written, or is the journal of another sweep.
        DataError: the file is not a journal.
    """

    def __init__(self, path: Path, definition: Mapping[str, Any], data: str) -> None:
        self.path = path
        header = {"kind": KIND, "format": FORMAT, "version": __version__}
        header |= {"definition": dict(definition), "data": data}
        with self._locked(os.O_CREAT) as descriptor:
            lines = _mended(descriptor, path)
            if not lines:
                _append(descriptor, header)
                sync_folder(path.parent)
        found, self.entries = _contents(lines, path) if lines else (header, [])
        _check_same(path, found, parse(canonical(header)))

    def append(self, *entries: Entry) -> None:
        """Add entries; once this returns, they survive the process and a power loss.

        Args:
            entries: JSON values; no NaN, no infinity.

        Raises:
            OutputError: the disk is full, or the file is gone; it then ends as before.
        """
        with self._locked() as descriptor:
            _mended(descriptor, self.path, whole=False)
            _append(descriptor, *entries)
        self.entries.extend(entries)

    @contextmanager
    def _locked(self, flags: int = 0) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | flags, 0o666)
            try:
                with held(descriptor):
                    yield descriptor
            finally:
                os.close(descriptor)
        except SamplewiseError:
            raise
        except OSError as error:
            raise OutputError(
                f"cannot write {printable(self.path)}: {error.strerror or error}; trials that it "
                "holds are kept: make room, or repair the folder, and start the sweep again"
            ) from error


def read(path: Path) -> tuple[Entry, list[Entry]]:
    """Return the header and the entries of a journal, and leave the file as it is.

    Raises:
        DataError: it cannot be read, or is not a journal.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot read {printable(path)}: {error.strerror or error}; name the folder of a sweep"
        ) from error
    return _contents(content.split(b"\n")[:-1], path)


def _mended(descriptor: int, path: Path, *, whole: bool = True) -> list[bytes]:
    """Cut off a line that was not finished; return the others, or none unless `whole`.

    Raises:
        DataError: `whole`, and the file is not a journal; it is then left as it is.
    """
    size = os.fstat(descriptor).st_size
    if not whole and (size == 0 or _read(descriptor, size - 1, 1) == b"\n"):
        return []
    content = _read(descriptor, 0, size)
    end = content.rfind(b"\n") + 1
    lines = content[:end].split(b"\n")[:-1]
    if not _BEGIN.startswith(content[: len(_BEGIN)]) or lines:
        _header(lines, path)
    if len(lines) > 1 and _entry(lines[-1]) is None:
        # A power loss may keep a file's length and lose its last bytes.
        end -= len(lines.pop()) + 1
    if end < size:
        os.ftruncate(descriptor, end)
        os.fsync(descriptor)
        warnings.warn(
            f"{printable(path)}: the last line was not finished ({size - end} bytes) and is cut "
            "off; its trial is run again",
            SamplewiseWarning,
            stacklevel=4,
        )
    return lines


def _read(descriptor: int, start: int, size: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    content = b""
    while len(content) < size and (part := os.read(descriptor, size - len(content))):
        content += part
    return content


def _append(descriptor: int, *entries: Mapping[str, Any]) -> None:
    """Write and sync a line for each entry; where that fails, the file is as long as before."""
    # In the order of their keys: the factors of a sweep number its candidates.
    texts = [json.dumps(one, separators=(",", ":"), allow_nan=False).encode() for one in entries]
    lines = b"".join(b'{"crc":"%08x","entry":%s}\n' % (zlib.crc32(text), text) for text in texts)
    size = os.fstat(descriptor).st_size
    try:
        written = 0
        while written < len(lines):
            written += os.write(descriptor, lines[written:])
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _entry(line: bytes) -> Entry | None:
    """Return the entry of a line, None where the line is damaged."""
    found = _LINE.fullmatch(line)
    if found is None or zlib.crc32(found[2]) != int(found[1], 16):
        return None
    try:
        entry: Entry = parse(found[2].decode())
    except ValueError:
        return None
    return entry


def _header(lines: list[bytes], path: Path) -> Entry:
    """Return the entry of the first line.

    Raises:
        DataError: it is not that of a journal.
    """
    header = _entry(lines[0]) if lines else None
    if header is None or header.get("kind") != KIND or header.get("format") != FORMAT:
        raise DataError(
            f"{printable(path)} is not the journal of a sweep of format {FORMAT}; name the folder "
            "of a sweep, or a new one"
        )
    return header


def _contents(lines: list[bytes], path: Path) -> tuple[Entry, list[Entry]]:
    header, entries = _header(lines, path), []
    for number, line in enumerate(lines[1:], start=2):
        entry = _entry(line)
        if entry is None:
            warnings.warn(
                f"{printable(path)}: line {number} is damaged; its trial is run again",
                SamplewiseWarning,
                stacklevel=4,
            )
        else:
            entries.append(entry)
    return header, entries


def _check_same(path: Path, found: Entry, wanted: Entry) -> None:
    """Refuse the journal of another sweep; warn of another version."""
    for name in ("definition", "data"):
        if found[name] != wanted[name]:
            part = _difference(found[name], wanted[name]) if name == "definition" else "data"
            raise OutputError(
                f"{printable(path)} belongs to another sweep: {part} differs; name another folder "
                "with --out"
            )
    if found["version"] != wanted["version"]:
        warnings.warn(
            f"{printable(path)} was begun by samplewise {printable(found['version'])}, this is "
            f"{__version__}; last bits of later trials may differ",
            SamplewiseWarning,
            stacklevel=3,
        )


def _difference(found: Any, wanted: Any) -> str:
    """Return the dotted name of the first part in which two definitions differ."""
    name = ""
    while isinstance(found, dict) and isinstance(wanted, dict):
        names = [key for key in (*wanted, *found) if found.get(key) != wanted.get(key)]
        name += f".{names[0]}"
        found, wanted = found.get(names[0]), wanted.get(names[0])
    return printable(name.removeprefix("."))
