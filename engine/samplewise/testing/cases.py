"""The problems on which backends are compared: calm ones, and the edges of arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Program, TrainingState
from samplewise.network import (
    ACTIVATIONS,
    SGD,
    Dense,
    Loss,
    Network,
    aligned_zeros,
    initialize,
    loss_named,
    multilayer_perceptron,
)
from samplewise.streams import Streams

REFERENCE = "reference"
ALL_ROWS = 10_000
BIAS_DEVIATION = 0.1
HUGE_LOGIT = 1000.0


@dataclass(frozen=True)
class Case:
    """A training problem in a few numbers; `problem` draws its arrays.

    Args:
        inputs, hidden, outputs: sizes; 1 output means binary cross-entropy, more categorical.
        activation: of every hidden layer.
        batch_size: at most `rows` are used.
        rows: number of samples.
        dtype: name.
        edge: a key of `EDGES`, or empty for a calm problem.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str = "sigmoid"
    batch_size: int = 1
    rows: int = 39
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

    @property
    def batch(self) -> int:
        """Rows of a step."""
        return min(self.batch_size, self.rows)

    def __str__(self) -> str:
        parts = [str(self.network), f"rows {self.rows}", f"batch {self.batch}", self.dtype]
        return ", ".join([*([self.activation] if self.hidden else []), *parts, self.edge]).rstrip(
            ", "
        )


@dataclass(frozen=True, eq=False)
class Problem:
    """The arrays of a case, shared by all that compare on it: never to be written to.

    Args:
        network, loss: of the case.
        X: (n, inputs), aligned.
        Y: (n, outputs), aligned.
        parameters: first weights and biases, (P,).
        learning_rate: calm for calm cases.
    """

    network: Network
    loss: Loss
    X: NDArray[Any]
    Y: NDArray[Any]
    parameters: NDArray[Any]
    learning_rate: float = 0.05

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of every array."""
        return self.parameters.dtype

    def state(self, parameters: NDArray[Any] | None = None) -> TrainingState:
        """Return a new state that starts from `parameters`, or from those of the problem."""
        start = self.parameters if parameters is None else parameters
        return TrainingState(aligned_copy(start), aligned_zeros(0, self.dtype))


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that starts on a cache line, as the engine's arrays do."""
    copy = aligned_zeros(array.size, array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def reference_program(network: Network, loss: Loss, dtype: np.dtype[Any]) -> Program:
    """Return the specification's program."""
    return registry.load(REFERENCE).compile(network, loss, SGD(), dtype)


@cache
def problem(case: Case) -> Problem:
    """Draw the arrays of a case, the same for the same case.

    Inputs are N(0, 1); labels follow from a linear map of them, so that there is something to
    learn; weights are scaled to the number of inputs. Biases are drawn too: at 0 they would hide
    whatever is done wrong with them.
    """
    network, loss = case.network, case.loss
    rng = np.random.default_rng([case.inputs, case.outputs, case.rows, *case.hidden])
    X = rng.standard_normal((case.rows, case.inputs))
    classes = max(case.outputs, 2)
    labels = (X @ rng.standard_normal((case.inputs, classes))).argmax(axis=1)
    parameters = initialize(network, "lecun_normal", rng, case.dtype)
    for name, view in network.layout.views(parameters).items():
        if name.endswith(".bias"):
            view[...] = rng.standard_normal(view.shape) * BIAS_DEVIATION
    drawn = Problem(
        network,
        loss,
        aligned_copy(X.astype(case.dtype)),
        aligned_copy(loss.targets(labels, case.outputs, case.dtype)),
        parameters,
    )
    return EDGES[case.edge](drawn) if case.edge else drawn


def kink_distance(drawn: Problem) -> float:
    """Return how near a hidden unit of the first forward pass comes to 0, the kink of ReLU."""
    nearest = np.inf
    for k, layer in enumerate(drawn.network.layers[:-1]):
        below = drawn.network.layers[:k]
        cut = Network(drawn.network.input_shape, (*below, Dense(layer.units)))
        program = reference_program(cut, drawn.loss, drawn.dtype)
        Z = program.predict(drawn.parameters[: cut.layout.size], drawn.X)
        nearest = min(nearest, float(np.abs(Z).min()))
    return nearest


def _zero_input(drawn: Problem) -> Problem:
    return replace(drawn, X=np.zeros_like(drawn.X))


def _relu_at_zero(drawn: Problem) -> Problem:
    """The first hidden unit is 0 on every row, and all of them on the first row."""
    X, parameters = drawn.X.copy(), drawn.parameters.copy()
    X[0] = 0
    views = drawn.network.layout.views(parameters)
    views["0.bias"][...] = 0
    views["0.weight"][0] = 0
    return replace(drawn, X=X, parameters=parameters)


def _saturated(right: bool) -> Callable[[Problem], Problem]:
    def edge(drawn: Problem) -> Problem:
        """Every row's best logit leads by `HUGE_LOGIT` or more; the label agrees, or does not."""
        parameters = drawn.parameters.copy()
        program = reference_program(drawn.network, drawn.loss, drawn.dtype)
        logits = program.predict(parameters, drawn.X)
        ranked = np.sort(logits, axis=1) if logits.shape[1] > 1 else np.hstack([0 * logits, logits])
        lead = np.abs(ranked[:, -1] - ranked[:, -2]).min()
        last = f"{len(drawn.network.layers) - 1}."
        for name, view in drawn.network.layout.views(parameters).items():
            if name.startswith(last):
                view *= HUGE_LOGIT / lead
        if logits.shape[1] == 1:
            labels = ((logits[:, 0] > 0) == right).astype(np.int64)
        else:
            labels = logits.argmax(axis=1) if right else logits.argmin(axis=1)
        Y = drawn.loss.targets(labels, logits.shape[1], drawn.dtype)
        return replace(drawn, Y=aligned_copy(Y), parameters=parameters)

    return edge


EDGES: dict[str, Callable[[Problem], Problem]] = {
    "zero input": _zero_input,
    "ReLU at 0": _relu_at_zero,
    "saturated, right": _saturated(right=True),
    "saturated, wrong": _saturated(right=False),
}

_DTYPES = ("float64", "float32")
# One hidden shape a batch size: 1 to 60 units come by, and each batch size meets each depth.
_SHAPES = {
    1: ((), (5,), (4, 3)),
    7: ((), (60,), (2, 60)),
    32: ((), (1,), (17, 1)),
    ALL_ROWS: ((), (17,), (33, 8)),
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
    for batch, outputs, dtype in product((1, 4), (1, 2), _DTYPES)
)

# Small, since a central difference costs two calls a parameter.
CONTRACT_CASES: tuple[Case, ...] = tuple(
    Case(3, hidden, outputs, activation, batch, rows=11, dtype=dtype)
    for hidden, outputs, activation, batch, dtype in product(
        ((), (3, 2)), (1, 3), ACTIVATIONS, (1, 4), _DTYPES
    )
    if hidden or activation == ACTIVATIONS[0]
)
