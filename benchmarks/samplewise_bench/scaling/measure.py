"""How time and memory of a training grow with rows, epochs, inputs, hidden units and networks."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from samplewise import registry
from samplewise.contract.plan import DIRECT
from samplewise.errors import UnavailableBackendError
from samplewise.network import SGD, class_loss_named, multilayer_perceptron
from samplewise.threads import limited
from samplewise_bench.conditions import conditions, one_core
from samplewise_bench.contestants import Contestant, ManyContestant, Run
from samplewise_bench.problems import LOSS, Problem, drawn_problem
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
)
from samplewise_bench.scaling.peak_memory import peak_bytes
from samplewise_bench.scaling.power_law import fit
from samplewise_bench.timing import ROUNDS, Spread, interleave

SECONDS = 60.0
# Of the processor: on a core of one's own that is wall time, and on a shared one it leaves out
# what other processes took, which would bend a curve.
CLOCK = time.process_time


def default_methods() -> list[Method]:
    """Return the fastest backend here as it comes, and step by step where it has other plans."""
    network = multilayer_perceptron(BASE["inputs"], (BASE["hidden"],), 1)
    chosen = registry.resolve(
        registry.AUTO, network, class_loss_named(LOSS), SGD(), np.dtype(DTYPE)
    ).backend
    methods = [Method(chosen.name), Method(chosen.name, DIRECT)]
    return methods if len(chosen.capabilities.plans) > 1 else methods[:1]


def measure(
    methods: Sequence[Method],
    axes: Sequence[Axis] = tuple(AXES.values()),
    *,
    dtype: str = DTYPE,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    on_curve: Callable[[Curve], None] | None = None,
) -> Scaling:
    """Train every size of every axis by every method, on one core with one thread.

    The sizes of an axis are trained in turns, so that a slow minute of the machine does not bend
    the curve. An axis ends early where its next size would take too long.

    Args:
        methods: backends and plans.
        axes: what to vary.
        dtype: "float64" or "float32".
        rounds: timed trainings of each size; the least counts, as other work only adds to it.
        seconds: that all of it may take, about.
        on_curve: called with each curve when its axis is done.

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
                if on_curve is not None:
                    on_curve(curve)
        return Scaling(dtype, rounds, curves, conditions())


def _check(methods: Sequence[Method], axes: Sequence[Axis], dtype: str) -> None:
    (problem,) = _problems(AXES["rows"], 1, dtype)
    parts = problem.network, problem.loss, problem.optimizer, problem.dtype
    for method in methods:
        registry.resolve(method.backend, *parts, method.plan)
    if not any(_offers(method, axis) for method in methods for axis in axes):
        names = ", ".join(map(str, methods))
        raise UnavailableBackendError(
            f"of {names} none trains several networks at once, and nothing else is to be varied; "
            "choose another backend or other axes"
        )


def _offers(method: Method, axis: Axis) -> bool:
    return axis.name != NETWORKS or registry.load(method.backend).capabilities.many


def _problems(axis: Axis, size: int, dtype: str) -> list[Problem]:
    """Return the network of this size, or as many as the size says, from different weights."""
    sizes = {**BASE, axis.name: size}
    network = multilayer_perceptron(sizes["inputs"], (sizes["hidden"],), 1)
    drawn = drawn_problem(network, sizes["rows"], epochs=sizes["epochs"], dtype=dtype)
    return [dataclasses.replace(drawn, seed=seed) for seed in range(sizes["networks"])]


def _along(
    axis: Axis, methods: Sequence[Method], dtype: str, rounds: int, longest_s: float
) -> list[Curve]:
    """Return the curve of each method along one axis."""
    problems = _Problems(axis, dtype)
    ready, remarks = {}, {}
    for method in methods:
        ready[method], remarks[method] = _prepare(axis, method, problems, longest_s)
    with limited(1):
        runs = interleave(
            {
                (method, size): trained.contestant.run_once
                for method, sizes in ready.items()
                for size, trained in sizes.items()
            },
            rounds,
        )
    return [_curve(axis, method, ready[method], runs, remarks[method]) for method in methods]


class _Problems(dict[int, list[Problem]]):
    """The problems of each size of an axis, drawn when first asked for: all methods share them."""

    def __init__(self, axis: Axis, dtype: str) -> None:
        self.axis, self.dtype = axis, dtype

    def __missing__(self, size: int) -> list[Problem]:
        self[size] = _problems(self.axis, size, self.dtype)
        return self[size]


@dataclass(frozen=True, eq=False)
class _Ready:
    """A size that is warm, and what it takes of memory."""

    contestant: Contestant | ManyContestant
    peak_bytes: int
    given_bytes: int


def _prepare(
    axis: Axis, method: Method, problems: Mapping[int, list[Problem]], longest_s: float
) -> tuple[dict[int, _Ready], str]:
    """Return the sizes that this method can train in time, and why not all, or an empty text."""
    if not _offers(method, axis):
        return {}, "this backend trains one network at a time"
    many = axis.name == NETWORKS
    ready: dict[int, _Ready] = {}
    expected_s = 0.0
    for size in axis.sizes:
        if expected_s > longest_s:
            return ready, f"{axis.symbol} = {size:,} would take more than {longest_s:.2g} s"
        given = problems[size]
        contestant = _contestant(given, method, many=many)
        expected_s = 2 * contestant.run_once().seconds
        ready[size] = _weighed(contestant, given, method, many=many)
    return ready, ""


def _contestant(
    problems: Sequence[Problem], method: Method, *, many: bool
) -> Contestant | ManyContestant:
    if many:
        return ManyContestant(problems, method.backend, method.plan, CLOCK)
    return Contestant(problems[0], method.backend, method.plan, CLOCK)


def _weighed(
    contestant: Contestant | ManyContestant,
    problems: Sequence[Problem],
    method: Method,
    *,
    many: bool,
) -> _Ready:
    rows = problems[0].X.nbytes + problems[0].Y.nbytes
    states = sum((1 + each.optimizer.slots) * each.weights.nbytes for each in problems)
    # A second one: the first has its buffers already.
    beside = peak_bytes(lambda: _contestant(problems, method, many=many).run_once())
    return _Ready(contestant, rows + beside, rows + states)


def _curve(
    axis: Axis,
    method: Method,
    ready: Mapping[int, _Ready],
    runs: Mapping[tuple[Method, int], list[Run]],
    remark: str,
) -> Curve:
    points = tuple(
        Point(
            size,
            Spread.of(runs[method, size]),
            trained.contestant.program.plan,
            trained.peak_bytes,
            trained.given_bytes,
        )
        for size, trained in ready.items()
    )
    law = fit([point.size for point in points], [point.spread.min_ms for point in points])
    return Curve(axis, method, points, law, remark)
