"""The arrays of a case: drawn once, the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import PENALTIES, RATES, WEIGHTS, Program, TrainingState
from samplewise.network import (
    SGD,
    ClassLoss,
    Loss,
    Network,
    Optimizer,
    ParameterLayout,
    aligned_zeros,
    initialize,
)
from samplewise.network.losses import MultiLabelCrossEntropy, Poisson
from samplewise.testing.cases import PLAIN, Case

REFERENCE = "reference"
BIAS_DEVIATION = 0.1
SLOT_DEVIATION = 0.1
HUGE_LOGIT = 1000.0


@dataclass(frozen=True, eq=False)
class Problem:
    """The arrays of a case, read-only: all that compare on it share them.

    Args:
        network, loss: of the case.
        X: (n, inputs), aligned.
        Y: (n, outputs), aligned.
        parameters: first weights and biases, (P,).
        learning_rate: calm for calm cases.
        optimizer: of the case.
        optimizer_state: first slots, (slots * P,); None where the optimizer has none.
        rates: learning rate of each step of an epoch, (steps,), no two equal; or None.
        weights: of the rows, (n,), with the mean 1; or None.
        l2: L2 penalty of each step of an epoch, (steps,), no two equal; or None.
    """

    network: Network
    loss: Loss
    X: NDArray[Any]
    Y: NDArray[Any]
    parameters: NDArray[Any]
    learning_rate: float = 0.02
    optimizer: Optimizer = PLAIN
    optimizer_state: NDArray[Any] | None = None
    rates: NDArray[np.float64] | None = None
    weights: NDArray[Any] | None = None
    l2: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for array in (self.X, self.Y, self.parameters, self.optimizer_state, self.weights):
            if array is not None:
                array.flags.writeable = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of every array."""
        return self.parameters.dtype

    def state(self, parameters: NDArray[Any] | None = None) -> TrainingState:
        """Return a new state that starts from `parameters`, or from those of the problem."""
        start = self.parameters if parameters is None else parameters
        slots = (
            aligned_zeros(0, self.dtype) if self.optimizer_state is None else self.optimizer_state
        )
        return TrainingState(aligned_copy(start), aligned_copy(slots))


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that starts on a cache line, as the engine's arrays do."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def reference_program(network: Network, loss: Loss, dtype: np.dtype[Any]) -> Program:
    """Return the reference's program, for logits; it trains nothing, so it needs no session."""
    return registry.load(REFERENCE).compile(network, loss, PLAIN, dtype)


@cache
def problem(case: Case) -> Problem:
    """Draw the arrays of a case, the same for the same case.

    Inputs are N(0, 1); targets follow from a linear map of them, so that there is something to
    learn. Biases and scales are not those of a new network: at 0 and 1 they would hide mistakes.
    """
    network, loss, layout = case.network, case.loss, case.network.layout
    values = max(network.outputs, 2) if isinstance(loss, ClassLoss) else network.outputs
    X, Z = _rows(network.inputs, values, case.rows)
    hidden = [math.prod(shape) for shape in network.shapes[1:-1]]
    rng = np.random.default_rng([case.seed, network.inputs, network.outputs, case.rows, *hidden])
    parameters = initialize(network, "lecun_normal", rng, case.dtype)
    products = {slot.name for slot in network.weights}
    for name, view in layout.views(parameters).items():
        if name not in products:
            view += (rng.standard_normal(view.shape) * BIAS_DEVIATION).astype(view.dtype)
    drawn = Problem(
        network,
        loss,
        aligned_copy(X.astype(case.dtype)),
        aligned_copy(_targets(loss, Z, network.outputs, case.dtype)),
        parameters,
        case.learning_rate,
        case.optimizer,
        _slots(case.optimizer, layout, rng, case.dtype),
        **_step_fields(case),
    )
    return EDGES[case.edge](drawn) if case.edge else drawn


def _rows(inputs: int, values: int, rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return rows and a linear map of them; cases of the same sizes share them."""
    rng = np.random.default_rng([inputs, values, rows])
    X = rng.standard_normal((rows, inputs))
    return X, X @ rng.standard_normal((inputs, values)) / np.sqrt(inputs)


def _targets(loss: Loss, Z: NDArray[Any], outputs: int, dtype: str) -> NDArray[Any]:
    """Return targets that the loss takes, (n, outputs)."""
    if isinstance(loss, ClassLoss):
        return loss.targets(Z.argmax(axis=1), outputs, dtype)
    if isinstance(loss, Poisson | MultiLabelCrossEntropy):
        return (Z > 0).astype(dtype)
    return Z.astype(dtype)


def _step_fields(case: Case) -> dict[str, NDArray[Any]]:
    """Return the rates and L2 of an epoch's steps and the rows' weights that the case has."""
    rng = np.random.default_rng(case.rows)
    rates = case.learning_rate * (0.25 + 0.75 * rng.random(case.steps))
    weights = rng.random(case.rows) * 3 + 0.1
    weights = (weights / weights.mean()).astype(case.dtype)
    l2 = 0.01 + 0.1 * rng.random(case.steps)
    found = {RATES: ("rates", rates), WEIGHTS: ("weights", weights), PENALTIES: ("l2", l2)}
    return dict(found[field] for field in case.step_fields)


def _slots(
    optimizer: Optimizer, layout: ParameterLayout, rng: np.random.Generator, dtype: str
) -> NDArray[Any]:
    """Return slots that are not at rest; squares have no sign."""
    slots = aligned_zeros(optimizer.slots * layout.size, dtype)
    for slot in slots.reshape(optimizer.slots, layout.size) if optimizer.slots else ():
        for view in layout.views(slot).values():
            drawn = rng.standard_normal(view.shape) * SLOT_DEVIATION
            view[...] = drawn if isinstance(optimizer, SGD) else np.abs(drawn)
    return slots


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
        assert isinstance(drawn.loss, ClassLoss)
        Y = drawn.loss.targets(labels, logits.shape[1], drawn.dtype)
        return replace(drawn, Y=aligned_copy(Y), parameters=parameters)

    return edge


EDGES: dict[str, Callable[[Problem], Problem]] = {
    "zero input": lambda drawn: replace(drawn, X=np.zeros_like(drawn.X)),
    "ReLU at 0": _relu_at_zero,
    "saturated, right": _saturated(right=True),
    "saturated, wrong": _saturated(right=False),
}
