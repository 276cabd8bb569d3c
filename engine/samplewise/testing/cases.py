"""The cases on which backends are compared: calm ones, and the edges of arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from samplewise.network import (
    ACTIVATIONS,
    SGD,
    ClassLoss,
    Network,
    class_loss_named,
    multilayer_perceptron,
)
from samplewise.testing.pairwise import pairwise

ROWS = 39
PLAIN = SGD()
# Several blocks of any built-in backend that treats steps together, and a part of one.
LONG_ROWS = 301


@dataclass(frozen=True)
class Case:
    """A training problem in a few numbers; `problems.problem` draws its arrays.

    Args:
        inputs, hidden, outputs: sizes; 1 output means binary cross-entropy, more categorical.
        activation: of every hidden layer.
        batch_size: rows of a step, at most `rows`.
        rows: number of samples.
        dtype: name.
        edge: a key of `problems.EDGES`, or empty for a calm problem.
        optimizer: the rule trained with.
        learning_rate: of every step; calm for calm cases.
        seed: of the weights. Rows follow from inputs, outputs and rows alone.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str = "sigmoid"
    batch_size: int = 1
    rows: int = ROWS
    dtype: str = "float64"
    edge: str = ""
    optimizer: SGD = PLAIN
    learning_rate: float = 0.02
    seed: int = 0

    @property
    def network(self) -> Network:
        """The network."""
        return multilayer_perceptron(self.inputs, self.hidden, self.outputs, self.activation)

    @property
    def loss(self) -> ClassLoss:
        """The loss that fits the outputs."""
        return class_loss_named(f"{'binary' if self.outputs == 1 else 'categorical'}_cross_entropy")

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.rows // self.batch_size)

    def __str__(self) -> str:
        activation = [self.activation] if self.hidden else []
        sizes = [str(self.network), f"{self.rows} rows", f"batch {self.batch_size}", self.dtype]
        return ", ".join([*activation, *sizes, *self._options(), *([self.edge] * bool(self.edge))])

    def _options(self) -> list[str]:
        rule = self.optimizer
        momentum = f"{'nesterov' if rule.nesterov else 'momentum'} {rule.momentum:g}"
        return [*([momentum] * bool(rule.momentum)), *([f"l2 {rule.l2:g}"] * bool(rule.l2))]


_DTYPES = ("float64", "float32")
_BATCH_SIZES = (1, 7, 32, ROWS)
_HIDDEN = ((5,), (4, 3), (60,), (17, 1), (1,), (33, 8))
RULES: tuple[SGD, ...] = (
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    SGD(l2=0.01),
    SGD(momentum=0.5, l2=0.05),
    SGD(momentum=0.8, nesterov=True, l2=0.01),
)
_EVERY_RULE = (PLAIN, *RULES)

# What any network has; those without hidden layers stand apart, as they have no activation.
_COMMON: dict[str, Any] = {"outputs": (1, 3), "dtype": _DTYPES, "optimizer": _EVERY_RULE}
_LINEAR_CASES = tuple(
    Case(6 + row["batch_size"] % 11, (), **row)
    for row in pairwise({**_COMMON, "batch_size": _BATCH_SIZES})
)
_DEEP_CASES = tuple(
    Case(6 + row["batch_size"] % 11, **row)
    for row in pairwise(
        {"hidden": _HIDDEN, "activation": ACTIVATIONS, **_COMMON, "batch_size": _BATCH_SIZES}
    )
)
_WIDE_CASES = tuple(
    Case(784, (10,), 1, rows=23, **row)
    for row in pairwise({"optimizer": _EVERY_RULE, "dtype": _DTYPES, "batch_size": (1, 7)})
)

# batch size, hidden, outputs
_LONG_SHAPES = ((1, (6, 5), 1), (7, (), 3), (7, (5,), 1), (1, (5,), 3))
_LONG_CASES = tuple(
    Case(
        *(30, hidden, outputs, "tanh", batch, LONG_ROWS, _DTYPES[i % 2]),
        optimizer=rule,
        learning_rate=0.005,
    )
    for i, (rule, (batch, hidden, outputs)) in enumerate(
        zip(_EVERY_RULE, cycle(_LONG_SHAPES), strict=False)
    )
)

CALM_CASES: tuple[Case, ...] = (*_LINEAR_CASES, *_DEEP_CASES, *_WIDE_CASES, *_LONG_CASES)

_EDGES = (
    Case(4, (3,), 1, rows=9, edge="zero input"),
    Case(4, (6, 3), 1, "relu", rows=9, edge="ReLU at 0"),
    Case(4, (), 1, rows=8, edge="saturated, right"),
    Case(4, (), 1, rows=8, edge="saturated, wrong"),
    Case(4, (5,), 1, "tanh", rows=8, edge="saturated, right"),
    Case(4, (5,), 1, "relu", rows=8, edge="saturated, wrong"),
    Case(1, (1,), 1, "tanh", rows=12),
    Case(5, (4,), 1, rows=1),
    Case(5, (4,), 1, rows=2),
)


def _edge_case(edge: Case, batch_size: int, **fields: Any) -> Case:
    """Return an edge with further fields; a batch has at most the rows that there are."""
    return replace(edge, batch_size=min(batch_size, edge.rows), **fields)


EDGE_CASES: tuple[Case, ...] = tuple(
    # Batches that were cut make some of them alike.
    dict.fromkeys(
        _edge_case(**row)
        for row in pairwise(
            {
                "edge": _EDGES,
                "batch_size": (1, 2, 4),
                **_COMMON,
                "outputs": (1, 2),
                "optimizer": (PLAIN, *RULES[3:]),
            }
        )
    )
)

# Small, since a central difference costs two calls a parameter.
_SMALL: dict[str, Any] = {**_COMMON, "batch_size": (1, 4)}
CONTRACT_CASES: tuple[Case, ...] = (
    *(Case(3, (), rows=11, **row) for row in pairwise(_SMALL)),
    *(Case(3, (3, 2), rows=11, **row) for row in pairwise({"activation": ACTIVATIONS, **_SMALL})),
)
