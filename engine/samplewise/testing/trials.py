"""The trials of a backend: any two of its capabilities meet in one, or any three."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

from samplewise.contract import Capabilities
from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise.network import ACTIVATIONS
from samplewise.testing.cases import LONG_ROWS, PLAIN, ROWS, Case, Trial, dense_case
from samplewise.testing.covering import Row
from samplewise.testing.factors import (
    DTYPES,
    EDGES,
    LINEAR_OPTIMIZERS,
    LOSSES,
    OPTIMIZERS,
    OPTIONS,
    STEP_FIELDS,
    Factors,
    covering_rows,
    offered_values,
    plan_names,
)
from samplewise.testing.networks import BODIES, DENSE_FIRST, PLACES, with_frozen

SMALL_ROWS = 17
CONTRACT_ROWS = 9
OUTPUTS = 3
# With momentum on inputs of which there are many.
CALM_RATE = 0.005


def networks(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials of small networks of every layer with every way to train them."""
    factors: Factors = {
        "body": tuple(BODIES),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "optimizer": OPTIMIZERS,
        "options": OPTIONS,
        "batch_size": (1, 4, SMALL_ROWS),
        "step_fields": STEP_FIELDS,
        "dtype": DTYPES,
    }
    yield from _trials(offered, strength, factors, {}, rows=SMALL_ROWS)
    yield from _frozen(offered, strength, SMALL_ROWS)


def differences(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials for central differences; float32 has too few digits for them."""
    factors: Factors = {
        "body": tuple(BODIES),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "rows": (1, 2),
        "dtype": DTYPES[:1],
    }
    for row in covering_rows(factors, offered, strength):
        yield Trial(_case(row, rows=row["rows"]))
    for trial in _frozen(offered, strength, 2):
        if trial.case.dtype == DTYPES[0]:
            yield Trial(trial.case)


def contracts(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials of the duties of every program, whatever it computes.

    Bodies, dtypes and batch sizes meet; optimizers, activations, losses and options take turns.
    """
    factors: Factors = {"body": tuple(BODIES), "dtype": DTYPES, "batch_size": (1, 4)}
    in_turn: Factors = {
        "optimizer": OPTIMIZERS,
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "options": OPTIONS,
    }
    yield from _trials(offered, strength, factors, in_turn, rows=CONTRACT_ROWS)
    yield from _by_plan(offered, strength, CONTRACT_ROWS, (1, 4))
    # Of each network one: these duties take longest.
    yield from islice(_frozen(offered, strength, CONTRACT_ROWS), None, None, len(PLACES))
    yield from _frozen_by_plan(offered, strength, CONTRACT_ROWS)


def plans(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials of every plan, with any network whose first layer is dense."""
    factors: Factors = {
        "dense_first": tuple(DENSE_FIRST),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "optimizer": LINEAR_OPTIMIZERS,
        "plan": plan_names(offered),
        "inputs": (7, 50),
        "batch_size": (1, 7, ROWS),
        "step_fields": STEP_FIELDS,
        "dtype": DTYPES,
    }
    yield from _trials(offered, strength, factors, {}, rows=ROWS, learning_rate=CALM_RATE)
    yield from _long_epochs(offered)
    yield from _frozen_by_plan(offered, strength, ROWS)


def whole_runs(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials of several epochs by every plan, which keeps something from one to the next.

    Of long epochs there is one by each plan that takes blocks.
    """
    yield from _by_plan(offered, strength, ROWS, (1, 7, ROWS))
    longs = {trial.plan: trial for trial in _long_epochs(offered) if trial.plan != DIRECT}
    yield from longs.values()


def edges(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials at the edges of arithmetic."""
    factors: Factors = {
        "edge": EDGES,
        "batch_size": (1, 2, 4),
        "outputs": (1, 2),
        "dtype": DTYPES,
        "optimizer": (PLAIN, LINEAR_OPTIMIZERS[4], LINEAR_OPTIMIZERS[5]),
        "plan": plan_names(offered),
    }
    for row in covering_rows(factors, offered, strength):
        inputs, hidden, activation, rows, edge = row.pop("edge")
        plan, outputs = row.pop("plan"), row.pop("outputs")
        # A batch has at most the rows that there are.
        row["batch_size"] = min(row["batch_size"], rows)
        fields = {"rows": rows, "edge": edge, **row}
        case = dense_case(inputs, hidden, outputs, activation, **fields)
        yield Trial(case, plan)


def _by_plan(
    offered: Capabilities, strength: int, rows: int, batch_sizes: Sequence[int]
) -> Iterator[Trial]:
    """Yield trials in which plans and optimizers meet; networks and losses take turns."""
    factors: Factors = {
        "optimizer": LINEAR_OPTIMIZERS,
        "plan": plan_names(offered),
        "batch_size": batch_sizes,
        "step_fields": (STEP_FIELDS[0], STEP_FIELDS[2]),
        "dtype": DTYPES,
    }
    in_turn: Factors = {
        "dense_first": tuple(DENSE_FIRST),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "inputs": (4,) if rows == CONTRACT_ROWS else (7, 50),
    }
    yield from _trials(offered, strength, factors, in_turn, rows=rows, learning_rate=CALM_RATE)


def _frozen(offered: Capabilities, strength: int, rows: int) -> Iterator[Trial]:
    """Yield trials in which any small network has layers frozen at every place.

    They stand beside trials without: a fault in a layer's own step must not hide where it is
    frozen.
    """
    factors: Factors = {"frozen": tuple(PLACES), "body": tuple(BODIES)}
    in_turn: Factors = {
        "optimizer": OPTIMIZERS,
        "options": OPTIONS,
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "batch_size": (1, 4) if rows > 2 else (1, 2),
        "step_fields": STEP_FIELDS,
        "dtype": DTYPES,
    }
    yield from _trials(offered, strength, factors, in_turn, rows=rows, learning_rate=CALM_RATE)


def _frozen_by_plan(offered: Capabilities, strength: int, rows: int) -> Iterator[Trial]:
    """Yield trials in which plans and frozen layers meet."""
    factors: Factors = {
        "frozen": tuple(PLACES),
        "plan": plan_names(offered),
        "batch_size": (1, 4),
    }
    in_turn: Factors = {
        "optimizer": LINEAR_OPTIMIZERS,
        "dense_first": tuple(DENSE_FIRST),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "inputs": (4,),
        "dtype": DTYPES,
    }
    yield from _trials(offered, strength, factors, in_turn, rows=rows, learning_rate=CALM_RATE)


def _long_epochs(offered: Capabilities) -> Iterator[Trial]:
    """Yield trials of epochs of several blocks and a part of one."""
    shapes = cycle(((1, (6, 5), 1), (7, (), 3), (7, (5,), 1), (1, (5,), 3)))
    dtypes = cycle(DTYPES)
    for optimizer, (batch, hidden, outputs) in zip(LINEAR_OPTIMIZERS, shapes, strict=False):
        fields = {"dtype": next(dtypes), "optimizer": optimizer, "learning_rate": CALM_RATE}
        case = dense_case(30, hidden, outputs, "tanh", batch_size=batch, rows=LONG_ROWS, **fields)
        yield from (Trial(case, plan) for plan in plan_names(offered) if plan != AUTO_PLAN)


def _trials(
    offered: Capabilities, strength: int, factors: Factors, in_turn: Factors, **fields: Any
) -> Iterator[Trial]:
    """Yield trials in which offered values meet; those of other factors come in turn.

    None where a factor has no value. A row without a plan takes one for any network.
    """
    values = offered_values(in_turn, offered)
    if all(values.values()):
        columns = {name: cycle(each) for name, each in values.items()}
        usual = DIRECT if DIRECT in offered.plans else AUTO_PLAN
        for row in covering_rows(factors, offered, strength):
            row |= {name: next(column) for name, column in columns.items()}
            yield Trial(_case(row, **fields), row.get("plan", usual))


def _case(row: Row, **fields: Any) -> Case:
    loss = row["loss"]
    outputs = 1 if loss.name == "binary_cross_entropy" else OUTPUTS
    if "body" in row:
        network = BODIES[row["body"]](row["activation"], outputs)
    else:
        network = DENSE_FIRST[row["dense_first"]](row["activation"], row["inputs"], outputs)
    if "frozen" in row:
        network = with_frozen(network, row["frozen"])
    optimizer = dataclasses.replace(row.get("optimizer", PLAIN), **dict(row.get("options", ())))
    names = ("batch_size", "step_fields", "dtype")
    fields |= {name: row[name] for name in names if name in row}
    return Case(network, loss, optimizer, **fields)
