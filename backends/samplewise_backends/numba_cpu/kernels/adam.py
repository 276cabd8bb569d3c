"""Adam's step, in one pass over parameters, averages and gradient.

Root and division of a step keep the processor's divider busy for longer than all else takes. Beside
them, the sum of the squares that an L2 penalty needs costs nothing, nor does the gradient of a
batch of one row, which is dz x^T. Measured on a step of 784-100-10 with such a penalty, batch 1,
float64, built for AVX2: 93 us, and 107 us where each of the two has a pass of its own.

With AVX2 and AVX-512, the processor sets averages to 0 where they would be subnormal. With
AVX-512, some roots of float64 are taken by multiply-adds, beside the divisions and the other roots,
and vectors overlap. Five epochs of 64-100-10, batch 1, with a penalty and the products of the next
row taken along: 55 ms in place of 65.

Products are fused into sums, also those of dz and x. So the gradient dz x^T may give other last
bits than the same gradient where it was written; where a parameter lies in a pass changes none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import getitem, setitem
from typing import Any, NamedTuple

import numpy as np

from samplewise_backends.numba_cpu.compile.inlining import magnitude, select
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel
from samplewise_backends.numba_cpu.compile.vectors import (
    State,
    Vectors,
    Work,
    lanes_of,
    vector_kernel,
)
from samplewise_backends.numba_cpu.compile.views import part
from samplewise_backends.numba_cpu.kernels.next_row import SUMS, NextRow, least

# Parameters in one pass: in float32, more squares would be summed with an error that counts.
AT_ONCE = 4096
# The vectors of a turn of a loop: whether roots are taken by multiply-adds, where these are apart.
# As many turns of the first kind are taken as there are vectors for, then of the next kind. A turn
# of eight vectors takes 0.9 of the time of four turns of two; it is only for most of the parameters
# of a batch of one row, as each such loop takes LLVM 0.1 s.
Turn = tuple[bool, ...]
PAIR: Turn = (False, True)
ONE: Turn = (False,)
TURNS = ((*PAIR, *PAIR, *PAIR, False, False), PAIR, ONE)
# From the first instruction of a vector to that of the next one: about as many as divider and
# multiply-adds need.
CYCLES = 19

Root = Callable[[Any], Any]
"""Returns the square root of a number or vector."""
Slope = Callable[[Any], Any]
"""Returns the gradient of a vector, given its distance from the first number of a loop."""


class Numbers(NamedTuple):
    """The numbers of a step, beside its vectors.

    Args:
        old, new: shares of the old average and of the gradient in the new average.
        old_square, new_square: likewise, of squares.
        rate: learning rate over the mean's bias correction.
        correction: factor of the root.
        epsilon: added to the root.
        tiny: an average below it is set to 0.
        l2: of the penalty.
    """

    old: Any
    new: Any
    old_square: Any
    new_square: Any
    rate: Any
    correction: Any
    epsilon: Any
    tiny: Any
    l2: Any


class Step:
    """Steps in parameters and averages, several numbers or one at a time.

    Args:
        v: reads and writes vectors; it must be `flushing`.
        theta, mean, square: of equal length.
        numbers: of the step.
        l2: of the penalty; None where there is none.
    """

    def __init__(
        self, v: Vectors, theta: Any, mean: Any, square: Any, numbers: Numbers, l2: Any
    ) -> None:
        self._v, self._numbers, self._l2 = v, numbers, l2
        self._theta, self._mean, self._square = theta, mean, square

    def along(self, g: Any) -> None:
        """Take the step of the gradient g."""
        v, count = self._v, g.shape[0]
        whole = count // v.lanes * v.lanes

        def of_number(i: Any, total: State) -> State:
            at = whole + i
            return self._stepped(at, g[at], v.root, getitem, setitem, total)

        def slope(at: Any) -> Any:
            return v.load(g, at)

        (total,) = self._along_vectors(0, whole, slope, TURNS[1:], [v.all(0.0)])
        (rest,) = v.repeat(count - whole, of_number, [v.number(0)])
        g[0] = v.sum(total) + rest

    def along_outer(self, g: Any, x: Any, dz: Any, next_row: NextRow) -> None:
        """Take the step of the gradient dz x^T; x is some whole vectors."""
        v, inputs, last = self._v, x.shape[0], dz.shape[0] - 1
        turns = TURNS[1:] if self._l2 is None else TURNS

        def unit(o: Any, total: State) -> State:
            """Step in unit o, of which the last turn has none.

            Only then multiply the unit before it, whose last weights have waited for their roots.
            """
            d = v.all(dz[least(o, last)])

            def slope(at: Any) -> Any:
                return d * v.load(x, at)

            count = (least(o, last) + 1 - o) * inputs
            total = self._along_vectors(o * inputs, count, slope, turns, total)
            next_row.multiply(o - 1, least(o, 1))
            return total

        (total,) = v.repeat(last + 2, unit, [v.all(0.0)])
        g[0] = v.sum(total)

    def _along_vectors(
        self,
        first: Any,
        count: Any,
        slope: Slope,
        turns: tuple[Turn, ...],
        total: State,
    ) -> State:
        """Take the step in `count` numbers from `first` on, whole vectors."""
        v, done = self._v, 0
        for apart in turns if v.roots_apart else [ONE]:
            size = len(apart) * v.lanes

            def turn(i: Any, total: State, apart: Turn = apart, start: Any = done) -> State:
                at = start + i * (len(apart) * v.lanes)
                return self._turn(apart, first, at, slope, total)

            times = (count - done) // size
            total, done = v.repeat(times, turn, total), done + times * size
        return total

    def _turn(self, apart: Turn, first: Any, at: Any, slope: Slope, total: State) -> State:
        """Take the step in the vectors of a turn, from `first` + `at` on."""
        v = self._v

        def step(k: int) -> Work:
            place, root = at + k * v.lanes, v.root_apart if apart[k] else v.root
            return lambda total: self._stepped(
                first + place, slope(place), root, v.load, v.store, total
            )

        return v.overlapped([step(k) for k in range(len(apart))], CYCLES, total)

    def of_vector(self, at: Any, slope: Any, total: State) -> State:
        """Take the step of a vector's gradient; return the total with the squares before it."""
        v = self._v
        return self._stepped(at, slope, v.root, v.load, v.store, total)

    def _stepped(
        self,
        at: Any,
        slope: Any,
        root: Root,
        read: Callable[[Any, Any], Any],
        write: Callable[[Any, Any, Any], None],
        total: State,
    ) -> State:
        """Step in the parameters at a place; return the total with their squares before."""
        arrays = self._theta, self._mean, self._square
        before = [read(array, at) for array in arrays]
        for array, number in zip(arrays, self._after(*before, slope, root), strict=True):
            write(array, at, number)
        (squares,) = total
        return [squares + before[0] * before[0]]

    def _after(self, w: Any, m: Any, s: Any, slope: Any, root: Root) -> tuple[Any, Any, Any]:
        """Return a parameter and its averages after the step, given those before."""
        of = self._numbers
        slope = slope if self._l2 is None else slope + self._l2 * w
        m = of.old * m + of.new * slope
        s = of.old_square * s + of.new_square * (slope * slope)
        if not self._v.flushes:
            m = select(magnitude(m) < of.tiny, 0.0, m)
            s = select(s < of.tiny, 0.0, s)
        return w - of.rate * m / (root(s) * of.correction + of.epsilon), m, s


@vector_kernel
def _adam(v, theta, mean, square, g, *numbers):
    """Take the step of the gradient g; leave |theta|^2 of before in g[0].

    numbers: those of `Numbers`, in their order.
    """
    step = Step(v, theta, mean, square, Numbers(*numbers), None)
    v.flushing(lambda: step.along(g))


@vector_kernel
def _adam_with_l2(v, theta, mean, square, g, *numbers):
    """As `_adam`, with the gradient of the penalty."""
    of = Numbers(*numbers)
    step = Step(v, theta, mean, square, of, of.l2)
    v.flushing(lambda: step.along(g))


@vector_kernel
def _adam_outer(v, theta, mean, square, g, x, dz, next_x, bias, z, *numbers):
    """As `_adam`, for the gradient dz x^T; x is some whole vectors, g[0] is written."""
    step = Step(v, theta, mean, square, Numbers(*numbers), None)
    next_row = NextRow(v, theta, next_x, bias, z)
    v.flushing(lambda: step.along_outer(g, x, dz, next_row))


@vector_kernel
def _adam_outer_with_l2(v, theta, mean, square, g, x, dz, next_x, bias, z, *numbers):
    """As `_adam_outer`, with the gradient of the penalty."""
    of = Numbers(*numbers)
    step = Step(v, theta, mean, square, of, of.l2)
    next_row = NextRow(v, theta, next_x, bias, z)
    v.flushing(lambda: step.along_outer(g, x, dz, next_row))


@kernel
def adam_numbers(hyper, like, t, tiny):
    """Return the numbers that Adam's passes take, in their order."""
    _correct(hyper, t)
    one, new, new_square = like.dtype.type(1), hyper.new, hyper.new_square
    rate = like.dtype.type(float(hyper.rate) / hyper.mean_correction)
    correction = like.dtype.type(hyper.root_correction)
    # Added to the root before its correction.
    epsilon = hyper.epsilon * correction if hyper.epsilon_hat != 0 else hyper.epsilon
    shares = one - new, new, one - new_square, new_square
    return (*shares, rate, correction, epsilon, tiny, hyper.l2 + hyper.step_l2)


@kernel
def _correct(hyper, t):
    """Compute the bias corrections of a step, once for all parts of its parameters."""
    if hyper.corrected == t:
        return
    # In float64: 0.999 as a float32 is off by a hundred-thousandth of 1 - 0.999.
    beta, beta_square = 1.0 - float(hyper.new), 1.0 - float(hyper.new_square)
    hyper.mean_correction = 1.0 - beta**t
    hyper.root_correction = 1.0 / math.sqrt(1.0 - beta_square**t)
    hyper.corrected = t


@kernel
def adam_passes(theta, mean, square, g, has_l2, numbers):
    """Take Adam's step; return the sum of the squares of theta before it."""
    total, count = 0.0, theta.shape[0]
    for p in range(0, count, AT_ONCE):
        n = min(AT_ONCE, count - p)
        w, m, s, slopes = part(theta, p, n), part(mean, p, n), part(square, p, n), part(g, p, n)
        if has_l2:
            _adam_with_l2(w, m, s, slopes, *numbers)
        else:
            _adam(w, m, s, slopes, *numbers)
        total += float(slopes[0])
    return total


@inlined_kernel
def can_be_ahead(inputs, like):
    """Return True if `NextRow` can have so many inputs: without AVX2, LLVM sums up otherwise."""
    has_avx2 = lanes_of(np.float64(0)) >= 4
    return has_avx2 and inputs % (SUMS * lanes_of(like)) == 0 and inputs <= AT_ONCE


@kernel
def adam_outer_passes(theta, mean, square, g, x, dz, next_x, bias, z, has_l2, numbers):
    """As `adam_passes`, for the gradient dz x^T; of the next row, see `NextRow`."""
    total, inputs, units = 0.0, x.shape[0], dz.shape[0]
    height, width = max(AT_ONCE // inputs, 1), min(inputs, AT_ONCE)
    for o in range(0, units, height):
        n = min(height, units - o)
        for i in range(0, inputs, width):
            length = min(width, inputs - i)
            p, count = o * inputs + i, n * length
            some, d = part(x, i, length), part(dz, o, n)
            w, m, s = part(theta, p, count), part(mean, p, count), part(square, p, count)
            b, out = part(bias, o, n), part(z, o, n)
            if has_l2:
                _adam_outer_with_l2(w, m, s, g, some, d, next_x, b, out, *numbers)
            else:
                _adam_outer(w, m, s, g, some, d, next_x, b, out, *numbers)
            total += float(g[0])
    return total
