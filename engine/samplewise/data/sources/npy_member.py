"""One array out of an open npz, checked before memory is taken for it."""

from __future__ import annotations

import io
import math
import struct
import warnings
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.errors import DataError, raised_by_signal_handler

MAX_HEADER_CHARACTERS = 10_000
CHUNK_BYTES = 2**20

_MAGIC = b"\x93NUMPY"
# The length of the header is 2 bytes wide in version 1, 4 in version 2. Version 3 differs only in
# the names of structured fields, and structured arrays are refused.
_LENGTH_FORMATS = {(1, 0): "<H", (2, 0): "<I"}
_MAX_DIMENSIONS = 8


def read_array(member: IO[bytes], size: int, where: str, *, text: bool) -> NDArray[Any]:
    """Read a member whose directory entry promises `size` bytes.

    Args:
        member: the unpacked bytes, at their beginning; zipfile compares the checksum as the last
            of them is read.
        size: the promised number of bytes; more are never read.
        where: file and key, for messages.
        text: whether text is allowed besides numbers.

    Returns:
        The array, in native byte order and C order.

    Raises:
        DataError: no npy array, a header too long or senseless, a dtype that is not allowed, or
            a shape whose bytes are not those of the member.
    """
    shape, fortran, dtype, header_bytes = _read_header(member, where)
    _check_dtype(dtype, where, text=text)
    _check_shape(shape, where)
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != size - header_bytes:
        raise DataError(
            f"{where}: the header claims {claimed:,} bytes (shape {printable(shape)}, {dtype}), "
            f"but the member holds {max(size - header_bytes, 0):,}; the file is damaged or hostile"
        )
    flat = _read_exactly(member, claimed, where).view(dtype)
    array = flat.reshape(shape, order="F" if fortran else "C")
    return np.asarray(array, dtype=dtype.newbyteorder("="), order="C")


def _read_header(member: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    start = member.read(8)
    version = tuple(start[6:8])
    if start[:6] != _MAGIC or version not in _LENGTH_FORMATS:
        raise DataError(
            f"{where} is not an npy array of version 1.0 or 2.0; store plain arrays with "
            "numpy.savez"
        )
    width = _LENGTH_FORMATS[version]
    length_bytes = member.read(struct.calcsize(width))
    if len(length_bytes) < struct.calcsize(width):
        raise DataError(f"{where} ends inside its header; the file is damaged")
    length = struct.unpack(width, length_bytes)[0]
    if length > MAX_HEADER_CHARACTERS:
        raise DataError(
            f"{where}: the header has {length:,} characters, "
            f"at most {MAX_HEADER_CHARACTERS:,} are allowed"
        )
    header = length_bytes + member.read(length)
    shape, fortran, dtype = _parse_header(header, version, where)
    return shape, fortran, dtype, len(start) + len(header)


def _parse_header(
    header: bytes, version: tuple[int, ...], where: str
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    parse = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    try:
        with warnings.catch_warnings():
            # Of headers written by Python 2, and of odd escapes in a hostile one.
            warnings.simplefilter("ignore")
            return parse(io.BytesIO(header), max_header_size=MAX_HEADER_CHARACTERS)
    # NumPy evaluates the header and lets out whatever that raises: seen are ValueError, EOFError,
    # TypeError, SyntaxError, tokenize's TokenError, MemoryError and RecursionError.
    except Exception as error:
        if raised_by_signal_handler(error):
            raise
        raise DataError(f"{where}: the array's header cannot be read; is it damaged?") from error


def _check_dtype(dtype: np.dtype[Any], where: str, *, text: bool) -> None:
    if dtype.hasobject:
        raise DataError(
            f"{where} holds Python objects, which could run code when read; "
            "store plain numbers, or labels as text, and save again"
        )
    number = dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize <= 8)
    words = text and dtype.kind in "US" and dtype.itemsize > 0
    if dtype.subdtype is not None or not (number or words):
        kinds = "bool, integers, float16, float32, float64" + (", text" if text else "")
        raise DataError(f"{where} is {printable(dtype)}; allowed are {kinds}")


def _check_shape(shape: tuple[int, ...], where: str) -> None:
    if len(shape) > _MAX_DIMENSIONS or not all(0 <= length < 2**48 for length in shape):
        raise DataError(f"{where}: no array has the shape {printable(shape)}; is it damaged?")


def _read_exactly(member: IO[bytes], size: int, where: str) -> NDArray[np.uint8]:
    buffer = np.empty(size, dtype=np.uint8)
    filled = 0
    while filled < size:
        chunk = member.read(min(CHUNK_BYTES, size - filled))
        if not chunk:
            raise DataError(f"{where} ends after {filled:,} of {size:,} bytes; the file is damaged")
        buffer[filled : filled + len(chunk)] = np.frombuffer(chunk, dtype=np.uint8)
        filled += len(chunk)
    return buffer
