"""A snapshot in one safetensors file, written whole and read without trusting it.

The arrays are tensors under the names of `Snapshot.to_parts`; its JSON values are one more tensor,
of UTF-8 bytes. Nothing in a file can name code to import.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from samplewise.checks import printable
from samplewise.errors import DataError, SnapshotError
from samplewise.io import strict_json, tensor_file
from samplewise.io.reading import read_with_room
from samplewise.io.tensor_file import FileKind
from samplewise.io.writing import write_bytes
from samplewise.training.snapshot import Snapshot

FORMAT = "1"
KIND = FileKind(
    what="samplewise checkpoint",
    writer="samplewise.Checkpoint",
    key="samplewise_checkpoint",
    error=SnapshotError,
    dtypes=("F32", "F64", "I64", "U8"),
    # Many networks at once have some arrays each.
    max_header_bytes=2**24,
)
VALUES = "values"


class NewerSnapshotError(SnapshotError):
    """A later samplewise wrote the file; it is not damaged."""


def save_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot to a file, whole or not at all; an existing file is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(path, packed(snapshot))


def packed(snapshot: Snapshot) -> bytes:
    """Return the content of a file that holds a snapshot."""
    values, arrays = snapshot.to_parts()
    text = json.dumps(values, allow_nan=False).encode()
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    tensors[VALUES] = np.frombuffer(text, np.uint8)
    return tensor_file.pack(KIND, tensors, FORMAT)


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot that `save_snapshot` wrote. Safe for a file from anywhere.

    Takes memory for the file and once more for the arrays.

    Raises:
        SnapshotError: damaged, hostile or of another kind.
        NewerSnapshotError: a later samplewise wrote it.
        DataError: missing, or it may not be read.
    """
    return unpacked(read_with_room(path), printable(path))


def unpacked(content: bytes, name: str) -> Snapshot:
    """Return the snapshot in the content of a file of this name.

    Raises:
        SnapshotError, NewerSnapshotError: as `load_snapshot`.
    """
    header = tensor_file.read_header(KIND, content, name)
    if header.metadata != FORMAT:
        raise NewerSnapshotError(
            f"{name}: its format must be {FORMAT}, got '{printable(header.metadata)}'; continue "
            "with the samplewise that wrote it"
        )
    # Copies: a snapshot outlives the bytes of its file.
    arrays = {key: entry.array(content).copy() for key, entry in header.entries.items()}
    text = arrays.pop(VALUES, np.empty(0, np.uint8)).tobytes()
    try:
        return Snapshot.from_parts(_values(text), arrays)
    except SnapshotError as error:
        raise SnapshotError(f"{name}: {error}") from error


def _values(text: bytes) -> dict[str, Any]:
    try:
        values = strict_json.parse(text.decode("utf-8"))
    except ValueError as error:  # UnicodeDecodeError is one
        raise SnapshotError(f"its values are damaged: {printable(error)}") from error
    if not isinstance(values, dict):
        raise SnapshotError("its values are damaged: they must be an object")
    return values


def load_or_none(path: Path) -> Snapshot | None:
    """Return the snapshot in a file; None where it is empty, damaged, or not a file at all.

    Raises:
        NewerSnapshotError, DataError: as `load_snapshot`.
    """
    try:
        return load_snapshot(path)
    except NewerSnapshotError:
        raise
    except SnapshotError:
        return None
    except DataError:
        # A file with content may become readable; a folder or a broken link never will.
        if path.is_file() and path.stat().st_size > 0:
            raise
        return None
