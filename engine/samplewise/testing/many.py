"""Several networks at once against each of them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from samplewise import registry
from samplewise.contract import Backend, ManyProgram, Steps, Workload
from samplewise.contract.plan import AUTO_PLAN
from samplewise.network import ACTIVATIONS
from samplewise.testing import runs, tolerances
from samplewise.testing.cases import LONG_ROWS, PLAIN, ROWS, RULES, Case
from samplewise.testing.faultless import OneByOne
from samplewise.testing.measures import Measure, promise
from samplewise.testing.pairwise import pairwise
from samplewise.testing.problems import REFERENCE, problem
from samplewise.testing.runs import Trained
from samplewise.training import batches


@dataclass(frozen=True)
class ManyCase:
    """Networks that train at once.

    Args:
        members: cases alike in inputs, outputs, rows, batch size and dtype.
        shuffle: draw a new order an epoch.
    """

    members: tuple[Case, ...]
    shuffle: bool = False

    def __str__(self) -> str:
        first = self.members[0]
        sizes = f"{first.inputs} inputs, {first.outputs} outputs, {first.rows} rows"
        how = f"batch {first.batch_size}, {first.dtype}{', shuffled' * self.shuffle}"
        return f"{len(self.members)} networks, {sizes}, {how}"


def _mixed(shared: Case) -> tuple[Case, ...]:
    """Return networks of several widths, depths, rules, rates and seeds."""
    widths: tuple[tuple[int, ...], ...] = ((5,), (17,), (), (5,), (1,), (6, 4))
    rules = (PLAIN, *RULES)
    return tuple(
        replace(
            shared,
            hidden=hidden,
            optimizer=rule,
            learning_rate=0.005 * (1 + k),
            activation=ACTIVATIONS[1 + k % 3],
            seed=k,
        )
        for k, (hidden, rule) in enumerate(zip(widths, rules, strict=True))
    )


def _alike(shared: Case) -> tuple[Case, ...]:
    """Return networks that differ in rates and seeds only."""
    return tuple(replace(shared, learning_rate=0.01 * (1 + k), seed=k) for k in range(4))


def _many_case(
    networks: Callable[[Case], tuple[Case, ...]], rows: int, shuffle: bool, **shared: Any
) -> ManyCase:
    outputs = 1 if rows == ROWS else 3
    return ManyCase(networks(Case(12, (5,), outputs, rows=rows, **shared)), shuffle)


MANY_CASES: tuple[ManyCase, ...] = (
    *(
        _many_case(**row)
        for row in pairwise(
            {
                "networks": (_mixed, _alike),
                "rows": (ROWS, LONG_ROWS),
                "shuffle": (False, True),
                "dtype": ("float64", "float32"),
                "batch_size": (1, 7),
            }
        )
    ),
    *(ManyCase((Case(12, (5,), 1, batch_size=batch, optimizer=RULES[-1]),)) for batch in (1, 7)),
)


def many(backend: Backend, case: ManyCase, plan: str | None) -> list[Measure]:
    """Compare each of several networks with the reference's run of it alone.

    Some are not active in some calls; an epoch is run in three.
    """
    trained = zip(_trained(_compiled(backend, case, plan), case), _expected(case), strict=True)
    complaint = "the losses of an inactive network are written, or of an active one are not"
    found = []
    for k, (member, (got, want)) in enumerate(zip(case.members, trained, strict=True)):
        same = np.isfinite(got.losses) == np.isfinite(want.losses)
        ours, theirs = (replace(run, losses=np.nan_to_num(run.losses)) for run in (got, want))
        allowed = tolerances.of_run(runs.yardstick(member), member.dtype)
        own = [promise(complaint, bool(same.all()))]
        own += runs.compare_runs(member, ours, theirs, allowed)
        found += [replace(measure, what=f"network {k}: {measure.what}") for measure in own]
    return found


def _compiled(backend: Backend, case: ManyCase, plan: str | None) -> ManyProgram:
    drawn, first = [problem(member) for member in case.members], case.members[0]
    workload = Workload(
        first.rows, first.batch_size, runs.RUN_EPOCHS, case.shuffle, plan or AUTO_PLAN
    )
    return backend.compile_many(
        [p.network for p in drawn],
        drawn[0].loss,
        [p.optimizer for p in drawn],
        drawn[0].dtype,
        workload,
    )


@cache
def _expected(case: ManyCase) -> list[Trained]:
    """Return what the reference trains of each, one after the other."""
    reference = registry.load(REFERENCE)
    singles = [runs.compiled(reference, member) for member in case.members]
    return _trained(OneByOne(singles), case)


def _trained(program: ManyProgram, case: ManyCase) -> list[Trained]:
    """Train all networks, and return what became of each."""
    drawn = [problem(member) for member in case.members]
    states = [p.state() for p in drawn]
    X, Y, rates = drawn[0].X, drawn[0].Y, [p.learning_rate for p in drawn]
    losses = np.full((runs.RUN_EPOCHS, len(drawn), len(X)), np.nan, dtype=drawn[0].dtype)
    for epoch, steps, active in _calls(case):
        everyone = [replace(steps, learning_rate=rate) for rate in rates]
        program.run_epoch(states, X, Y, everyone, losses[epoch], active)
    program.synchronize(states)
    return [
        Trained(state.parameters, state.optimizer_state, losses[:, k])
        for k, state in enumerate(states)
    ]


def _calls(case: ManyCase) -> Iterator[tuple[int, Steps, Sequence[int]]]:
    """Yield (epoch, steps, active networks); every third call leaves a network out."""
    first, count = case.members[0], len(case.members)
    orders, call = batches.Orders(first.rows, runs.ORDER_SEED if case.shuffle else None), 0
    for epoch in range(runs.RUN_EPOCHS):
        order = orders.of_epoch(epoch + 1)
        for steps in batches.chunks(order, first.batch_size, 0.0, first.rows // 3 + 1):
            active = [k for k in range(count) if (call + k) % 3 != 2]
            call += 1
            if active:
                yield epoch, steps, active
