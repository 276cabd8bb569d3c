"""Several networks in one session against a session of each in the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from samplewise import registry
from samplewise.contract import WEIGHTS, Backend, Capabilities, Steps
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
from samplewise.testing.cases import LONG_ROWS, ROWS, Case, Trial, dense_case
from samplewise.testing.epochs_at_once import epochs_at_once
from samplewise.testing.factors import DTYPES, LINEAR_OPTIMIZERS, STEP_FIELDS, covering_rows
from samplewise.testing.measures import Measure, condition
from samplewise.testing.problems import REFERENCE, problem
from samplewise.testing.runs import RunEnd
from samplewise.testing.tolerances import Tolerance
from samplewise.training import batches


@dataclass(frozen=True)
class ManyCase:
    """Networks that train at once.

    Args:
        members: cases alike in inputs, outputs, loss, rows, batch size, step fields and dtype.
        shuffle: draw a new order an epoch.
    """

    members: tuple[Case, ...]
    shuffle: bool = False

    def needs(self, plan: str | None = None) -> list[Need]:
        """Return the capabilities that training them takes, as (kind, name)."""
        return sorted({need for member in self.members for need in member.needs(plan)})

    def is_offered(self, capabilities: Capabilities, plan: str | None = None) -> bool:
        """Return True if a backend with these capabilities can train them."""
        return all(member.is_offered(capabilities, plan) for member in self.members)

    def __str__(self) -> str:
        return f"{len(self.members)} networks{', shuffled' * self.shuffle}, first {self.members[0]}"


def many_trials(offered: Capabilities, strength: int) -> Iterator[Trial]:
    """Yield trials of networks alike and unlike, with linear optimizers and others."""
    if not offered.many:
        return
    factors: dict[str, Sequence[Any]] = {
        "networks": (_mixed, _alike, _varied),
        "outputs": (1, 3),
        "shuffle": (False, True),
        "dtype": DTYPES,
        "batch_size": (1, 7),
        # The fields all at once are tried with one network.
        "step_fields": STEP_FIELDS[:-1],
    }
    rows = [row | {"rows": ROWS} for row in covering_rows(factors, offered, strength)]
    # Long epochs cost most, so there are two.
    kinds = {(row["networks"], row["batch_size"]): row for row in rows}
    long = [row for kind, row in kinds.items() if kind in ((_mixed, 1), (_alike, 7))]
    for row in [*rows, *(row | {"rows": LONG_ROWS} for row in long)]:
        networks, shuffle, outputs = (row.pop(name) for name in ("networks", "shuffle", "outputs"))
        members = tuple(networks(dense_case(12, (5,), outputs, **row)))
        members = tuple(member for member in members if member.is_offered(offered))
        if len(members) > 1:
            # By itself, a program may never choose some of its plans for so little work.
            any_plan = networks is not _varied and row["step_fields"] <= {WEIGHTS}
            plans = (AUTO_PLAN, *sorted(offered.plans)) if any_plan else (AUTO_PLAN,)
            yield from (Trial(ManyCase(members, shuffle), plan) for plan in plans)


def _mixed(shared: Case) -> Iterator[Case]:
    """Yield networks of several widths, depths, optimizers, rates and seeds, one partly frozen."""
    widths = ((5,), (17,), (), (5,), (1,), (6, 4))
    for k, (hidden, optimizer) in enumerate(zip(widths, LINEAR_OPTIMIZERS, strict=True)):
        network = multilayer_perceptron(12, hidden, shared.network.outputs, ACTIVATIONS[1 + k % 3])
        rate = 0.005 * (1 + k)
        yield replace(shared, network=network, optimizer=optimizer, learning_rate=rate, seed=k)
    layers = (Dense(5, "tanh"), Dense(shared.network.outputs, trainable=False))
    yield replace(shared, network=Network((12,), layers), learning_rate=0.02, seed=len(widths))


def _alike(shared: Case) -> Iterator[Case]:
    """Yield networks that differ in rates and seeds only."""
    for k in range(4):
        yield replace(shared, learning_rate=0.01 * (1 + k), seed=k)


def _varied(shared: Case) -> Iterator[Case]:
    """Yield networks with other layers behind the first, by optimizers that are not linear."""
    optimizers = (Adam(), RMSprop(), Adagrad(), SGD(clip_norm=0.5), SGD(0.9, l1=0.01))
    for k, optimizer in enumerate(optimizers):
        layer = LayerNorm() if k % 2 else Dropout(0.3)
        layers = (Dense(6, "tanh"), layer, Dense(shared.network.outputs))
        network = Network((12,), layers)
        yield replace(shared, network=network, optimizer=optimizer, learning_rate=0.01, seed=k)
    network = Network((12,), (Dense(6, "tanh", trainable=False), Dense(shared.network.outputs)))
    yield replace(shared, network=network, learning_rate=0.01, seed=len(optimizers))


def many(backend: Backend, case: ManyCase, plan: str | None) -> list[Measure]:
    """Compare each of several networks with the reference's run of it alone.

    Some are not active in some calls; an epoch is run in three.
    """
    everyone = range(len(case.members))
    trained = zip(_trained(backend, case, everyone, plan), _expected(case), strict=True)
    complaint = "the losses of an inactive network are written, or of an active one are not"
    found = []
    for k, (member, (got, want)) in enumerate(zip(case.members, trained, strict=True)):
        same = np.isfinite(got.losses) == np.isfinite(want.losses)
        ours, theirs = (replace(run, losses=np.nan_to_num(run.losses)) for run in (got, want))
        own = [condition(complaint, bool(same.all()))]
        own += runs.compare_runs(member, ours, theirs, _allowed(member))
        found += [replace(measure, what=f"network {k}: {measure.what}") for measure in own]
    if plan is not None and not case.shuffle:
        found += epochs_at_once(backend, case.members, plan, list(map(_allowed, case.members)))
    return found


def _allowed(member: Case) -> Tolerance:
    if isinstance(member.optimizer, SGD):
        return tolerances.of_run(runs.yardstick(member), member.dtype)
    return tolerances.tolerance("adaptive", member.dtype)


@cache
def _expected(case: ManyCase) -> list[RunEnd]:
    """Return the reference's run of each, one after the other."""
    reference = registry.load(REFERENCE)
    return [_trained(reference, case, [k], None)[0] for k in range(len(case.members))]


def _trained(
    backend: Backend, case: ManyCase, chosen: Sequence[int], plan: str | None
) -> list[RunEnd]:
    """Train chosen networks in one session; None as the plan gives no workload."""
    members = [case.members[k] for k in chosen]
    drawn = [problem(member) for member in members]
    workload = None
    if plan is not None:
        workload = runs.workload_of(members[0], plan, shuffle=case.shuffle)
    session = runs.session_of(backend, members, workload)
    session.compile()
    states = [each.state() for each in drawn]
    session.begin(states)
    X, Y = drawn[0].X, drawn[0].Y
    losses = np.full((runs.RUN_EPOCHS, len(drawn), len(X)), np.nan, dtype=drawn[0].dtype)
    windows: list[list[Steps]] = [[] for _ in drawn]
    for epoch, steps, of_all in _calls(case):
        active = [place for place, k in enumerate(chosen) if k in of_all]
        if active:
            # Networks of different seeds drop different units.
            keys = [runs.FIRST_DROPOUT_KEY + runs.RUN_EPOCHS * m.seed + epoch for m in members]
            own = [runs.with_fields(d, steps, key) for d, key in zip(drawn, keys, strict=True)]
            session.run(X, Y, own, losses[epoch], active)
            for place in active:
                windows[place].append(own[place])
    session.synchronize()
    return [
        RunEnd(each.parameters, each.optimizer_state, losses[:, k], runs.penalties_of(windows[k]))
        for k, each in enumerate(states)
    ]


def _calls(case: ManyCase) -> Iterator[tuple[int, Steps, Sequence[int]]]:
    """Yield (epoch, steps, active networks); every third call leaves a network out."""
    first, count = case.members[0], len(case.members)
    orders, call = batches.Orders(first.rows, runs.ORDER_SEED if case.shuffle else None), 0
    for epoch in range(runs.RUN_EPOCHS):
        order = orders.of_epoch(epoch + 1)
        for steps in batches.chunks(order, first.batch_size, 0.0, first.rows // 3 + 1):
            yield epoch, steps, [k for k in range(count) if (call + k) % 3 != 2]
            call += 1
