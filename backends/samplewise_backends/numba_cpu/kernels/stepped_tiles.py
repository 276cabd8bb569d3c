"""Steps of an optimizer on the gradient of a few rows, a tile of it at a time: see `tiles`.

The sums of a tile are the gradient of as many weights. A step that takes them from the registers
neither writes nor reads a gradient: an epoch of 784-128-10, momentum, batch 16, float32, took 5%
less with AVX-512, 10% with AVX2.

A core looks a few hundred instructions ahead, fewer than a tile and its step have. So with AVX-512
a tile's step is taken between the multiply-adds of the next one: roots, divisions and caches work
beside them. Another 2% to 3% less; 3% to 6% with Adam on 784-128-32-10. The 16 registers of AVX2
are too few for both: the epochs took 5% longer with momentum, 28% with Adam.

There, comparisons take the place of multiply-adds. So the processor sets Adam's averages to 0
where they would be subnormal, and all other subnormal results of these tiles: another 6% less.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from samplewise_backends.numba_cpu.compile.inlining import magnitude, select
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, routine
from samplewise_backends.numba_cpu.compile.vectors import Vectors, lanes_of, vector_kernel
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    call,
    matrix_at,
    part,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.adam import Numbers, Step, adam_numbers
from samplewise_backends.numba_cpu.kernels.codes import OptimizerCode
from samplewise_backends.numba_cpu.kernels.records import LANES, THIN
from samplewise_backends.numba_cpu.kernels.tiles import (
    HEIGHTS,
    WIDTH,
    Product,
    for_each,
    over_columns,
)

# Rows of a batch: the more there are, the smaller is the share of a step, and its parameters are
# far when a tile has its sums. With 200 rows of 784-128-10, momentum, float32, AVX-512, an epoch
# took 3% to 6% longer.
ROWS = 64

OneVector = Callable[[Any, Any], None]
"""Takes the step in a vector of weights, given their place and their gradient."""


class _Gradient:
    """The gradient dZ X^T of some units, in the tallest tiles.

    Args:
        v: reads and writes vectors.
        dz: flat, (units, columns), units of whole tiles, a column for each row of the batch.
        columns: of dZ.
        x: (rows, any), the inputs of each row first, which are whole vectors.
        inputs: of a unit.
        room: (any,), for the gradient of a tile at least; overwritten.
    """

    def __init__(self, v: Vectors, dz: Any, columns: Any, x: Any, inputs: Any, room: Any) -> None:
        self._v, self._inputs, self._room = v, inputs, room
        self._units, self._rows = dz.shape[0] // columns, x.shape[0]
        self._product = Product(v, dz, columns, 1, x)

    def each(self, step: OneVector) -> None:
        """Take the step in all weights."""
        v, vectors = self._v, self._inputs // self._v.lanes

        def block(m: Any) -> None:
            def tile(column: Any, width: int) -> None:
                self._then(m * HEIGHTS[0], column, width, step)

            if not v.wide:
                over_columns(v, vectors, tile)
                return
            pairs = vectors // WIDTH
            for_each(v, vectors - pairs * WIDTH, lambda _: tile((vectors - 1) * v.lanes, 1))
            self._beside(m * HEIGHTS[0], pairs, step)

        for_each(v, self._units // HEIGHTS[0], block)

    def _then(self, unit: Any, column: Any, width: int, step: OneVector) -> None:
        """Sum up a tile, then step in its weights."""
        for u, j, g in self._product.tile(unit, column, HEIGHTS[0], width):
            step((unit + u) * self._inputs + column + j, g)

    def _beside(self, unit: Any, pairs: Any, step: OneVector) -> None:
        """Sum up the tiles of some units; step in each tile's weights beside the sums of the next.

        A turn of the sums has the step in one vector, whose gradient waits in the room.
        """
        v, rows, lanes = self._v, self._rows, self._v.lanes
        size, length = HEIGHTS[0] * WIDTH, WIDTH * lanes

        def step_in(n: Any, i: Any) -> None:
            u, j = i // WIDTH, i & (WIDTH - 1)
            at = (unit + u) * self._inputs + n * length + j * lanes
            step(at, v.load(self._room, i * lanes))

        def tile(n: Any) -> None:
            # Beside the first tile, number 0, no vector waits.
            waiting = select(n < 1, n, size)
            turns = select(waiting < rows, waiting, rows)
            shared = turns, lambda i: step_in(n - 1, i)
            sums = self._product.tile(unit, n * length, HEIGHTS[0], WIDTH, shared)
            for_each(v, waiting, lambda i: step_in(n - 1, i), turns)
            for i, (_, _, g) in enumerate(sums):
                v.store(self._room, i * lanes, g)

        for_each(v, pairs, tile)
        for_each(v, select(pairs < 1, pairs, size), lambda i: step_in(pairs - 1, i))


@vector_kernel
def _plain(v, theta, dz, columns, x, inputs, room, hyper):
    rate = hyper.rate

    def step(at, g):
        v.store(theta, at, v.load(theta, at) - rate * g)

    _Gradient(v, dz, columns, x, inputs, room).each(step)


@vector_kernel
def _momentum(v, theta, velocity, dz, columns, x, inputs, room, hyper, tiny):
    rate, mu = hyper.rate, hyper.momentum

    def step(at, g):
        speed = _new_velocity(v, velocity, at, g, mu, tiny)
        v.store(theta, at, v.load(theta, at) - rate * speed)

    _Gradient(v, dz, columns, x, inputs, room).each(step)


@vector_kernel
def _nesterov(v, theta, velocity, dz, columns, x, inputs, room, hyper, tiny):
    rate, mu = hyper.rate, hyper.momentum

    def step(at, g):
        ahead = g + mu * _new_velocity(v, velocity, at, g, mu, tiny)
        v.store(theta, at, v.load(theta, at) - rate * ahead)

    _Gradient(v, dz, columns, x, inputs, room).each(step)


def _new_velocity(v, velocity, at, g, mu, tiny):
    """Write the velocities after a step, and return them."""
    speed = mu * v.load(velocity, at) + g
    speed = select(magnitude(speed) < tiny, 0.0, speed)
    v.store(velocity, at, speed)
    return speed


@vector_kernel
def _adam(v, theta, mean, square, dz, columns, x, inputs, room, *numbers):
    adam = Step(v, theta, mean, square, Numbers(*numbers), None)
    gradient = _Gradient(v, dz, columns, x, inputs, room)
    v.flushing(lambda: gradient.each(lambda at, g: adam.of_vector(at, g, [v.all(0.0)])))


@inlined_kernel
def _steps_here(run):
    """Return True if a step is one of those above: they know no penalty and no limit.

    Behind a tile, Adam's roots and divisions leave the multiply-adds little of a core. Measured on
    784-128-32-10, batch 16, float32: an epoch took 4% to 7% less with AVX-512, 1% more with AVX2.
    """
    hyper = run.network.hyper
    known = hyper.optimizer == OptimizerCode.SGD and hyper.rate_in_velocity == 0
    if hyper.optimizer == OptimizerCode.ADAM:
        known = lanes_of(np.float32(0)) == LANES
    shrinks = hyper.l1 != 0 or hyper.l2 != 0 or hyper.weight_decay != 0 or run.penalties_count > 0
    return known and not shrinks and hyper.clip_value == math.inf and run.rows.at_once <= ROWS


@inlined_kernel
def step_in_whole_tiles(run, layer, dz, x):
    """Take the step in the weights of a layer's first units; return how many, which may be none.

    dz: (units, columns); x: (rows, any), the inputs of each row first.
    """
    net, given, inputs = run.network, run.tiles, layer.inputs
    units = layer.units // HEIGHTS[0] * HEIGHTS[0]
    # A vector that reaches beyond a unit's weights would step twice in another's.
    if units == 0 or inputs % lanes_of(net.tiny) != 0 or not _steps_here(run):
        return 0
    given.a, given.a_unit, given.units = address_of(dz), dz.shape[1], units
    given.b, given.inner, given.b_ld = address_of(x), x.shape[0], x.shape[1]
    given.columns, net.updated.first = inputs, layer.weight
    call(run.step_in_tiles, run)
    return units


@routine(THIN)
def step_in_tiles(run):
    """Take the step in the weights from `network.updated.first` on, as `run.tiles` says."""
    net, given = run.network, run.tiles
    hyper, like, inputs = net.hyper, net.tiny, given.columns
    first, count = net.updated.first, given.units * inputs
    columns = given.a_unit
    dz = vector_at(given.a, given.units * columns, like)
    x = matrix_at(given.b, given.inner, given.b_ld, like)
    theta = part(vector_at(net.parameters, net.size, like), first, count)
    slots = vector_at(net.slots, net.slots_size, like)
    room = vector_at(net.gradient, net.gradient_size, like)
    slot, second = part(slots, first, count), part(slots, net.size + first, count)
    if hyper.optimizer == OptimizerCode.ADAM:
        numbers = adam_numbers(hyper, theta, net.step + 1, like)
        _adam(theta, slot, second, dz, columns, x, inputs, room, *numbers)
    elif hyper.momentum == 0:
        _plain(theta, dz, columns, x, inputs, room, hyper)
    elif hyper.nesterov == 0:
        _momentum(theta, slot, dz, columns, x, inputs, room, hyper, like)
    else:
        _nesterov(theta, slot, dz, columns, x, inputs, room, hyper, like)
