"""Vector kernels: several numbers of an array at once, in one register of the processor.

LLVM vectorises a plain loop over an array, but keeps few sums of a product in registers. A vector
kernel says which. It is plain Python over arrays, arithmetic operators, `Vectors` and the functions
of `inlining`; elements of a contiguous array are counted flat, whatever its shape. Called with
NumPy's arrays, it computes. Named in a kernel, it is run once while the kernel is compiled, on
values that write an instruction for each operator: Python's own loops are unrolled, and a list of
vectors stays in registers. `lowering_vectors` writes them.

    @vector_kernel
    def scale(v, x, factor, count):
        def one(i, state):
            v.store(x, i * v.lanes, v.load(x, i * v.lanes) * factor)
            return state

        v.repeat(count, one, [])

As in other formulas, products may be fused into sums and nothing else is reordered.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

State = list[Any]
"""Vectors, or numbers, that a loop carries from one turn to the next."""
Work = Callable[[State], State]
"""Returns the next state."""


class Vectors(ABC):
    """Reads, writes and loops of a vector kernel.

    Args:
        lanes: numbers in a vector.
        lanes_of_loops: numbers in the vectors that LLVM makes of a plain loop.
        wide: True for vectors of AVX-512: a line of the cache each, and 32 registers for them.
        flushes: whether `flushing` has an effect.
        roots_apart: whether `root_apart` leaves the processor's divider alone.
    """

    def __init__(
        self, lanes: int, *, lanes_of_loops: int, wide: bool, flushes: bool, roots_apart: bool
    ) -> None:
        self.lanes, self.lanes_of_loops, self.wide = lanes, lanes_of_loops, wide
        self.flushes, self.roots_apart = flushes, roots_apart

    @abstractmethod
    def load(self, array: Any, start: Any, count: int | None = None) -> Any:
        """Return the vector of an array's elements from `start` on.

        Args:
            array: read from.
            start: counted flat.
            count: of elements; the vector is for `shuffle` alone then. None fills all lanes.
        """

    @abstractmethod
    def store(self, array: Any, start: Any, vector: Any) -> None:
        """Write a vector to an array's elements from `start` on."""

    @abstractmethod
    def prefetch(self, array: Any, start: Any) -> None:
        """Fetch the element at `start`, with all of its 64 bytes, into the second nearest cache."""

    @abstractmethod
    def all(self, number: Any) -> Any:
        """Return the vector of one number, of the arrays' dtype or of Python, in every lane."""

    @abstractmethod
    def number(self, index: Any) -> Any:
        """Return an index as a number of the arrays' dtype."""

    @abstractmethod
    def root(self, x: Any) -> Any:
        """Return the square roots of a vector, or that of a number."""

    @abstractmethod
    def root_apart(self, x: Any) -> Any:
        """Return the square roots of a vector, which may be computed by multiply-adds.

        That takes longer alone: it is for the time that divisions and other roots keep the divider
        busy. The bits are those of `root`, but where x is below 1e-290 or -0.
        """

    @abstractmethod
    def overlapped(self, works: list[Work], apart: int, state: State) -> State:
        """Do some works, each of which begins while those before it wait for their results.

        A core looks a few hundred instructions ahead, fewer than two works may have. So their
        instructions are written in the order in which a core could begin them.

        Args:
            works: no loops; none may read what another one writes.
            apart: cycles from the first instruction of a work to that of the next one.
            state: passed to the first work, whose result the second one takes, and so on.
        """

    @abstractmethod
    def first(self, x: Any) -> Any:
        """Return the number in the first lane of a vector."""

    def sum(self, x: Any) -> Any:
        """Return the sum of a vector's numbers, added up by halves."""
        half = self.lanes // 2
        while half:
            x = self.folded(x, half)
            half //= 2
        return self.first(x)

    def folded(self, x: Any, distance: int) -> Any:
        """Return each number of a vector plus the one so many lanes further, in a circle."""
        lanes = range(self.lanes)
        return x + self.shuffle(x, x, [(lane + distance) % self.lanes for lane in lanes])

    @abstractmethod
    def shuffle(self, x: Any, y: Any, chosen: list[int]) -> Any:
        """Return the vector of lanes `chosen` from two: y's count from the number of x's on."""

    @abstractmethod
    def flushing(self, work: Callable[[], None]) -> None:
        """Do some work; where it `flushes`, the processor sets subnormal results to 0 meanwhile.

        The work must be loops: LLVM may move a single instruction out of it.
        """

    @abstractmethod
    def repeat(
        self, count: Any, turn: Callable[[Any, State], State], state: State, first: Any = 0
    ) -> State:
        """Run `turn(i, state)`, which returns the next state, for first <= i < count.

        Return the last state.
        """


class _InPython(Vectors):
    """Vectors as NumPy's arrays, as large as AVX2's; the order of the work is that of AVX-512."""

    size_in_bytes, is_wide = 32, True

    def __init__(self, dtype: np.dtype[Any]) -> None:
        lanes, apart = self.size_in_bytes // dtype.itemsize, dtype.itemsize == 8
        wide = self.is_wide
        super().__init__(lanes, lanes_of_loops=lanes, wide=wide, flushes=False, roots_apart=apart)
        self._dtype = dtype

    def load(self, array: Any, start: Any, count: int | None = None) -> Any:
        return array.reshape(-1)[start : start + (count or self.lanes)].copy()

    def store(self, array: Any, start: Any, vector: Any) -> None:
        array.reshape(-1)[start : start + self.lanes] = vector

    def prefetch(self, array: Any, start: Any) -> None:
        """Do nothing."""

    def all(self, number: Any) -> Any:
        return np.full(self.lanes, number, self._dtype)

    def number(self, index: Any) -> Any:
        return self._dtype.type(index)

    def root(self, x: Any) -> Any:
        return np.sqrt(x)

    def root_apart(self, x: Any) -> Any:
        return np.sqrt(x)

    def overlapped(self, works: list[Work], apart: int, state: State) -> State:
        for work in works:
            state = work(state)
        return state

    def first(self, x: Any) -> Any:
        return x[0]

    def shuffle(self, x: Any, y: Any, chosen: list[int]) -> Any:
        return np.concatenate([x, y])[chosen]

    def flushing(self, work: Callable[[], None]) -> None:
        work()

    def repeat(
        self, count: Any, turn: Callable[[Any, State], State], state: State, first: Any = 0
    ) -> State:
        for i in range(first, count):
            state = turn(i, state)
        return state


class VectorKernel:
    """A function of arrays, integers, numbers and records, for kernels to call.

    Args:
        body: called with `Vectors`, then the arguments; it returns nothing. Vectors have the dtype
            of the first array.
    """

    def __init__(self, body: Callable[..., None]) -> None:
        self.body = body
        functools.update_wrapper(self, body)

    def __call__(self, *arguments: Any) -> None:
        """Compute with NumPy."""
        dtype = next(each.dtype for each in arguments if isinstance(each, np.ndarray))
        with np.errstate(all="ignore"):
            self.body(_InPython(dtype), *arguments)


def lanes_of(like: Any) -> int:
    """Return the numbers in a vector of a kernel; `like` is any number or array of their dtype."""
    return _InPython(like.dtype).lanes


def is_wide(like: Any) -> bool:
    """Return True where vectors are those of AVX-512; `like` as in `lanes_of`."""
    return _InPython(like.dtype).wide


def vector_kernel(body: Callable[..., None]) -> VectorKernel:
    """Compile into each caller, as instructions on vectors."""
    return VectorKernel(body)
