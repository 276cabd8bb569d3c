"""The journal of a sweep: a line a trial, appended and synced before the next group is trained.

The first line says which sweep it is. Each line is JSON with the CRC-32 of its entry. A line is
appended under a lock of the file, which the system takes from a process that dies; a line that
such a process left unfinished is cut off, under the lock, by the next one that opens or appends.
"""

from __future__ import annotations

import io
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from samplewise._version import __version__
from samplewise.checks import printable
from samplewise.errors import DataError, OutputError, SamplewiseError
from samplewise.io.lock import held
from samplewise.io.reading import at_once, check_regular
from samplewise.io.strict_json import parse
from samplewise.io.writing import sync_folder
from samplewise.text import counted
from samplewise.warn import warn

FILE = "journal.jsonl"
KIND, FORMAT = "samplewise sweep", 1
_BEGIN = b'{"crc":"'
_BLOCK = 1 << 16
"""Bytes at the end of the file in which its last line is looked for first."""
# A copy by way of Windows may end lines by CR and LF; the checksum is of the entry alone.
_LINE = re.compile(rb'\{"crc":"([0-9a-f]{8})","entry":(\{.*\})\}\r?', re.DOTALL)

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
        environment: versions and machine that it is begun with, JSON values.

    Attributes:
        header: its first line, of when it was begun.

    Raises:
        OutputError: it cannot be written, or is the journal of another sweep.
        DataError: the file is not a journal.
    """

    def __init__(
        self,
        path: Path,
        definition: Mapping[str, Any],
        data: str,
        environment: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        header = {"kind": KIND, "format": FORMAT, "version": __version__}
        header |= {"definition": dict(definition), "data": data}
        header |= {"environment": dict(environment or {})}
        with self._locked(os.O_CREAT) as descriptor:
            found = _mended(descriptor, path)
            if found is None:
                _append(descriptor, header)
                sync_folder(path.parent)
        self.header: Entry = found or header
        _check_same(path, self.header, parse(canonical(header)))
        self._warns = True

    def __iter__(self) -> Iterator[Entry]:
        """Give the entries in order, read from the file: all of a large sweep would fill memory.

        The first reading warns of damaged lines.
        """
        warns, self._warns = self._warns, False
        return _entries(self.path, warns=warns)

    @property
    def entries(self) -> list[Entry]:
        """All entries, read from the file."""
        return list(self)

    def append(self, *entries: Entry) -> None:
        """Add entries; once this returns, they survive the process and a power loss.

        Args:
            entries: JSON values; no NaN, no infinity.

        Raises:
            OutputError: the disk is full, or the file is gone; it then ends as before.
        """
        with self._locked() as descriptor:
            size = os.fstat(descriptor).st_size
            if size and _read(descriptor, size - 1, 1) != b"\n":
                _mended(descriptor, self.path)
            _append(descriptor, *entries)

    @contextmanager
    def _locked(self, flags: int = 0) -> Iterator[int]:
        try:
            descriptor = at_once(self.path, os.O_RDWR | os.O_APPEND | flags)
            try:
                check_regular(self.path, os.fstat(descriptor).st_mode)
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
        with _opened(path) as file:
            header = _header(file.readline(), path)
        return header, list(_entries(path, warns=True))
    except OSError as error:
        raise DataError(
            f"cannot read {printable(path)}: {error.strerror or error}; name the folder of a sweep"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    with open(path, "rb", opener=at_once) as file:
        check_regular(path, os.fstat(file.fileno()).st_mode)
        yield file


def _lines(path: Path) -> Iterator[bytes]:
    """Give the lines after the header; one that is being written is left out."""
    with _opened(path) as file:
        file.readline()
        yield from (line[:-1] for line in file if line.endswith(b"\n"))


def _entries(path: Path, *, warns: bool) -> Iterator[Entry]:
    """Give the entries of a journal without those of damaged lines, of which it may warn.

    A journal that was joined to this one brings its first line, which is that of no trial.
    """
    for number, line in enumerate(_lines(path), start=2):
        entry = _entry(line)
        if entry is not None and "kind" not in entry:
            yield entry
        elif entry is None and warns:
            warn(
                f"{printable(path)}: line {number} is damaged; its trial is run again "
                "unless a later line has it"
            )


def _mended(descriptor: int, path: Path) -> Entry | None:
    """Cut off a line that was not finished; return the header, None where the file is empty then.

    Raises:
        DataError: the file is not a journal; it is then left as it is.
    """
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        first = file.readline()
    torn = not first.endswith(b"\n") and _BEGIN.startswith(first[: len(_BEGIN)])
    header = None if torn else _header(first, path)
    size = os.fstat(descriptor).st_size
    begin, end = _last_line(descriptor, size)
    # A power loss may keep a file's length and lose its last bytes.
    if begin and _text(_read(descriptor, begin, end - 1 - begin)) is None:
        end = begin
    if end < size:
        os.ftruncate(descriptor, end)
        os.fsync(descriptor)
        warn(
            f"{printable(path)}: the last line was not finished ({counted(size - end, 'byte')}) "
            "and is cut off; its trial is run again"
        )
    return header


def _last_line(descriptor: int, size: int) -> tuple[int, int]:
    """Return begin and end of the last line that was finished; 0 and 0 where there is none."""
    begin, block = size, _BLOCK
    while True:
        begin = max(0, size - block)
        tail = _read(descriptor, begin, size - begin)
        end = tail.rfind(b"\n")
        before = tail.rfind(b"\n", 0, max(end, 0))
        if before >= 0 or begin == 0:
            return begin + before + 1, begin + end + 1
        block *= 4


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


def _text(line: bytes) -> bytes | None:
    """Return the entry of a line as JSON, None where the line is damaged."""
    found = _LINE.fullmatch(line)
    if found is None or zlib.crc32(found[2]) != int(found[1], 16):
        return None
    return found[2]


def _entry(line: bytes) -> Entry | None:
    """Return the entry of a line, None where the line is damaged."""
    text = _text(line)
    try:
        entry: Entry | None = None if text is None else parse(text.decode())
    except ValueError:
        return None
    return entry


def _header(line: bytes, path: Path) -> Entry:
    """Return the entry of the first line."""
    header = _entry(line[:-1]) if line.endswith(b"\n") else None
    if header is None or header.get("kind") != KIND or header.get("format") != FORMAT:
        raise DataError(
            f"{printable(path)} is not the journal of a sweep of format {FORMAT}, or its first "
            "line is damaged; name the folder of a sweep, or a new one"
        )
    return header


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
        warn(
            f"{printable(path)} was begun by samplewise {printable(found['version'])}, this is "
            f"{__version__}; last bits of later trials may differ"
        )


def _difference(found: Any, wanted: Any) -> str:
    """Return the dotted name of the first part in which two definitions differ."""
    name = ""
    while isinstance(found, dict) and isinstance(wanted, dict):
        names = [key for key in (*wanted, *found) if found.get(key) != wanted.get(key)]
        name += f".{names[0]}"
        found, wanted = found.get(names[0]), wanted.get(names[0])
    return printable(name.removeprefix("."))
