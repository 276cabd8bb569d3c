"""The planner's measurements: how fast this core does the parts of training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from samplewise.contract import Steps, TrainingState
from samplewise.network import SGD, aligned_zeros, multilayer_perceptron
from samplewise.network.losses import BinaryCrossEntropy
from samplewise.threads import limited
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.products import (
    DUAL,
    GRAM,
    LOOPS,
    TILED,
    UPDATE,
    VALUES,
    WHOLE,
    repeat_product,
)
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.kernels.tiles import multiply_tiles
from samplewise_backends.numba_cpu.planner.rates import (
    FAR_BYTES,
    INNERS,
    STEP_BLOCK,
    STREAM_BYTES,
    TABLE_ROWS,
    TABLE_UNITS,
    THIN_ROWS,
    WEIGHT_BYTES,
    Line,
    Rates,
    Tables,
)
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix, readable_beyond
from samplewise_backends.numba_cpu.plans.blocked import Blocked
from samplewise_backends.numba_cpu.plans.gram import GramBlocks, Rows
from samplewise_backends.numba_cpu.plans.group import Group
from samplewise_backends.numba_cpu.plans.lowering import padded
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import describe_product

INPUTS = INNERS[-1]
FAR_ROWS_UNITS = 16, 128
KINDS = (WHOLE, TILED, LOOPS)
# A step: weights must stay finite, however often they are updated.
SMALL = 1e-6
STEP_ROWS, STEP_TRIES = 256, 4
# Duration of a timed call: long beside reading the clock and a call from Python.
CALL_NS = 20_000.0
FEWEST, MOST, ENOUGH_NS = 2, 20, 100_000.0
ROUNDS = 3
DIGITS = 4


def measure(dtype: DType) -> Rates:
    """Measure this core, in about a second after the kernels are compiled.

    The least of several times is taken: other work of the machine can only add to them, and later
    rounds find the quiet moments. Products take one thread, whatever the caller allows: the rates
    are of one core, and are kept.
    """
    bench = _Bench(dtype)
    with limited(1):
        return reduce(_best, (bench.rates() for _ in range(ROUNDS)))


class _Bench:
    def __init__(self, dtype: DType) -> None:
        self._dtype, self._repeated = dtype, Call(repeat_product, dtype)
        describe_product(self._repeated, max(TABLE_UNITS))
        self._tiles = Call(multiply_tiles, dtype)
        self._tiles.set(tiny=np.finfo(dtype).tiny, start=self._filled(1), start_unit=0)
        self._none = self._filled(1, 1)
        self._X = self._filled(max(TABLE_ROWS), INPUTS)
        # One large array for all that must not stay in a cache: new memory takes longer to get.
        self._large = self._filled(max(STREAM_BYTES) // dtype.itemsize)

    def rates(self) -> Rates:
        return Rates(
            values=tuple(_tables(partial(self._rate, VALUES, kind)) for kind in KINDS),
            update=tuple(_tables(partial(self._rate, UPDATE, kind)) for kind in KINDS),
            dual=tuple(_tables(partial(self._rate, DUAL, kind)) for kind in (WHOLE, TILED)),
            far_values=tuple(self._far(VALUES, kind) for kind in KINDS),
            far_update=tuple(self._far(UPDATE, kind) for kind in KINDS),
            thin_values=_tables(self._thin_values, THIN_ROWS),
            thin_update=_tables(self._thin_update, THIN_ROWS),
            gram=tuple(_rounded(self._gram(rows)) for rows in TABLE_ROWS),
            weight=tuple(_rounded(self._weight(size)) for size in WEIGHT_BYTES),
            stream=tuple(_rounded(self._stream(size)) for size in STREAM_BYTES),
            step=_rounded(self._step((16,))),
            wide=_rounded(self._step((256,))),
            deep=_rounded(self._step((16, 64, 64))),
        )

    def _filled(self, *shape: int) -> Matrix:
        array = readable_beyond(shape, self._dtype)
        # Zeros may not be memory yet.
        array[...] = 0.5
        return array

    def _rate(self, product: int, kind: int, rows: int, units: int, inner: int) -> float:
        ld = padded(units)
        A, z = self._filled(rows, inner), self._filled(rows * ld)
        W = self._filled(*((inner, units) if product == DUAL else (units, inner)))
        z *= SMALL
        return rows * units * inner / self._product_ns(product, kind, A, W, z, units, ld)

    def _thin_values(self, rows: int, units: int, inner: int) -> float:
        """Return the rate of products W X, with a column for each row."""
        ld = padded(rows)
        W, X, Z = self._filled(units, inner), self._filled(inner, ld), self._filled(units, ld)
        self._tiles.set(a=W, a_unit=inner, a_inner=1, b=X, b_ld=ld, inner=inner)
        self._tiles.set(out=Z, units=units, out_ld=ld, columns=rows, mask=Z)
        return rows * units * inner / self._repeatedly(self._tiles)

    def _thin_update(self, rows: int, units: int, inner: int) -> float:
        """Return the rate of products dZ X^T, with a column of dZ for each row."""
        ld = padded(rows)
        dZ, X = self._filled(units, ld), self._filled(rows, ld + inner)
        dW = self._filled(units, inner)
        self._tiles.set(a=dZ, a_unit=ld, a_inner=1, b=X, b_ld=ld + inner, inner=rows)
        self._tiles.set(out=dW, units=units, out_ld=inner, columns=inner, mask=dW)
        return rows * units * inner / self._repeatedly(self._tiles)

    def _far(self, product: int, kind: int) -> Line:
        rows, units = FAR_ROWS_UNITS
        z, found = self._filled(rows * units), []
        z *= SMALL
        for size in FAR_BYTES:
            inputs = size // units // self._dtype.itemsize
            W = self._large[: units * inputs].reshape(units, inputs)
            X = self._large[W.size : W.size + rows * inputs].reshape(rows, inputs)
            ns = self._product_ns(product, kind, X, W, z, units)
            found.append(_rounded(rows * W.size / ns))
        return tuple(found)

    def _gram(self, rows: int) -> float:
        gram = self._filled(rows * rows)
        ns = self._product_ns(GRAM, TILED, self._X[:rows], self._none, gram, rows)
        return rows * rows * INPUTS / ns

    def _weight(self, size: int) -> float:
        units = size // INPUTS // self._dtype.itemsize
        W, z = self._filled(units, INPUTS), self._filled(units)
        z *= SMALL
        X = self._X[:1]
        both = (self._product_ns(each, LOOPS, X, W, z, units) for each in (VALUES, UPDATE))
        return sum(both) / W.size

    def _product_ns(
        self, product: int, kind: int, A: Matrix, W: Matrix, z: Matrix, units: int, ld: int = 0
    ) -> float:
        """Return the nanoseconds of one product; z has rows of `ld` numbers, or of `units`."""
        call, (rows, inner) = self._repeated, A.shape
        call.set(product=product, way=kind, a=A, b=W, z=z, ld=ld or units)
        call.set(rows=rows, inner=inner, units=units)
        return self._repeatedly(call)

    def _repeatedly(self, call: Call) -> float:
        """Return the nanoseconds of one of the products that a call takes `times` times."""

        def repeated(times: int) -> Callable[[], None]:
            call.set(times=times)
            return call

        once = min(_timed(repeated(1)) for _ in range(2))
        if once > ENOUGH_NS:
            return once
        times = max(int(CALL_NS / once), 1)
        return _least(repeated(times)) / times

    def _stream(self, size: int) -> float:
        rows = size // INPUTS // self._dtype.itemsize
        X = self._large[: rows * INPUTS].reshape(rows, INPUTS)
        W, z = self._filled(1, INPUTS), self._filled(rows * LANES)
        return self._product_ns(VALUES, LOOPS, X, W, z, 1, LANES) / X.nbytes

    def _step(self, hidden: tuple[int, ...]) -> float:
        """Return the nanoseconds a step, by blocks, of a network with one input."""
        network = multilayer_perceptron(1, hidden, 1)
        member, loss = Member(network, SGD()), BinaryCrossEntropy()
        group = Group([member], 1, STEP_BLOCK, loss, self._dtype)
        gram = GramBlocks(STEP_BLOCK, Rows(STEP_BLOCK, 1, self._dtype))
        trainer = Blocked(group, (WHOLE, WHOLE, WHOLE), gram)
        state = TrainingState(network.layout.zeros(self._dtype), aligned_zeros(0, self._dtype))
        X, Y = self._filled(STEP_ROWS, 1), self._filled(STEP_ROWS, 1)
        losses, order = self._filled(STEP_ROWS), np.arange(STEP_ROWS)

        def least(stop: int) -> float:
            steps = Steps(order, 0, stop, 1, 1e-3)
            return min(
                _least(lambda: trainer.run([state], X, Y, [steps], losses[None]))
                for _ in range(STEP_TRIES)
            )

        # Both contain the cost of a call from Python.
        return max(least(STEP_ROWS) - least(STEP_BLOCK), 1.0) / (STEP_ROWS - STEP_BLOCK)


def _tables(rate: Callable[[int, int, int], float], of_rows: Sequence[int] = TABLE_ROWS) -> Tables:
    """Return the rates of products of all sizes, as `Rates.values` describes them."""
    return tuple(
        tuple(
            tuple(_rounded(rate(rows, units, inner)) for units in TABLE_UNITS) for rows in of_rows
        )
        for inner in INNERS
    )


# Nanoseconds; the other rates are multiply-adds a nanosecond.
_LESS_IS_BETTER = frozenset({"weight", "stream", "step", "wide", "deep"})


def _best(first: Rates, second: Rates) -> Rates:
    """Return the better of two figures each."""
    both = {
        name: _merged(min if name in _LESS_IS_BETTER else max, value, getattr(second, name))
        for name, value in vars(first).items()
    }
    return Rates(**both)


def _merged(better: Callable[[float, float], float], one: Any, other: Any) -> Any:
    if isinstance(one, tuple):
        return tuple(_merged(better, *pair) for pair in zip(one, other, strict=True))
    return better(one, other)


def _least(call: Callable[[], object]) -> float:
    call()
    least, spent, repeats = math.inf, 0.0, 0
    while repeats < FEWEST or (spent < ENOUGH_NS and repeats < MOST):
        ns = _timed(call)
        least, spent, repeats = min(least, ns), spent + ns, repeats + 1
    return least


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    call()
    return float(max(time.perf_counter_ns() - began, 1))


def _rounded(value: float) -> float:
    """Round as the file keeps it, so that a run that measures and one that reads agree."""
    return float(f"{value:.{DIGITS}g}")
