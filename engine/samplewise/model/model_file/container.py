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

from samplewise.checks import printable
from samplewise.errors import ModelFileError
from samplewise.io import strict_json

MAX_HEADER_BYTES = 2**20
MAX_METADATA_BYTES = 64 * 2**10
MAX_DIMENSIONS = 8
KEY = "samplewise"
DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
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


def pack(tensors: Mapping[str, NDArray[Any]], metadata: str) -> bytes:
    """Return the bytes of a file with these tensors and our metadata."""
    from safetensors.numpy import save

    return save(dict(tensors), {KEY: metadata})


def other_kind(content: bytes) -> str | None:
    """Return the kind of a file that is not safetensors, with its article; None if it may be."""
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    # Only where no header can be: an honest one of 896 bytes starts as a pickle does.
    if content[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{" and length <= MAX_HEADER_BYTES:
        return None
    return next((kind for magic, kind in _STARTS if content.startswith(magic)), "something else")


def read_header(content: bytes, name: str) -> Header:
    """Return the header of a file's content.

    Args:
        content: the whole file.
        name: of the file, for messages.

    Raises:
        ModelFileError: not safetensors, damaged, without our metadata, or with anything that the
            format does not allow.
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    data_start = _LENGTH_BYTES + length
    if (kind := other_kind(content)) is not None:
        raise ModelFileError(
            f"{name} is not a samplewise model but {kind}; expected a file that samplewise train "
            "wrote"
        )
    if data_start > len(content):
        raise ModelFileError(
            f"{name} ends inside its header ({len(content):,} of {data_start:,} bytes); "
            "copy or download it again"
        )
    entries = _parsed(content[_LENGTH_BYTES:data_start], name)
    metadata = _metadata(entries.pop(_METADATA, None), name)
    tensors = {key: _entry(key, value, data_start, name) for key, value in entries.items()}
    _check_cover(tensors, data_start, len(content), name)
    return Header(metadata, tensors)


def _parsed(raw: bytes, name: str) -> dict[str, Any]:
    try:
        entries = strict_json.parse(raw.decode("utf-8"))
    except ValueError as error:  # UnicodeDecodeError is one
        raise ModelFileError(f"the header of {name} is damaged: {printable(error)}") from error
    # It starts with a brace, so it is an object.
    return dict(entries)


def _metadata(found: object, name: str) -> str:
    text = found.get(KEY) if isinstance(found, dict) and len(found) == 1 else None
    if not isinstance(text, str):
        raise ModelFileError(
            f"{name} is a safetensors file but not a samplewise model: its metadata must be one "
            f"text under the key '{KEY}'"
        )
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_METADATA_BYTES:
        raise ModelFileError(
            f"{name} describes itself in {size:,} bytes, but at most {MAX_METADATA_BYTES:,} are "
            "allowed; use fewer layers, or fewer or shorter class names"
        )
    return text


def _entry(key: str, value: object, data_start: int, name: str) -> Entry:
    where = f"tensor '{printable(key)}' of {name}"
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise ModelFileError(f"{where} must have dtype, shape and data_offsets, and nothing else")
    dtype = DTYPES.get(value["dtype"]) if isinstance(value["dtype"], str) else None
    if dtype is None:
        raise ModelFileError(
            f"{where} is of type '{printable(value['dtype'])}', but must be F32, F64 or U8"
        )
    shape, offsets = _lengths(value["shape"]), _lengths(value["data_offsets"])
    if shape is None or offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ModelFileError(
            f"{where} has shape {printable(value['shape'])} at {printable(value['data_offsets'])}; "
            "expected lengths from 0, and a start before an end"
        )
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != offsets[1] - offsets[0]:
        raise ModelFileError(
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


def _check_cover(entries: Mapping[str, Entry], start: int, end: int, name: str) -> None:
    """Refuse gaps, overlaps and bytes at the end, where another file could hide."""
    position = start
    for key, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != position:
            raise ModelFileError(
                f"tensor '{printable(key)}' of {name} starts at byte {entry.start:,}, but the one "
                f"before ends at {position:,}; the file is damaged or hostile"
            )
        position = entry.stop
    if position != end:
        raise ModelFileError(
            f"{name} has {end:,} bytes, but its header claims {position:,}; it was cut, or "
            "something was appended"
        )
