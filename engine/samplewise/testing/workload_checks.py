"""Checks of a program against the workload that it was compiled for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from samplewise.contract import Backend, Program, TrainingState, Workload
from samplewise.contract.plan import AUTO_PLAN
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.cases import Case
from samplewise.testing.measures import Measure, condition
from samplewise.testing.problems import problem
from samplewise.training import batches

# More rows than any Gram matrix of theirs would fit the memory for; nothing is trained on them.
MANY_ROWS = 1_000_000
LITTLE_MB = 1


def keeps_to_workload(backend: Backend, program: Program, case: Case, plan: str) -> list[Measure]:
    """Check that the program follows its plan."""
    return [
        *_says_its_plan(program, plan),
        _takes_its_plan_again(backend, program, case),
        _stays_in_memory(backend, case, plan),
        *_gives_its_state_at_any_time(program, case),
    ]


def _says_its_plan(program: Program, plan: str) -> list[Measure]:
    name, chunk = program.plan.name, program.plan.chunk
    return [
        condition(f"trains by '{name}', asked for '{plan}'", plan in (name, AUTO_PLAN)),
        condition(f"wants chunks of {chunk} samples", chunk is None or chunk >= 1),
    ]


def _takes_its_plan_again(backend: Backend, program: Program, case: Case) -> Measure:
    """The plan that a run records is chosen again when it is asked for."""
    recorded = program.plan.spec
    workload = replace(runs.workload_of(case, recorded.name), **recorded.fields())
    session = runs.session_of(backend, [case], workload)
    session.compile(warm_up=False)
    taken = session.plan.spec
    return condition(f"trains by '{taken}', asked again for '{recorded}'", taken == recorded)


def _stays_in_memory(backend: Backend, case: Case, plan: str) -> Measure:
    workload = Workload(MANY_ROWS, case.batch_size, 2, plan=plan, memory_mb=LITTLE_MB)
    session = runs.session_of(backend, [case], workload)
    session.compile(warm_up=False)
    kept = session.plan.memory_bytes
    return condition(f"keeps {kept} bytes, allowed {LITTLE_MB} MiB", kept <= LITTLE_MB * 2**20)


def _gives_its_state_at_any_time(program: Program, case: Case) -> list[Measure]:
    """Asking for logits or the state in the middle of training changes nothing."""
    drawn = problem(case)
    order = batches.fixed_order(case.rows)
    windows = list(batches.chunks(order, case.batch_size, drawn.learning_rate, case.rows // 2))
    allowed = tolerances.after_training(case.optimizer, 2 * case.steps, case.dtype)
    asked, silent = drawn.state(), drawn.state()
    losses, found = np.zeros(case.rows, dtype=drawn.dtype), []
    for state in (silent, asked):
        for steps in windows * 2:
            program.run_epoch(state, drawn.X, drawn.Y, steps, losses)
            if state is asked:
                found += _logits_are_of_the_state(program, state, case, allowed)
        program.synchronize(state)
    return [*found, *runs.compare_states(drawn.network.layout, asked, silent, allowed)]


def _logits_are_of_the_state(
    program: Program, state: TrainingState, case: Case, allowed: tolerances.Tolerance
) -> list[Measure]:
    X = problem(case).X
    # Asked before the state is in place; the program has not seen the reversed rows.
    found = [(program.logits(state, rows), rows) for rows in (X, X[::-1].copy())]
    program.synchronize(state)
    return [
        measures.sized(
            "logits in training", logits, program.predict(state.parameters, rows), allowed
        )
        for logits, rows in found
    ]
