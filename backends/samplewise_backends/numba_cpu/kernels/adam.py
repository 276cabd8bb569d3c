"""Adam's step, in one pass over parameters, averages and gradient.

Root and division of a step keep the processor's divider busy for longer than all else takes. Beside
them, the sum of the squares that an L2 penalty needs costs nothing, nor does the gradient of a
batch of one row, which is dz x^T. Measured on a step of 784-100-10 with such a penalty, batch 1,
float64, built for AVX2: 93 us, and 107 us where each of the two has a pass of its own.

With AVX2 and AVX-512, the processor sets averages to 0 where they would be subnormal. With
AVX-512, every second vector of float64 is divided by multiply-adds, beside the root and the
division of the one before it. A step in 64-100, batch 1, with a penalty: 5.1 us in place of 5.9.

Products are fused into sums, also those of dz and x. So the gradient dz x^T may give other last
bits than the same gradient where it was written; where a parameter lies in a pass changes none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import getitem, setitem, truediv
from typing import Any, NamedTuple

from samplewise_backends.numba_cpu.compile.inlining import magnitude, select
from samplewise_backends.numba_cpu.compile.jit import kernel
from samplewise_backends.numba_cpu.compile.vectors import State, Vectors, vector_kernel
from samplewise_backends.numba_cpu.compile.views import part

# Parameters in one pass: in float32, more squares would be summed with an error that counts.
AT_ONCE = 4096


Divided = Callable[[Any, Any], Any]
"""Returns the quotient of two numbers or vectors."""
Place = tuple[Any, Any, Divided]
"""Where parameters lie, their gradient, and how to divide in their step."""


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
            place = whole + i, g[whole + i], truediv
            return self._stepped([place], getitem, setitem, total)

        (total,) = self._along_vectors(0, whole, lambda at: v.load(g, at), [v.all(0.0)])
        (rest,) = v.repeat(count - whole, of_number, [v.number(0)])
        g[0] = v.sum(total) + rest

    def along_outer(self, g: Any, x: Any, dz: Any) -> None:
        """Take the step of the gradient dz x^T; x is some whole vectors."""
        v, inputs = self._v, x.shape[0]

        def unit(o: Any, total: State) -> State:
            d = v.all(dz[o])
            return self._along_vectors(o * inputs, inputs, lambda at: d * v.load(x, at), total)

        (total,) = v.repeat(dz.shape[0], unit, [v.all(0.0)])
        g[0] = v.sum(total)

    def _along_vectors(
        self, first: Any, count: Any, slope: Callable[[Any], Any], total: State
    ) -> State:
        """Take the step in `count` numbers from `first` on, whole vectors.

        slope: from the distance of a vector from `first` to its gradient.
        """
        v = self._v

        def place(at: Any, divided: Divided) -> Place:
            return first + at, slope(at), divided

        def single(i: Any, total: State) -> State:
            return self._stepped([place(i * v.lanes, truediv)], v.load, v.store, total)

        def pair(i: Any, total: State) -> State:
            at = i * (2 * v.lanes)
            both = [place(at, truediv), place(at + v.lanes, v.quotient)]
            return self._stepped(both, v.load, v.store, total)

        vectors = count // v.lanes
        if not v.divides_apart:
            return v.repeat(vectors, single, total)
        pairs = vectors // 2
        return v.repeat(vectors, single, v.repeat(pairs, pair, total), 2 * pairs)

    def of_vector(self, at: Any, slope: Any, total: State) -> State:
        """Take the step of a vector's gradient; return the total with the squares before it."""
        return self._stepped([(at, slope, truediv)], self._v.load, self._v.store, total)

    def _stepped(
        self,
        places: list[Place],
        read: Callable[[Any, Any], Any],
        write: Callable[[Any, Any, Any], None],
        total: State,
    ) -> State:
        """Step in the parameters at some places; return the total with their squares before.

        All are read before one is written: a read waits for a write before it whose address has the
        same last 12 bits, and how far apart the arrays lie is chance.
        """
        arrays = self._theta, self._mean, self._square
        before = [[read(array, at) for array in arrays] for at, _, _ in places]
        (squares,) = total
        for (at, slope, divided), numbers in zip(places, before, strict=True):
            for array, number in zip(arrays, self._after(*numbers, slope, divided), strict=True):
                write(array, at, number)
            squares = squares + numbers[0] * numbers[0]
        return [squares]

    def _after(self, w: Any, m: Any, s: Any, slope: Any, divided: Divided) -> tuple[Any, Any, Any]:
        """Return a parameter and its averages after the step, given those before."""
        of = self._numbers
        slope = slope if self._l2 is None else slope + self._l2 * w
        m = of.old * m + of.new * slope
        s = of.old_square * s + of.new_square * (slope * slope)
        if not self._v.flushes:
            m = select(magnitude(m) < of.tiny, 0.0, m)
            s = select(s < of.tiny, 0.0, s)
        root = self._v.root(s) * of.correction + of.epsilon
        return w - divided(of.rate * m, root), m, s


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
def _adam_outer(v, theta, mean, square, g, x, dz, *numbers):
    """As `_adam`, for the gradient dz x^T; x is some whole vectors, g[0] is written."""
    step = Step(v, theta, mean, square, Numbers(*numbers), None)
    v.flushing(lambda: step.along_outer(g, x, dz))


@vector_kernel
def _adam_outer_with_l2(v, theta, mean, square, g, x, dz, *numbers):
    """As `_adam_outer`, with the gradient of the penalty."""
    of = Numbers(*numbers)
    step = Step(v, theta, mean, square, of, of.l2)
    v.flushing(lambda: step.along_outer(g, x, dz))


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


@kernel
def adam_outer_passes(theta, mean, square, g, x, dz, has_l2, numbers):
    """As `adam_passes`, for the gradient dz x^T."""
    total, inputs, units = 0.0, x.shape[0], dz.shape[0]
    height, width = max(AT_ONCE // inputs, 1), min(inputs, AT_ONCE)
    for o in range(0, units, height):
        n = min(height, units - o)
        for i in range(0, inputs, width):
            length = min(width, inputs - i)
            p, count = o * inputs + i, n * length
            some, d = part(x, i, length), part(dz, o, n)
            w, m, s = part(theta, p, count), part(mean, p, count), part(square, p, count)
            if has_l2:
                _adam_outer_with_l2(w, m, s, g, some, d, *numbers)
            else:
                _adam_outer(w, m, s, g, some, d, *numbers)
            total += float(g[0])
    return total
