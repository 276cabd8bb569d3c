"""Views that cost nothing.

A slice of numba's own counts a reference, with two atomic instructions, and clamps its bounds:
some 10 ns each, of which a step of a small network would take fifty. These views borrow: they
must not outlive the array, and bounds are the kernels' duty.

Here they are in Python; `lowering_views` has the instructions that they become in a kernel.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from samplewise_backends.numba_cpu.compile.fields import fields_of
from samplewise_backends.numba_cpu.compile.jit import routine_at
from samplewise_backends.numba_cpu.compile.record import Record


def part(array: Any, start: Any, length: Any) -> Any:
    """Return `length` elements of a contiguous array from element `start` on, as a vector."""
    return array.reshape(-1)[start : start + length]


def row(matrix: Any, index: Any) -> Any:
    """Return row `index` of a C-contiguous matrix, as a vector."""
    return matrix[index]


def _memory(address: Any, count: Any, dtype: np.dtype[Any]) -> Any:
    """Return the array of `count` elements at an address."""
    if not count:
        return np.empty(0, dtype)
    memory: Any = (ctypes.c_char * (int(count) * dtype.itemsize)).from_address(int(address))
    return np.frombuffer(memory, dtype)


def vector_at(address: Any, length: Any, like: Any) -> Any:
    """Return the `length` numbers at an address; `like` is any number or array of their dtype."""
    return _memory(address, length, like.dtype)


def matrix_at(address: Any, rows: Any, columns: Any, like: Any) -> Any:
    """Return the C-contiguous matrix of numbers at an address; `like` as in `vector_at`."""
    return _memory(address, rows * columns, like.dtype).reshape(rows, columns)


def integers_at(address: Any, length: Any) -> Any:
    """Return the `length` int64 at an address."""
    return _memory(address, length, np.dtype(np.int64))


def address_of(array: Any) -> int:
    """Return the address of the first element of an array."""
    return int(array.__array_interface__["data"][0])


def record_at(address: Any, index: Any, record: Record, like: Any) -> Any:
    """Return record `index` of those at an address, in place; `like` as in `vector_at`."""
    layout = record.of(like.dtype)
    found = _memory(address + index * layout.itemsize, 1, layout)
    return fields_of(record, found[0])


def real(bits: Any) -> Any:
    """Return the float64 of these 64 bits."""
    return np.int64(bits).view(np.float64)


def call(address: Any, record: Any) -> None:
    """Call a `Routine` by its address, with a record."""
    routine_at(address)(record)
