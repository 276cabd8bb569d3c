"""The cases on which backends are compared: calm ones, and the edges of arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from samplewise.network import ACTIVATIONS, Loss, Network, loss_named, multilayer_perceptron

ROWS = 39


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
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str = "sigmoid"
    batch_size: int = 1
    rows: int = ROWS
    dtype: str = "float64"
    edge: str = ""

    @property
    def network(self) -> Network:
        """The network."""
        return multilayer_perceptron(self.inputs, self.hidden, self.outputs, self.activation)

    @property
    def loss(self) -> Loss:
        """The loss that fits the outputs."""
        return loss_named(f"{'binary' if self.outputs == 1 else 'categorical'}_cross_entropy")

    def __str__(self) -> str:
        activation = [self.activation] if self.hidden else []
        sizes = [str(self.network), f"{self.rows} rows", f"batch {self.batch_size}", self.dtype]
        return ", ".join([*activation, *sizes, *([self.edge] if self.edge else [])])


_DTYPES = ("float64", "float32")
# One hidden shape a batch size: 1 to 60 units come by, and each batch size meets each depth.
_SHAPES = {
    1: ((), (5,), (4, 3)),
    7: ((), (60,), (8, 60)),
    32: ((), (1,), (17, 1)),
    ROWS: ((), (17,), (33, 8)),
}

CALM_CASES: tuple[Case, ...] = tuple(
    Case(6 + batch % 11, hidden, outputs, activation, batch, dtype=dtype)
    for batch, shapes in _SHAPES.items()
    for hidden, outputs, activation, dtype in product(shapes, (1, 3), ACTIVATIONS, _DTYPES)
    if hidden or activation == ACTIVATIONS[0]
) + tuple(Case(784, (10,), 1, "sigmoid", batch, rows=23) for batch in (1, 7))

EDGE_CASES: tuple[Case, ...] = tuple(
    replace(case, batch_size=batch, outputs=outputs, dtype=dtype)
    for case in (
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
    for batch, outputs, dtype in product((1, 2, 4), (1, 2), _DTYPES)
    if batch <= case.rows
)

# Small, since a central difference costs two calls a parameter.
CONTRACT_CASES: tuple[Case, ...] = tuple(
    Case(3, hidden, outputs, activation, batch, rows=11, dtype=dtype)
    for hidden, outputs, activation, batch, dtype in product(
        ((), (3, 2)), (1, 3), ACTIVATIONS, (1, 4), _DTYPES
    )
    if hidden or activation == ACTIVATIONS[0]
)
