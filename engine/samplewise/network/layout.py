"""All parameters of a network in one flat vector, with named views."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samplewise.lazy import np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


ALIGNMENT_BYTES = 64
# 16 float32 or 8 float64 fill a cache line; one rule for both keeps offsets independent of dtype.
ALIGNMENT_ELEMENTS = 16


def aligned_zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return a zeroed, C-contiguous array that starts on a cache line.

    Loads that cross cache lines were measured 40 % slower, and NumPy promises 16 bytes only.
    """
    return _aligned(np.zeros, shape, dtype)


def aligned_empty(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array as `aligned_zeros`, of any values: the caller writes every element.

    Memory of 4 to 64 MiB is kept, and taken again once no array refers to it. Where it is new, it
    comes from the system page by page, as each is first written: in every second process, rows of
    5 MB took 1 ms more to copy before each training. What is smaller, C's own allocator keeps.
    """
    return _aligned(_kept_memory, shape, dtype)


MOST_KEPT_BYTES = 2**26
"""Bytes that are kept at most, in all pieces together: less than a process with numba has anyway.

glibc gives back what is above 32 MiB, each time. Rows of 34, 48 and 63 MiB then took 8.6, 12.6 and
15.8 ms to copy, and 7.0, 7.9 and 9.2 into memory that was kept: a fifth of a short training.
"""
KEPT_BYTES = range(2**22, MOST_KEPT_BYTES + 1)
_free: list[NDArray[np.uint8]] = []


class _Loan:
    """Referred to by all arrays in a piece of memory; goes with the last of them, and frees it."""

    def __init__(self, memory: NDArray[np.uint8]) -> None:
        self._memory, self.__array_interface__ = memory, memory.__array_interface__

    # At the end of a process, the names of a module may be gone before an array is.
    def __del__(self, free: list[NDArray[np.uint8]] = _free, most: int = MOST_KEPT_BYTES) -> None:
        free.append(self._memory)
        while sum([memory.size for memory in free]) > most:
            del free[:1]


def _kept_memory(size: int, dtype: DTypeLike) -> NDArray[Any]:
    if size not in KEPT_BYTES:
        return np.empty(size, dtype)
    found = _free_memory(size)
    return np.asarray(_Loan(np.empty(size, dtype) if found is None else found))


def _free_memory(size: int) -> NDArray[np.uint8] | None:
    """Return free memory of about this size, no longer kept; or None."""
    for _ in range(len(_free)):
        try:
            # Of several threads, one alone gets it.
            memory = _free.pop(0)
        except IndexError:
            break
        if size <= memory.size <= 2 * size:
            return memory
        _free.append(memory)
    return None


def _aligned(
    allocate: Callable[..., NDArray[Any]], shape: int | tuple[int, ...], dtype: DTypeLike
) -> NDArray[Any]:
    dtype = np.dtype(dtype)
    size = dtype.itemsize * (math.prod(shape) if isinstance(shape, tuple) else shape)
    raw = allocate(size + ALIGNMENT_BYTES, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT_BYTES
    return raw[start : start + size].view(dtype).reshape(shape)


@dataclass(frozen=True)
class Slot:
    """One named tensor inside the flat vector: `shape`, from element `offset` on."""

    name: str
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class ParameterLayout:
    """The place of each tensor. Every tensor starts on a cache line; the gaps stay zero.

    Args:
        slots: the tensors in order.
        size: length P of the flat vector, gaps included.
    """

    slots: tuple[Slot, ...]
    size: int

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> ParameterLayout:
        """Lay the named shapes one after the other."""
        slots = []
        offset = 0
        for name, shape in shapes.items():
            slots.append(Slot(name, shape, offset))
            length = math.prod(shape)
            offset += -(-length // ALIGNMENT_ELEMENTS) * ALIGNMENT_ELEMENTS
        return cls(tuple(slots), offset)

    @property
    def parameters(self) -> int:
        """Number of values, gaps not counted."""
        return sum(slot.size for slot in self.slots)

    def zeros(self, dtype: DTypeLike) -> NDArray[Any]:
        """Return a zeroed, aligned flat vector of shape (P,)."""
        return aligned_zeros(self.size, dtype)

    def views(self, vector: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return the tensors as views into `vector`, shape (P,); writing to one writes to it."""
        return {
            slot.name: vector[slot.offset : slot.offset + slot.size].reshape(slot.shape)
            for slot in self.slots
        }
