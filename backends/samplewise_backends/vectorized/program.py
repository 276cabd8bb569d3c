"""Mini-batch training with matrix products.

Differs from the reference: a sum over samples, units or inputs runs in the order of NumPy's
matrix product and pairwise sum, so last bits may differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from samplewise.contract import (
    DECISIONS,
    PENALTIES,
    RATES,
    WEIGHTS,
    Capabilities,
    Program,
    Steps,
    TrainingState,
    Workload,
)
from samplewise.contract.plan import BLOCKED, DIRECT
from samplewise.network import FROZEN, Loss, Network, Optimizer
from samplewise_backends.vectorized import penalties
from samplewise_backends.vectorized.activations import ACTIVATIONS
from samplewise_backends.vectorized.arrays import DType, Matrix, Vector
from samplewise_backends.vectorized.layers import LAYERS
from samplewise_backends.vectorized.losses import LOSSES
from samplewise_backends.vectorized.optimizers import UPDATES
from samplewise_backends.vectorized.passes import Passes
from samplewise_backends.vectorized.plans import choose
from samplewise_backends.vectorized.trainer import Trainer
from samplewise_backends.vectorized.workspace import Workspace

PREDICTED_AT_ONCE = 256
# The logistic function overflows far below 0, to the right result.
_no_overflow = np.errstate(over="ignore")


class VectorizedProgram(Program):
    """A network executed a batch at a time, or a block of batches at a time."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: DType,
        workload: Workload | None,
    ) -> None:
        self._network, self._dtype = network, dtype
        self.plan, kept = choose(network, optimizer, dtype, workload)
        self._passes = Passes(network, loss, dtype)
        self._trainer = Trainer(network, loss, optimizer, dtype, self.plan.block, kept)
        self._space = Workspace(network, 1, dtype)

    def warm_up(self) -> None:
        """Nothing to do: NumPy is compiled already, and buffers follow the first batch size."""

    @_no_overflow
    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Run each batch as matrices: forward, loss, backward, one update."""
        self._trainer.run(state, X, Y, steps, losses)

    def forget(self) -> bool:
        """Drop the buffers, which hold rows and their outputs."""
        self._trainer.forget()
        self._space = Workspace(self._network, 1, self._dtype)
        return True

    @_no_overflow
    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient, all rows in one batch."""
        passes, count = self._passes, len(X)
        self._reserve(count)
        batch = self._space.batch(0, count)
        layers, gradient = passes.layers(parameters), np.zeros_like(parameters)
        gradients = passes.layers(gradient)
        np.copyto(batch.Y, Y)
        passes.first(X, layers, batch)
        passes.forward(layers, batch)
        passes.backward(layers, batch, 1 / count, gradients)
        passes.first_gradients(X, layers, batch, gradients)
        losses = np.empty(count, dtype=self._dtype)
        passes.losses(batch.A[-1], batch.Y, losses, batch.scratch[-1])
        return float(losses.mean(dtype=np.float64)), gradient

    @_no_overflow
    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, some rows at a time so that the buffers stay small."""
        self._reserve(min(len(X), PREDICTED_AT_ONCE))
        layers = self._passes.layers(parameters)
        logits = np.empty((len(X), self._network.outputs), dtype=self._dtype)
        for first in range(0, len(X), PREDICTED_AT_ONCE):
            rows = X[first : first + PREDICTED_AT_ONCE]
            batch = self._space.batch(0, len(rows))
            self._passes.first(rows, layers, batch)
            self._passes.forward(layers, batch)
            logits[first : first + len(rows)] = batch.A[-1]
        return logits

    def predictor(self, parameters: Vector, X: Matrix) -> tuple[Callable[[], None], Matrix]:
        """Return a call on views that are made once, and the last layer's output."""
        passes, layers = self._passes, self._passes.layers(parameters)
        batch = Workspace(self._network, len(X), self._dtype).batch(0, len(X))
        logits, zeros = batch.A[-1], np.zeros_like(X)

        @_no_overflow
        def predict() -> None:
            passes.first(X, layers, batch)
            passes.forward(layers, batch)
            # Zero times NaN or infinity is NaN: a third of the time of np.isfinite(...).all().
            if not math.isfinite(np.vdot(X, zeros)):
                logits.fill(math.nan)

        return predict, logits

    def _reserve(self, rows: int) -> None:
        if rows > self._space.rows:
            self._space = Workspace(self._network, rows, self._dtype)


class VectorizedBackend:
    """Mini-batches as NumPy matrices."""

    name = "vectorized"
    _built_in = Capabilities.of(
        layers=[*LAYERS, FROZEN],
        activations=ACTIVATIONS,
        losses=LOSSES,
        optimizers=[*UPDATES, *penalties.LIMITS, *penalties.PENALTIES],
        plans=[DIRECT, BLOCKED],
        step_fields=[RATES, WEIGHTS, PENALTIES, DECISIONS],
    )

    @property
    def capabilities(self) -> Capabilities:
        """Built-in kinds and options, and those that the user has registered by now."""
        return self._built_in.with_custom()

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: DType,
        workload: Workload | None = None,
    ) -> VectorizedProgram:
        """Return the program with its buffers."""
        return VectorizedProgram(network, loss, optimizer, dtype, workload)
