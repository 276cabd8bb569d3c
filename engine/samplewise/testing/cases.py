"""The cases on which backends are compared: calm ones, and the edges of arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import cycle, product

from samplewise.network import (
    ACTIVATIONS,
    SGD,
    ClassLoss,
    Network,
    class_loss_named,
    multilayer_perceptron,
)

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
# These meet everything; the others only each other and both dtypes.
_MAIN_ACTIVATIONS = ACTIVATIONS[:4]
# One hidden shape a batch size: 1 to 60 units come by, and each batch size meets each depth.
_SHAPES = {
    1: ((), (5,), (4, 3)),
    7: ((), (60,), (8, 60)),
    32: ((), (1,), (17, 1)),
    ROWS: ((), (17,), (33, 8)),
}
RULES: tuple[SGD, ...] = (
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    SGD(l2=0.01),
    SGD(momentum=0.5, l2=0.05),
    SGD(momentum=0.8, nesterov=True, l2=0.01),
)


def _with_rules(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """Return each case with each rule; outputs, activations and dtypes take turns."""
    return tuple(
        replace(
            case,
            optimizer=rule,
            outputs=(1, 3)[i // 2 % 2],
            activation=ACTIVATIONS[1 + i % 3],
            dtype=_DTYPES[i % 2],
        )
        for i, (case, rule) in enumerate(product(cases, RULES))
    )


_PLAIN_CASES = tuple(
    Case(6 + batch % 11, hidden, outputs, activation, batch, dtype=dtype)
    for batch, shapes in _SHAPES.items()
    for hidden, outputs, activation, dtype in product(shapes, (1, 3), _MAIN_ACTIVATIONS, _DTYPES)
    if hidden or activation == ACTIVATIONS[0]
) + tuple(Case(784, (10,), 1, batch_size=batch, rows=23) for batch in (1, 7))
_OTHER_ACTIVATIONS = tuple(
    Case(9, (6, 4), (1, 3)[i % 2], activation, (1, 7)[i % 2], dtype=dtype)
    for i, activation in enumerate(ACTIVATIONS[4:])
    for dtype in _DTYPES
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
        zip((PLAIN, *RULES), cycle(_LONG_SHAPES), strict=False)
    )
)

CALM_CASES: tuple[Case, ...] = (
    *_PLAIN_CASES,
    *_OTHER_ACTIVATIONS,
    *_with_rules(
        tuple(
            Case(6 + batch % 11, hidden, 1, batch_size=batch)
            for batch, shapes in _SHAPES.items()
            for hidden in shapes
        )
    ),
    *_with_rules((Case(784, (10,), 1, rows=23),)),
    *_LONG_CASES,
)

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
EDGE_CASES: tuple[Case, ...] = tuple(
    replace(case, batch_size=batch, outputs=outputs, dtype=dtype)
    for case, batch, outputs, dtype in product(_EDGES, (1, 2, 4), (1, 2), _DTYPES)
    if batch <= case.rows
) + tuple(
    replace(
        case,
        batch_size=1 + i % min(case.rows, 3),
        outputs=1 + i // 2 % 2,
        dtype=dtype,
        optimizer=rule,
    )
    for i, (case, rule, dtype) in enumerate(product(_EDGES, RULES[3:], _DTYPES))
)

# Small, since a central difference costs two calls a parameter.
CONTRACT_CASES: tuple[Case, ...] = tuple(
    Case(3, hidden, outputs, activation, batch, rows=11, dtype=dtype)
    for hidden, outputs, activation, batch, dtype in product(
        ((), (3, 2)), (1, 3), ACTIVATIONS, (1, 4), _DTYPES
    )
    if hidden or activation == ACTIVATIONS[0]
) + _with_rules(
    tuple(Case(3, hidden, 1, batch_size=b, rows=11) for hidden, b in product(((), (3, 2)), (1, 4)))
)
