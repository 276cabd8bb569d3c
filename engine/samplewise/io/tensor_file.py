"""The safetensors container: its header is checked before it is believed.

The library writes; reading is done here, because the library would copy every tensor once more and
takes headers of 100 MB. Format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import must_be, printable
from samplewise.errors import SamplewiseError
from samplewise.io import strict_json

MAX_METADATA_BYTES = 64 * 2**10
MAX_DIMENSIONS = 8
DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype(np.uint8),
}

_LENGTH_BYTES = 8
_METADATA = "__metadata__"
_STARTS = (
    (b"PK\x03\x04", "a zip archive, as PyTorch's .pt and NumPy's .npz are"),
    (b"\x89HDF", "an HDF5 file, as Keras' .h5 is"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "a gzip file"),
    *((bytes((0x80, protocol)), "a Python pickle") for protocol in range(2, 6)),
)


@dataclass(frozen=True)
class FileKind:
    """A kind of file in this container.

    Args:
        what: for messages, as in "samplewise model".
        writer: the command that writes it, likewise.
        key: of our text in the metadata.
        error: raised for a file that is not one.
        dtypes: that its tensors may have, of `DTYPES`.
        max_header_bytes: of a header that is read.
    """

    what: str
    writer: str
    key: str
    error: type[SamplewiseError]
    dtypes: tuple[str, ...]
    max_header_bytes: int = 2**20


@dataclass(frozen=True)
class Entry:
    """A tensor in the file: its elements lie in content[start:stop]."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int

    def array(self, content: bytes) -> NDArray[Any]:
        """Return the tensor as a read-only view of the file's content."""
        flat = np.frombuffer(content, np.uint8, self.stop - self.start, self.start)
        return flat.view(self.dtype).reshape(self.shape)


@dataclass(frozen=True)
class Header:
    """The header of a file.

    Args:
        metadata: our JSON text, not yet parsed.
        entries: the tensors by name; together they fill the file exactly.
    """

    metadata: str
    entries: dict[str, Entry]


def pack(kind: FileKind, tensors: Mapping[str, NDArray[Any]], metadata: str) -> bytes:
    """Return the bytes of a file of this kind with these tensors and our metadata."""
    from safetensors.numpy import save

    return save(dict(tensors), {kind.key: metadata})


def other_kind(content: bytes, max_header_bytes: int = 2**20) -> str | None:
    """Return the kind of a file that is not safetensors, with its article; None if it may be."""
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    # Only where no header can be: an honest one of 896 bytes starts as a pickle does.
    if content[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{" and length <= max_header_bytes:
        return None
    return next((kind for magic, kind in _STARTS if content.startswith(magic)), "something else")


def read_header(kind: FileKind, content: bytes, name: str) -> Header:
    """Return the header of a file's content.

    Raises:
        SamplewiseError: that of the kind: not safetensors, damaged, without our metadata, or with
            anything that the format does not allow.
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    data_start = _LENGTH_BYTES + length
    if (other := other_kind(content, kind.max_header_bytes)) is not None:
        raise kind.error(
            f"{name} is not a {kind.what} but {other}; expected a file that {kind.writer} wrote"
        )
    if data_start > len(content):
        raise kind.error(
            f"{name} ends inside its header ({len(content):,} of {data_start:,} bytes); "
            "copy or download it again"
        )
    entries = _parsed(kind, content[_LENGTH_BYTES:data_start], name)
    metadata = _metadata(kind, entries.pop(_METADATA, None), name)
    tensors = {key: _entry(kind, key, value, data_start, name) for key, value in entries.items()}
    _check_cover(kind, tensors, data_start, len(content), name)
    return Header(metadata, tensors)


def _parsed(kind: FileKind, raw: bytes, name: str) -> dict[str, Any]:
    try:
        entries = strict_json.parse(raw.decode("utf-8"))
    except ValueError as error:  # UnicodeDecodeError is one
        raise kind.error(f"the header of {name} is damaged: {printable(error)}") from error
    # It starts with a brace, so it is an object.
    return dict(entries)


def _metadata(kind: FileKind, found: object, name: str) -> str:
    text = found.get(kind.key) if isinstance(found, dict) and len(found) == 1 else None
    if not isinstance(text, str):
        raise kind.error(
            f"{name} is a safetensors file but not a {kind.what}: its metadata must be one "
            f"text under the key '{kind.key}'"
        )
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_METADATA_BYTES:
        raise kind.error(
            f"{name} describes itself in {size:,} bytes, but at most {MAX_METADATA_BYTES:,} are "
            "allowed; use fewer layers, or fewer or shorter class names"
        )
    return text


def _entry(kind: FileKind, key: str, value: object, data_start: int, name: str) -> Entry:
    where = f"tensor '{printable(key)}' of {name}"
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise kind.error(f"{where} must have dtype, shape and data_offsets, and nothing else")
    if value["dtype"] not in kind.dtypes:
        *most, last = kind.dtypes
        wanted = f"{', '.join(most)} or {last}"
        raise kind.error(must_be(f"type of {where}", wanted, value["dtype"]))
    dtype = DTYPES[value["dtype"]]
    shape, offsets = _lengths(value["shape"]), _lengths(value["data_offsets"])
    if shape is None or offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise kind.error(
            f"{where} has shape {printable(value['shape'])} at {printable(value['data_offsets'])}; "
            "expected lengths from 0, and a start before an end"
        )
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != offsets[1] - offsets[0]:
        raise kind.error(
            f"{where} has shape {shape}, which takes {claimed:,} bytes, but lies at "
            f"{offsets[0]:,} to {offsets[1]:,}; the file is damaged or hostile"
        )
    return Entry(dtype, shape, data_start + offsets[0], data_start + offsets[1])


def _lengths(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list) or len(value) > MAX_DIMENSIONS:
        return None
    if not all(type(length) is int and length >= 0 for length in value):
        return None
    return tuple(value)


def _check_cover(
    kind: FileKind, entries: Mapping[str, Entry], start: int, end: int, name: str
) -> None:
    """Refuse gaps, overlaps and bytes at the end, where another file could hide."""
    position = start
    for key, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != position:
            raise kind.error(
                f"tensor '{printable(key)}' of {name} starts at byte {entry.start:,}, but the one "
                f"before ends at {position:,}; the file is damaged or hostile"
            )
        position = entry.stop
    if position != end:
        raise kind.error(
            f"{name} has {end:,} bytes, but its header claims {position:,}; it was cut, or "
            "something was appended"
        )
