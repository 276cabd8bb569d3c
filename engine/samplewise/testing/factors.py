"""The values that trials combine, and those of them that a backend offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from samplewise.contract import PENALTIES, PLANS, RATES, WEIGHTS, Capabilities
from samplewise.contract.plan import AUTO_PLAN
from samplewise.network import FROZEN, SGD, Adam, Loss, Network, Optimizer, loss_from
from samplewise.network import OPTIMIZERS as KINDS
from samplewise.testing.cases import PLAIN
from samplewise.testing.covering import Row, covering
from samplewise.testing.networks import BODIES, DENSE_FIRST

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
OPTIMIZERS: tuple[Optimizer, ...] = (
    PLAIN,
    SGD(0.9),
    SGD(0.8, nesterov=True),
    SGD(0.9, rate_in_velocity=True),
    SGD(0.8, nesterov=True, rate_in_velocity=True),
    Adam(),
    # Where the two forms differ by more than rounding.
    Adam(epsilon=0.01, epsilon_hat=True),
    Adam(beta1=0.5, beta2=0.9),
    *(kind() for kind in KINDS.values() if kind not in (SGD, Adam)),
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
# The plans of blocks train by these.
LINEAR_OPTIMIZERS: tuple[SGD, ...] = (
    PLAIN,
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    SGD(l2=0.01),
    SGD(momentum=0.5, l2=0.05),
    SGD(momentum=0.8, nesterov=True, l2=0.01),
)
STEP_FIELDS = tuple(
    map(
        frozenset,
        (
            (),
            (RATES,),
            (WEIGHTS,),
            (RATES, WEIGHTS),
            (PENALTIES,),
            (RATES, WEIGHTS, PENALTIES),
        ),
    )
)
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

Factors = Mapping[str, Sequence[Any]]


def plan_names(offered: Capabilities) -> tuple[str, ...]:
    """Return the plans to ask for, and the backend's own choice where it has one."""
    named = tuple(plan for plan in PLANS if plan in offered.plans)
    return (*named, AUTO_PLAN) if len(named) > 1 else named


def covering_rows(factors: Factors, offered: Capabilities, strength: int) -> list[Row]:
    """Return rows of the offered values in which any few meet, new dicts in every call."""
    values = offered_values(factors, offered)
    if not all(values.values()):
        return []
    return [dict(row) for row in _covering(tuple(values.items()), strength)]


@cache
def _covering(factors: tuple[tuple[str, tuple[Any, ...]], ...], strength: int) -> list[Row]:
    return covering(dict(factors), strength)


def offered_values(factors: Factors, offered: Capabilities) -> dict[str, tuple[Any, ...]]:
    """Return the factors with the values that a backend offers."""
    return {
        name: tuple(value for value in values if _is_offered(name, value, offered))
        for name, values in factors.items()
    }


def _kinds_of(network: Network) -> set[str]:
    return {layer.kind for layer in network.layers}


def _is_offered(factor: str, value: Any, offered: Capabilities) -> bool:
    match factor:
        case "body":
            return _kinds_of(BODIES[value]("identity", 1)) <= offered.layers
        case "dense_first":
            return _kinds_of(DENSE_FIRST[value]("identity", 1, 1)) <= offered.layers
        case "frozen":
            return FROZEN in offered.layers
        case "activation":
            return value in offered.activations
        case "loss":
            return value.name in offered.losses
        case "optimizer":
            return set(value.features) <= offered.optimizers
        case "options":
            return {name for name, _ in value} <= offered.optimizers
        case "step_fields":
            return value <= offered.step_fields
        case "dtype":
            return value in offered.dtypes
    return True
