"""Which cases test what a backend offers: any two of its capabilities meet, or any three."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle, groupby
from typing import Any

from samplewise.contract import PLANS, RATES, WEIGHTS, Capabilities
from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise.network import (
    ACTIVATIONS,
    SGD,
    Adagrad,
    Adam,
    Loss,
    Optimizer,
    RMSprop,
    loss_from,
)
from samplewise.testing.cases import LONG_ROWS, PLAIN, ROWS, Case, dense_case
from samplewise.testing.covering import Row, covering
from samplewise.testing.networks import BODIES, DENSE_FIRST

SMALL_ROWS = 17
CONTRACT_ROWS = 9
SLOPE_ROWS = 2
OUTPUTS = 3
# Of rules with momentum on inputs of which there are many.
CALM_RATE = 0.005
DTYPES = ("float64", "float32")

LOSSES: tuple[Loss, ...] = tuple(
    map(
        loss_from,
        (
            "categorical_cross_entropy",
            "binary_cross_entropy",
            "multi_label_cross_entropy",
            "mean_squared_error",
            "mean_absolute_error",
            {"name": "huber", "delta": 0.3},
            "poisson",
            {"name": "categorical_cross_entropy", "label_smoothing": 0.1},
        ),
    )
)
RULES: tuple[Optimizer, ...] = (
    PLAIN,
    SGD(0.9),
    SGD(0.8, nesterov=True),
    Adam(),
    Adam(beta1=0.5, beta2=0.9),
    RMSprop(),
    Adagrad(),
)
Options = tuple[tuple[str, float], ...]
OPTIONS: tuple[Options, ...] = (
    (),
    (("l1", 0.01),),
    (("l2", 0.1),),
    (("weight_decay", 0.1),),
    (("clip_value", 0.05),),
    (("clip_norm", 0.2),),
    (("l2", 0.02), ("clip_norm", 0.5), ("weight_decay", 0.2)),
)
# Of which blocks of steps can be made.
LINEAR_RULES: tuple[SGD, ...] = (
    PLAIN,
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    SGD(l2=0.01),
    SGD(momentum=0.5, l2=0.05),
    SGD(momentum=0.8, nesterov=True, l2=0.01),
)
FIELDS = tuple(map(frozenset, ((), (RATES,), (WEIGHTS,), (RATES, WEIGHTS))))


@dataclass(frozen=True)
class Trial:
    """A case (or one of several networks), and the plan asked for; None gives no workload."""

    case: Any
    plan: str | None = None

    def __str__(self) -> str:
        shown = "" if self.plan in (None, DIRECT, AUTO_PLAN) else f", {self.plan} plan"
        return f"{self.case}{shown}"


def networks(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials of small networks of every layer with every way to train them."""
    factors: dict[str, Sequence[Any]] = {
        "body": tuple(BODIES),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "rule": RULES,
        "options": OPTIONS,
        "batch_size": (1, 4, SMALL_ROWS),
        "step_fields": FIELDS,
        "dtype": DTYPES,
    }
    plan = DIRECT if DIRECT in offered.plans else AUTO_PLAN
    for row in _rows(_within(factors, offered), strength):
        yield Trial(_case(row, rows=SMALL_ROWS), plan)


def slopes(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials for central differences: only float64 has the digits."""
    factors: dict[str, Sequence[Any]] = {
        "body": tuple(BODIES),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "dtype": DTYPES[:1],
    }
    for row in _rows(_within(factors, offered), strength):
        yield Trial(_case(row, rows=SLOPE_ROWS))


def contracts(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials for what a program must do whatever it computes; most of it takes turns."""
    factors: dict[str, Sequence[Any]] = {
        "body": tuple(BODIES),
        "dtype": DTYPES,
        "batch_size": (1, 4),
    }
    others = {"rule": RULES, "activation": ACTIVATIONS, "loss": LOSSES, "options": OPTIONS}
    plan = DIRECT if DIRECT in offered.plans else AUTO_PLAN
    for row in _in_turn(_rows(_within(factors, offered), strength), _within(others, offered)):
        yield Trial(_case(row, rows=CONTRACT_ROWS), plan)
    yield from _by_plan(offered, strength, CONTRACT_ROWS, (1, 4))


def plans(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials of every plan behind which any network may lie."""
    factors: dict[str, Sequence[Any]] = {
        "dense_first": tuple(DENSE_FIRST),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "rule": LINEAR_RULES,
        "plan": _plans(offered),
        "inputs": (7, 50),
        "batch_size": (1, 7, ROWS),
        "step_fields": FIELDS,
        "dtype": DTYPES,
    }
    for row in _rows(_within(factors, offered), strength):
        yield Trial(_case(row, rows=ROWS, learning_rate=CALM_RATE), row["plan"])
    yield from _long_epochs(offered)


def whole_runs(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials for several epochs by every plan, which keeps something from one to the next.

    Long epochs take the plans in turn.
    """
    yield from _by_plan(offered, strength, ROWS, (1, 7, ROWS))
    by_case = [list(trials) for _, trials in groupby(_long_epochs(offered), lambda t: t.case)]
    yield from (trials[k % len(trials)] for k, trials in enumerate(by_case))


def _by_plan(
    offered: Capabilities, strength: int, rows: int, batch_sizes: Sequence[int]
) -> Iterator[Trial]:
    """Yield trials in which plans and rules meet; layers, activations and losses take turns."""
    factors: dict[str, Sequence[Any]] = {
        "rule": LINEAR_RULES,
        "plan": _plans(offered),
        "batch_size": batch_sizes,
        "step_fields": (FIELDS[0], FIELDS[2]),
        "dtype": DTYPES,
    }
    others = {
        "dense_first": tuple(DENSE_FIRST),
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "inputs": (4,) if rows == CONTRACT_ROWS else (7, 50),
    }
    for row in _in_turn(_rows(_within(factors, offered), strength), _within(others, offered)):
        yield Trial(_case(row, rows=rows, learning_rate=CALM_RATE), row["plan"])


def _long_epochs(offered: Capabilities) -> Iterator[Trial]:
    """Yield trials of epochs of several blocks and a part of one."""
    shapes = cycle(((1, (6, 5), 1), (7, (), 3), (7, (5,), 1), (1, (5,), 3)))
    dtypes = cycle(DTYPES)
    for rule, (batch, hidden, outputs) in zip(LINEAR_RULES, shapes, strict=False):
        fields = {"dtype": next(dtypes), "optimizer": rule, "learning_rate": CALM_RATE}
        case = dense_case(30, hidden, outputs, "tanh", batch_size=batch, rows=LONG_ROWS, **fields)
        yield from (Trial(case, plan) for plan in _plans(offered) if plan != AUTO_PLAN)


def _in_turn(rows: Sequence[Row], others: Mapping[str, tuple[Any, ...]]) -> Iterator[Row]:
    """Yield the rows with values of other factors, each taken in turn; none if one has none."""
    if all(others.values()):
        columns = {name: cycle(values) for name, values in others.items()}
        for row in rows:
            yield row | {name: next(column) for name, column in columns.items()}


def edges(offered: Capabilities, strength: int = 2) -> Iterator[Trial]:
    """Yield trials at the edges of arithmetic."""
    factors = {
        "edge": EDGES,
        "batch_size": (1, 2, 4),
        "outputs": (1, 2),
        "dtype": DTYPES,
        "optimizer": (PLAIN, LINEAR_RULES[4], LINEAR_RULES[5]),
        "plan": _plans(offered),
    }
    for row in covering(factors, strength):
        inputs, hidden, activation, rows, edge = row.pop("edge")
        plan, outputs = row.pop("plan"), row.pop("outputs")
        # A batch has at most the rows that there are.
        row["batch_size"] = min(row["batch_size"], rows)
        fields = {"rows": rows, "edge": edge, **row}
        case = dense_case(inputs, hidden, outputs, activation, **fields)
        yield Trial(case, plan)


# inputs, hidden, activation, rows, edge
EDGES = (
    (4, (3,), "sigmoid", 9, "zero input"),
    (4, (6, 3), "relu", 9, "ReLU at 0"),
    (4, (), "sigmoid", 8, "saturated, right"),
    (4, (), "sigmoid", 8, "saturated, wrong"),
    (4, (5,), "tanh", 8, "saturated, right"),
    (4, (5,), "relu", 8, "saturated, wrong"),
    (1, (1,), "tanh", 12, ""),
    (5, (4,), "sigmoid", 1, ""),
    (5, (4,), "sigmoid", 2, ""),
)


def _plans(offered: Capabilities) -> tuple[str, ...]:
    """Return the plans to ask for, and the backend's own choice where it has one."""
    named = tuple(plan for plan in PLANS if plan in offered.plans)
    return (*named, AUTO_PLAN) if len(named) > 1 else named


def _case(row: Row, **fields: Any) -> Case:
    loss = row["loss"]
    outputs = 1 if loss.name == "binary_cross_entropy" else OUTPUTS
    if "body" in row:
        network = BODIES[row["body"]](row["activation"], outputs)
    else:
        network = DENSE_FIRST[row["dense_first"]](row["activation"], row["inputs"], outputs)
    rule = dataclasses.replace(row.get("rule", PLAIN), **dict(row.get("options", ())))
    known = {field.name for field in dataclasses.fields(Case)}
    fields |= {name: value for name, value in row.items() if name in known - {"loss"}}
    return Case(network, loss, rule, **fields)


def _rows(factors: Mapping[str, Sequence[Any]], strength: int) -> list[Row]:
    """Return covering rows, the same list in every call; none where a factor is empty."""
    if not all(factors.values()):
        return []
    key = tuple((name, tuple(values)) for name, values in factors.items())
    return [dict(row) for row in _covering(key, strength)]


@cache
def _covering(key: tuple[tuple[str, tuple[Any, ...]], ...], strength: int) -> list[Row]:
    return covering(dict(key), strength)


def _within(
    factors: Mapping[str, Sequence[Any]], offered: Capabilities
) -> dict[str, tuple[Any, ...]]:
    """Return the factors with the values alone that a backend offers."""
    return {
        name: tuple(value for value in values if _is_offered(name, value, offered))
        for name, values in factors.items()
    }


def _is_offered(factor: str, value: Any, offered: Capabilities) -> bool:
    match factor:
        case "body" | "dense_first":
            body = BODIES[value]("identity", 1) if factor == "body" else None
            network = body or DENSE_FIRST[value]("identity", 1, 1)
            return {layer.kind for layer in network.layers} <= offered.layers
        case "activation":
            return value in offered.activations
        case "loss":
            return value.name in offered.losses
        case "rule":
            return set(value.features) <= offered.optimizers
        case "options":
            return {name for name, _ in value} <= offered.optimizers
        case "step_fields":
            return value <= offered.step_fields
        case "dtype":
            return value in offered.dtypes
    return True
