"""Steps of an optimizer on the gradient of a few rows, a tile of it at a time: see `tiles`.

The sums of a tile are the gradient of as many weights. A step that takes them from the registers
neither writes nor reads a gradient: an epoch of 784-128-10, momentum, batch 16, float32, took 5%
less with AVX-512, 10% with AVX2.

A core looks a few hundred instructions ahead, fewer than a tile and its step have. So with AVX-512
a tile's step is taken between the multiply-adds of the next one: roots, divisions and caches work
beside them. Another 2% to 3% less; 3% to 6% with Adam on 784-128-32-10. The 16 registers of AVX2
are too few for both: there, gradient and step took 20% longer with momentum, 10% with Adam.

On a processor of 2022, a vector that is written keeps a multiply-add waiting. So the sums of a tile
wait for their step in registers, and a tile is small enough for that. With tiles of 6 x 2 vectors
that waited in memory, gradient and step took 12% longer. Adam's numbers need these registers: its
epochs took 3% less where the sums wait in memory.

Comparisons take the place of multiply-adds too. So the processor sets averages and velocities to 0
where they would be subnormal, and all other subnormal results of these tiles: an epoch took 6% less
with Adam; gradient and step with momentum 1% less with AVX-512, 5% with AVX2.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from samplewise_backends.numba_cpu.compile.inlining import magnitude, select
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, routine
from samplewise_backends.numba_cpu.compile.vectors import State, Vectors, lanes_of, vector_kernel
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
from samplewise_backends.numba_cpu.kernels.tile_calls import numbers_apart
from samplewise_backends.numba_cpu.kernels.tiles import (
    WIDTH,
    Product,
    for_each,
)

# Rows of a batch: the more there are, the smaller is the share of a step, and its parameters are
# far when a tile has its sums. With 200 rows of 784-128-10, momentum, float32, AVX-512, an epoch
# took 3% to 6% longer.
ROWS = 64

# Units of a tile, by how many the last one of a layer may differ, and the vectors of one so low.
HEIGHT, REST, WIDE = 4, 2, 4
SIZE = HEIGHT * WIDTH

# Elements of the inputs that stay in the nearest cache while all units take them. Measured on a
# Zen 5, float32, batch 16: ten epochs of 784-128-10 with momentum took 18.6 ms with all inputs at
# once, and 18.4, 17.0, 17.0, 17.6 and 18.1 ms with 1024, 2048, 3072, 4096 and 8192.
NEAR = 2048

# These steps take a few lines of each unit's row, of the parameters and of each slot, and come back
# for the next ones: so many rows, of so many pages of 4 KiB, may be. Measured on a Zen 5 with
# batches of 16, 32 and 64: epochs of 784-512-512-10, Adam, float64, took 1.2 to 1.5 times as long
# as by a row after the other, 784-1000-1000-10 1.5 to 1.8 times; 784-256-10, float32, 0.91 to 1.06.
MOST_ROWS, MOST_PAGES = 1024, 1280

OneVector = Callable[[Any, Any], None]
"""Takes the step in a vector of weights, given their place and their gradient."""


class _Gradient:
    """The gradient dZ X^T of some units, as many as `units_in_tiles` says.

    Args:
        v: reads and writes vectors.
        dz: flat, (units, columns), a column for each row of the batch.
        columns: of dZ.
        x: (rows, any), the inputs of each row first, which are whole vectors.
        inputs: of a unit.
    """

    def __init__(self, v: Vectors, dz: Any, columns: Any, x: Any, inputs: Any) -> None:
        self.v, self.inputs, self.rows = v, inputs, x.shape[0]
        self.product = Product(v, dz, columns, 1, x, x.shape[1], self.rows)
        self.vectors, units = inputs // v.lanes, dz.shape[0] // columns
        last = (units // REST) & 1
        # The sums of two units and two vectors would wait for one another.
        self._form_of_last = (REST, WIDE) if v.wide else (HEIGHT + REST, WIDTH)
        self.blocks, self._last = (units - last * self._form_of_last[0]) // HEIGHT, last
        # Vectors of a row that all units take before the next ones.
        few, some, many = (
            max(NEAR // (rows * v.lanes) // WIDE, 1) * WIDE for rows in (16, 32, ROWS)
        )
        at_once = select(self.rows < 33, self.rows * 0 + some, many)
        self._at_once = select(self.rows < 17, few, at_once)

    def each(self, step: OneVector, room: Any = None) -> None:
        """Take the step in all weights; for `room`, see `_Beside`."""
        v, beside = self.v, _Beside(self, step, room)

        def part(c: Any, waiting: State) -> State:
            first = c * self._at_once
            stop = select(first + self._at_once < self.vectors, first + self._at_once, self.vectors)
            for_each(
                v,
                self._last,
                lambda _: self._along(self.blocks, *self._form_of_last, first, stop, step),
            )
            if v.wide:
                return beside.part(first, (stop - first) // WIDTH, waiting)
            for_each(v, self.blocks, lambda m: self._along(m, HEIGHT, WIDTH, first, stop, step))
            return waiting

        parts = (self.vectors + (self._at_once - 1)) // self._at_once
        waiting = v.repeat(parts, part, beside.none if v.wide else [])
        if v.wide:
            beside.end(waiting)
            whole = self.vectors // WIDTH * WIDTH
            for_each(v, self.blocks, lambda m: self._singles(m, HEIGHT, whole, self.vectors, step))

    def _along(
        self, m: Any, height: int, width: int, first: Any, stop: Any, step: OneVector
    ) -> None:
        """Step in some vectors of each unit of a block."""
        wide = (stop - first) // width
        for_each(self.v, wide, lambda n: self._then(m, n * width + first, width, height, step))
        self._singles(m, height, wide * width + first, stop, step)

    def _singles(self, m: Any, height: int, first: Any, stop: Any, step: OneVector) -> None:
        """Step in some vectors of each unit of a block, one at a time."""
        for_each(self.v, stop, lambda n: self._then(m, n, 1, height, step), first)

    def _then(self, m: Any, vector: Any, width: int, height: int, step: OneVector) -> None:
        """Sum up the tile of block m from a vector on, then step in its weights."""
        unit, column = m * HEIGHT, vector * self.v.lanes
        for u, j, g in self.product.tile(unit, column, height, width):
            step((unit + u) * self.inputs + column + j, g)


class _Beside:
    """Steps in the tiles of all blocks and pairs, each beside the sums of the next one.

    Args:
        gradient: of the weights.
        step: taken in a vector of them.
        room: (any,), where a tile's gradient waits for its step; None for registers.
    """

    def __init__(self, gradient: _Gradient, step: OneVector, room: Any) -> None:
        self._of, self._v, self._step, self._room = gradient, gradient.v, step, room

    @property
    def none(self) -> State:
        """The state before the first tile."""
        return [self._v.all(0.0)] * SIZE if self._room is None else []

    def part(self, first: Any, pairs: Any, waiting: State) -> State:
        """Go through all blocks, of which each takes some pairs from vector `first` on."""
        v, base = self._v, first // WIDTH

        def block(m: Any, waiting: State) -> State:
            return v.repeat(pairs, lambda n, state: self._tile(m, n, base, pairs, state), waiting)

        return v.repeat(self._of.blocks, block, waiting)

    def end(self, waiting: State) -> None:
        """Take the steps in the last tile."""
        blocks, pairs = self._of.blocks, self._of.vectors // WIDTH
        self._steps(self._place(blocks - 1, pairs - 1), blocks * pairs, 0, waiting)

    def _tile(self, m: Any, n: Any, base: Any, pairs: Any, waiting: State) -> State:
        """Sum up a tile beside the steps in the one before; return the sums whose steps wait.

        Of block m, it is number n of `pairs` tiles from pair `base` on.
        """
        v, rows, pair = self._v, self._of.rows, base + n
        block_before = self._place(m - 1, base + (pairs - 1))
        part_before = self._place(self._of.blocks - 1, base - 1)
        before = select(n < 1, select(m < 1, part_before, block_before), self._place(m, pair - 1))
        turn, starts = self._of.product.turns(m * HEIGHT, pair * WIDTH * v.lanes, HEIGHT, WIDTH)

        def two_turns(k: Any, state: State) -> State:
            sums = turn(2 * k + 1, turn(2 * k, state[:SIZE]))
            return sums + self._next(before, k, state[SIZE:])

        number, halves = base * self._of.blocks + m * pairs + n, rows // 2
        count = self._waiting(number)
        shared = select(count < halves, count, halves)
        state = v.repeat(shared, two_turns, starts + waiting)
        self._steps(before, number, shared, state[SIZE:])
        return self._kept(v.repeat(rows, turn, state[:SIZE], 2 * shared))

    def _place(self, m: Any, n: Any) -> Any:
        """Return the place of a tile's first weight."""
        return m * HEIGHT * self._of.inputs + n * WIDTH * self._v.lanes

    def _waiting(self, tiles: Any) -> Any:
        """Return how many vectors wait behind so many tiles."""
        return select(tiles < 1, tiles, SIZE)

    def _steps(self, place: Any, tiles: Any, first: Any, waiting: State) -> None:
        """Take the steps in a tile from vector `first` on."""
        self._v.repeat(
            self._waiting(tiles), lambda i, left: self._next(place, i, left), waiting, first
        )

    def _next(self, place: Any, i: Any, waiting: State) -> State:
        """Step in vector i of a tile: of those that wait, it is the first, and then the last."""
        u, j = i // WIDTH, i & (WIDTH - 1)
        at = place + u * self._of.inputs + j * self._v.lanes
        if self._room is not None:
            self._step(at, self._v.load(self._room, i * self._v.lanes))
            return []
        self._step(at, waiting[0])
        return waiting[1:] + waiting[:1]

    def _kept(self, sums: State) -> State:
        if self._room is None:
            return sums
        for i, g in enumerate(sums):
            self._v.store(self._room, i * self._v.lanes, g)
        return []


@vector_kernel
def _plain(v, theta, dz, columns, x, inputs, hyper):
    rate = hyper.rate

    def step(at, g):
        v.store(theta, at, v.load(theta, at) - rate * g)

    _Gradient(v, dz, columns, x, inputs).each(step)


@vector_kernel
def _momentum(v, theta, velocity, dz, columns, x, inputs, hyper, tiny):
    rate, mu = hyper.rate, hyper.momentum

    def step(at, g):
        speed = _new_velocity(v, velocity, at, g, mu, tiny)
        v.store(theta, at, v.load(theta, at) - rate * speed)

    gradient = _Gradient(v, dz, columns, x, inputs)
    v.flushing(lambda: gradient.each(step))


@vector_kernel
def _nesterov(v, theta, velocity, dz, columns, x, inputs, hyper, tiny):
    rate, mu = hyper.rate, hyper.momentum

    def step(at, g):
        ahead = g + mu * _new_velocity(v, velocity, at, g, mu, tiny)
        v.store(theta, at, v.load(theta, at) - rate * ahead)

    gradient = _Gradient(v, dz, columns, x, inputs)
    v.flushing(lambda: gradient.each(step))


def _new_velocity(v, velocity, at, g, mu, tiny):
    """Write the velocities after a step, and return them."""
    speed = mu * v.load(velocity, at) + g
    if not v.flushes:
        speed = select(magnitude(speed) < tiny, 0.0, speed)
    v.store(velocity, at, speed)
    return speed


@vector_kernel
def _adam(v, theta, mean, square, dz, columns, x, inputs, room, *numbers):
    adam = Step(v, theta, mean, square, Numbers(*numbers), None)
    gradient = _Gradient(v, dz, columns, x, inputs)
    v.flushing(lambda: gradient.each(lambda at, g: adam.of_vector(at, g, [v.all(0.0)]), room))


@inlined_kernel
def units_in_tiles(units):
    """Return how many of some units tiles can have: all but one at most, and none of 2 or 3."""
    if units < HEIGHT:
        return 0
    return units // REST * REST


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
def _is_near(net, layer):
    """Return True if the rows of a layer's parameters and slots are few and short enough."""
    arrays = 1 + net.slots_size // net.size
    pages = layer.weights * arrays // numbers_apart(net.tiny)
    return layer.units * arrays <= MOST_ROWS and pages <= MOST_PAGES


@inlined_kernel
def step_in_whole_tiles(run, layer, dz, x):
    """Take the step in the weights of a layer's first units; return how many, which may be none.

    dz: (units, columns); x: (rows, any), the inputs of each row first.
    """
    net, given, inputs = run.network, run.tiles, layer.inputs
    units = units_in_tiles(layer.units)
    if not _is_near(net, layer):
        units = 0
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
    slot, second = part(slots, first, count), part(slots, net.size + first, count)
    if hyper.optimizer == OptimizerCode.ADAM:
        numbers = adam_numbers(hyper, theta, net.step + 1, like)
        room = vector_at(net.gradient, net.gradient_size, like)
        _adam(theta, slot, second, dz, columns, x, inputs, room, *numbers)
    elif hyper.momentum == 0:
        _plain(theta, dz, columns, x, inputs, hyper)
    elif hyper.nesterov == 0:
        _momentum(theta, slot, dz, columns, x, inputs, hyper, like)
    else:
        _nesterov(theta, slot, dz, columns, x, inputs, hyper, like)
