"""Measure time and memory of trainings of growing rows, epochs, inputs, units and networks."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

from samplewise import plugins, registry
from samplewise.contract import Backend
from samplewise.contract.plan import DIRECT
from samplewise.errors import UnavailableBackendError
from samplewise.network import multilayer_perceptron
from samplewise.threads import limited
from samplewise_bench.conditions import conditions, one_core
from samplewise_bench.problems import TrainingProblem, drawn_problem
from samplewise_bench.scaling.curves import (
    AXES,
    BASE,
    DTYPE,
    NETWORKS,
    Axis,
    Curve,
    Method,
    Point,
    Scaling,
    fit,
)
from samplewise_bench.timing import ROUNDS, TimeSpread, interleave
from samplewise_bench.training import Training

SECONDS = 60.0
# Of the processor: on a core of one's own that is wall time, and on a shared one it leaves out
# the time of other processes, which would bend a curve.
CLOCK = time.process_time


def default_methods() -> list[Method]:
    """Return the fastest backend here as it comes, and step by step where it has other plans."""
    chosen = _resolved(Method(plugins.AUTO), DTYPE)
    methods = [Method(chosen.name), Method(chosen.name, DIRECT)]
    return methods if len(chosen.capabilities.plans) > 1 else methods[:1]


def measure(
    methods: Sequence[Method],
    axes: Sequence[Axis] = tuple(AXES.values()),
    *,
    dtype: str = DTYPE,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    on_curve: Callable[[Curve], None] = lambda _: None,
) -> Scaling:
    """Train every size of every axis by every method, on one core with one thread.

    The sizes of an axis are trained in turns, so that a slow minute of the machine does not bend
    the curve. All take about so many seconds: an axis ends early where its next size would take too
    long. Of the rounds the least counts, as other work only adds to it.

    Raises:
        UnknownBackendError, UnavailableBackendError: a method cannot train the report's network,
            or none can train several networks at once where nothing else is asked for.
    """
    _check(methods, axes, dtype)
    # A size is trained once to warm up, once traced, then timed; with the smaller sizes, each of
    # half the one after it, that makes twice as much.
    longest_s = seconds / len(axes) / len(methods) / (2 * (rounds + 2))
    curves = []
    with one_core():
        for axis in axes:
            for curve in _along(axis, methods, dtype, rounds, longest_s):
                curves.append(curve)
                on_curve(curve)
        return Scaling(dtype, rounds, curves, conditions())


def _check(methods: Sequence[Method], axes: Sequence[Axis], dtype: str) -> None:
    for method in methods:
        _resolved(method, dtype)
    if not any(_offers(method, axis) for method in methods for axis in axes):
        names = ", ".join(map(str, methods))
        raise UnavailableBackendError(
            f"of {names} none trains several networks at once, and nothing else is to be varied; "
            "choose another backend or other axes"
        )


def _resolved(method: Method, dtype: str) -> Backend:
    """Return the backend of a method, which must be able to train the report's network."""
    (problem,) = _problems(AXES["rows"], 1, dtype)
    parts = problem.network, problem.loss, problem.optimizer, problem.dtype
    return registry.resolve(method.backend, *parts, method.plan).backend


def _offers(method: Method, axis: Axis) -> bool:
    return axis.name != NETWORKS or registry.load(method.backend).capabilities.many


def _problems(axis: Axis, size: int, dtype: str) -> tuple[TrainingProblem, ...]:
    """Return the network of this size, or as many as the size says, from different weights."""
    sizes = {**BASE, axis.name: size}
    network = multilayer_perceptron(sizes["inputs"], (sizes["hidden"],), 1)
    drawn = drawn_problem(network, sizes["rows"], epochs=sizes["epochs"], dtype=dtype)
    return drawn.seeded(sizes["networks"])


def _along(
    axis: Axis, methods: Sequence[Method], dtype: str, rounds: int, longest_s: float
) -> list[Curve]:
    """Return the curve of each method along one axis; all share the problems."""
    drawn = cache(partial(_problems, axis, dtype=dtype))
    started = {method: _started(axis, method, drawn, longest_s) for method in methods}
    contestants = {
        (method, point.size): training.run_once
        for method, (ready, _) in started.items()
        for training, point in ready
    }
    with limited(1):
        runs = interleave(contestants, rounds)

    def timed(method: Method, point: Point) -> Point:
        seconds = [run.seconds for run in runs[method, point.size]]
        return replace(point, spread=TimeSpread.of(seconds))

    def curve(method: Method) -> Curve:
        ready, remark = started[method]
        points = tuple(timed(method, point) for _, point in ready)
        law = fit([point.size for point in points], [point.spread.min_ms for point in points])
        return Curve(axis, method, points, law, remark)

    return [curve(method) for method in methods]


def _started(
    axis: Axis,
    method: Method,
    drawn: Callable[[int], tuple[TrainingProblem, ...]],
    longest_s: float,
) -> tuple[list[tuple[Training, Point]], str]:
    """Return the sizes that this method can train in time, and why not all, or an empty text."""
    if not _offers(method, axis):
        return [], "this backend trains one network at a time"
    ready: list[tuple[Training, Point]] = []
    expected_ms = 0.0
    for size in axis.sizes:
        if expected_ms > longest_s * 1e3:
            return ready, f"{axis.symbol} = {size:,} would take more than {longest_s:.2g} s"
        ready.append(_warmed(axis, method, size, drawn(size)))
        expected_ms = 2 * ready[-1][1].spread.median_ms
    return ready, ""


def _warmed(
    axis: Axis, method: Method, size: int, problems: Sequence[TrainingProblem]
) -> tuple[Training, Point]:
    """Return a size that is warm, with its memory and the time of its first run."""
    given = problems if axis.name == NETWORKS else problems[0]
    compiled = partial(Training, given, method.backend, method.plan, clock=CLOCK)
    training = compiled()
    first = TimeSpread.of([training.run_once().seconds])
    rows = problems[0].X.nbytes + problems[0].Y.nbytes
    states = sum((1 + each.optimizer.slots) * each.parameters.nbytes for each in problems)
    # A second one: the first has its buffers already.
    beside = peak_bytes(lambda: compiled().run_once())
    return training, Point(size, first, training.program.plan, rows + beside, rows + states)


def peak_bytes(call: Callable[[], object]) -> int:
    """Return the largest number of bytes that Python and NumPy held for a call, beyond before.

    Buffers count from their allocation, touched or not. The peak of a process would count its
    100 MB of libraries too, never falls, and so needs a process for each figure; one that trains
    grows by no more than is counted here, to some MB (tests/bench/test_scaling_memory.py).
    Allocations of compiled code are not seen; the built-in kernels make none.

    Args:
        call: warm, or objects that are made only once are counted too.
    """
    gc.collect()
    nested = tracemalloc.is_tracing()
    if not nested:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not nested:
            tracemalloc.stop()
    return peak - before
