"""Several networks at once against each of them alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import (
    Backend,
    Capabilities,
    ManyProgram,
    Plan,
    Program,
    Steps,
    TrainingState,
    Workload,
)
from samplewise.contract.capabilities import Need
from samplewise.contract.plan import AUTO_PLAN
from samplewise.network import (
    ACTIVATIONS,
    SGD,
    Adagrad,
    Adam,
    Dense,
    Dropout,
    LayerNorm,
    Network,
    RMSprop,
    multilayer_perceptron,
)
from samplewise.testing import runs, tolerances
from samplewise.testing.cases import LONG_ROWS, ROWS, Case, dense_case
from samplewise.testing.covering import covering
from samplewise.testing.design import DTYPES, LINEAR_RULES, Trial
from samplewise.testing.measures import Measure, condition
from samplewise.testing.problems import REFERENCE, problem
from samplewise.testing.runs import Trained
from samplewise.testing.tolerances import Tolerance
from samplewise.training import batches


@dataclass(frozen=True)
class ManyCase:
    """Networks that train at once.

    Args:
        members: cases alike in inputs, outputs, loss, rows, batch size and dtype.
        shuffle: draw a new order an epoch.
    """

    members: tuple[Case, ...]
    shuffle: bool = False

    def needs(self, plan: str | None = None) -> list[Need]:
        """Return the capabilities that training them takes, as (kind, name)."""
        return sorted({need for member in self.members for need in member.needs(plan)})

    def is_offered(self, capabilities: Capabilities, plan: str | None = None) -> bool:
        """Return whether a backend with these capabilities can train them."""
        return all(member.is_offered(capabilities, plan) for member in self.members)

    def __str__(self) -> str:
        return f"{len(self.members)} networks{', shuffled' * self.shuffle}, first {self.members[0]}"


def many_trials(offered: Capabilities, strength: int) -> Iterator[Trial]:
    """Yield trials of networks alike and unlike, by rules that blocks can be made of and others."""
    if not offered.many:
        return
    factors = {
        "networks": (_mixed, _alike, _varied),
        "rows": (ROWS, LONG_ROWS),
        "shuffle": (False, True),
        "dtype": DTYPES,
        "batch_size": (1, 7),
    }
    for row in covering(factors, strength):
        networks, shuffle = row.pop("networks"), row.pop("shuffle")
        shared = dense_case(12, (5,), 1 if row["rows"] == ROWS else 3, **row)
        members = tuple(m for m in networks(shared) if m.is_offered(offered))
        if members:
            yield Trial(ManyCase(members, shuffle), AUTO_PLAN)
    for batch in (1, 7):
        single = dense_case(12, (5,), 1, batch_size=batch, optimizer=LINEAR_RULES[-1])
        yield Trial(ManyCase((single,)), AUTO_PLAN)


def _mixed(shared: Case) -> Iterator[Case]:
    """Yield networks of several widths, depths, rules, rates and seeds."""
    widths = ((5,), (17,), (), (5,), (1,), (6, 4))
    for k, (hidden, rule) in enumerate(zip(widths, LINEAR_RULES, strict=True)):
        network = multilayer_perceptron(12, hidden, shared.network.outputs, ACTIVATIONS[1 + k % 3])
        rate = 0.005 * (1 + k)
        yield replace(shared, network=network, optimizer=rule, learning_rate=rate, seed=k)


def _alike(shared: Case) -> Iterator[Case]:
    """Yield networks that differ in rates and seeds only."""
    for k in range(4):
        yield replace(shared, learning_rate=0.01 * (1 + k), seed=k)


def _varied(shared: Case) -> Iterator[Case]:
    """Yield networks with other layers behind the first, by rules that are not linear."""
    rules = (Adam(), RMSprop(), Adagrad(), SGD(clip_norm=0.5), SGD(0.9, l1=0.01))
    for k, rule in enumerate(rules):
        layer = LayerNorm() if k % 2 else Dropout(0.3)
        layers = (Dense(6, "tanh"), layer, Dense(shared.network.outputs))
        network = Network((12,), layers)
        yield replace(shared, network=network, optimizer=rule, learning_rate=0.01, seed=k)


class OneByOne:
    """Trains several networks, each with a program of its own: what `many` programs agree with."""

    plan = Plan()

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = programs

    def warm_up(self) -> None:
        """Do nothing."""

    def run_epoch(
        self,
        states: Sequence[TrainingState],
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Steps],
        losses: NDArray[Any],
        active: Sequence[int],
    ) -> None:
        """Run the window with each active network."""
        for k in active:
            self.programs[k].run_epoch(states[k], X, Y, steps[k], losses[k])

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Do so with each network."""
        for program, state in zip(self.programs, states, strict=True):
            program.synchronize(state)


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
        allowed = _allowed(member)
        own = [condition(complaint, bool(same.all()))]
        own += runs.compare_runs(member, ours, theirs, allowed)
        found += [replace(measure, what=f"network {k}: {measure.what}") for measure in own]
    return found


def _allowed(member: Case) -> Tolerance:
    if isinstance(member.optimizer, SGD):
        return tolerances.of_run(runs.yardstick(member), member.dtype)
    return tolerances.tolerance("adaptive", member.dtype)


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
        steps = runs.with_fields(drawn[0], steps, epoch)
        everyone = [replace(steps, learning_rate=rate) for rate in rates]
        program.run_epoch(states, X, Y, everyone, losses[epoch], active)
        for k in active:
            states[k].step += -(-(steps.stop - steps.start) // steps.batch_size)
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
        for steps in batches.stretches(order, first.batch_size, 0.0, first.rows // 3 + 1):
            active = [k for k in range(count) if (call + k) % 3 != 2]
            call += 1
            if active:
                yield epoch, steps, active
