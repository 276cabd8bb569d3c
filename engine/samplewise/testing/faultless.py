"""The reference, opened up so that one thing at a time can be done wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Capabilities, Program, Steps, TrainingState, Workload
from samplewise.network import Loss, Network, Optimizer
from samplewise.testing.problems import REFERENCE

Array = NDArray[Any]


class Faultless(Program):
    """Trains by the reference's gradients of single rows; each fault overrides one method.

    Args:
        inner: the reference's program of `network`.
        network: what is trained.
    """

    def __init__(self, inner: Program, network: Network) -> None:
        self.inner, self.network = inner, network

    def warm_up(self) -> None:
        """Do nothing."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        """Run the batches of the window."""
        for first in range(steps.start, steps.stop, steps.batch_size):
            last = min(first + steps.batch_size, steps.stop)
            rows = steps.order[first:last]
            self.step(state.parameters, X[rows], Y[rows], steps, losses[first:last])

    def step(self, parameters: Array, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        """Make one step on the rows of a batch."""
        total = np.zeros_like(parameters)
        for i in range(len(X)):
            losses[i], gradient = self.gradients(parameters, X[i : i + 1], Y[i : i + 1])
            total += gradient
        parameters -= steps.learning_rate / self.divisor(len(X), steps) * total

    def divisor(self, rows: int, steps: Steps) -> int:
        """Return what the summed gradient is divided by."""
        del steps
        return rows

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        """Return the reference's gradient."""
        return self.inner.gradients(parameters, X, Y)

    def predict(self, parameters: Array, X: Array) -> Array:
        """Return the reference's logits."""
        return self.inner.predict(parameters, X)

    def with_biases_times(self, factor: float, vector: Array) -> Array:
        """Return a copy of a flat vector with its biases multiplied."""
        copy = vector.copy()
        for name, view in self.network.layout.views(copy).items():
            if name.endswith(".bias"):
                view *= factor
        return copy


@dataclass(frozen=True)
class WrongBackend:
    """The reference with a fault."""

    name: str
    program: type[Faultless]

    @property
    def capabilities(self) -> Capabilities:
        """Those of the reference."""
        return registry.load(REFERENCE).capabilities

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None = None,
    ) -> Faultless:
        """Return the program with the fault."""
        inner = registry.load(REFERENCE).compile(network, loss, optimizer, dtype, workload)
        return self.program(inner, network)
