"""The steps of a window, a block of rows at a time."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState, dropout
from samplewise.network import SGD, Dropout, Loss, Network, Optimizer, aligned_zeros
from samplewise_backends.vectorized.arrays import DType, Matrix, Vector
from samplewise_backends.vectorized.first_layer import BlockedFirstLayer, DirectFirstLayer
from samplewise_backends.vectorized.passes import Passes
from samplewise_backends.vectorized.plans import rows_of_block
from samplewise_backends.vectorized.trained import TrainedParameters
from samplewise_backends.vectorized.workspace import Workspace


class Trainer:
    """Runs steps; plans differ in their first layer.

    Args:
        block: rows whose first-layer products are taken at once; None for one step at a time.
        budget: maximum bytes of Gram matrices to keep.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: DType,
        block: int | None,
        budget: int,
    ) -> None:
        self._network, self._optimizer, self._dtype = network, optimizer, dtype
        self._block, self._budget = block, budget
        self._passes = Passes(network, loss, dtype)
        self.forget()

    def forget(self) -> None:
        """Drop all that was made for the rows and states of a training."""
        self._gradient = self._network.layout.zeros(self._dtype)
        self._space = Workspace(self._network, 0, self._dtype, training=True)
        self._rows = aligned_zeros((0, self._network.inputs), self._dtype)
        self._first_layer: DirectFirstLayer | BlockedFirstLayer = DirectFirstLayer(self._passes)
        self._prepared: tuple[int, bool] | None = None

    def run(self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector) -> None:
        """Run all steps, as `Program.run_epoch` says."""
        self._prepare(steps)
        passes, first_layer, trained = self._passes, self._first_layer, self._trained
        layers, gradients = passes.layers(state.parameters), passes.layers(self._gradient)
        first_layer.begin(state, X, steps, layers, gradients)
        views = trained.views(state, self._gradient)
        size = steps.batch_size
        # A slice of X as it lies: no row need be copied.
        in_order = bool((np.diff(steps.order[steps.start : steps.stop]) == 1).all())
        for first in range(steps.start, steps.stop, self._space.rows):
            count = min(self._space.rows, steps.stop - first)
            rows = steps.order[first : first + count]
            first_layer.open(self._take(X, Y, rows, in_order), first)
            self._drop(steps.dropout_key, first, count)
            weights = None if steps.weights is None else steps.weights[rows][:, np.newaxis]
            for start in range(0, count, size):
                stop = min(start + size, count)
                done = (first + start - steps.start) // size
                rate = steps.rate(done)
                of_batch = None if weights is None else weights[start:stop]
                batch = self._space.batch(start, stop)
                first_layer.forward(batch)
                passes.forward(layers, batch)
                factor = trained.factor(rate, stop - start)
                passes.backward(layers, batch, factor, gradients, of_batch)
                first_layer.backward(batch)
                l2 = steps.step_l2(done)
                if steps.penalties is not None:
                    steps.penalties[done] = trained.penalty(views, l2)
                trained.step(views, rate, state.step + done + 1, l2)
                # Counted from the start of the epoch, so that a cut changes nothing.
                if (first + start) // size % trained.flush_interval == 0:
                    trained.flush(views)
            first_layer.close()
            window = slice(first, first + count)
            if steps.decisions is not None:
                self._write_decisions(steps.decisions[window])
            self._write_losses(losses[window])

    def _drop(self, key: int, first: int, count: int) -> None:
        """Write the dropout masks of the samples at positions first, first + 1, ..."""
        for k, masks in self._space.masks.items():
            layer = self._network.layers[k]
            assert isinstance(layer, Dropout)
            positions = np.arange(first, first + count)
            kept = dropout.kept(key, positions, k, masks.shape[1], layer.rate)
            np.multiply(kept, 1 / (1 - layer.rate), out=masks[:count])

    def _write_decisions(self, decisions: NDArray[np.int64]) -> None:
        """Write the classes of the block just run, before the losses use up its logits."""
        logits = self._space.A[-1][: len(decisions)]
        decided = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
        decisions[...] = decided

    def _write_losses(self, losses: Vector) -> None:
        """Write the losses of the block just run, from the logits that it left."""
        space, count = self._space, len(losses)
        logits, Y, scratch = (part[:count] for part in (space.A[-1], space.Y, space.scratch[-1]))
        self._passes.losses(logits, Y, losses, scratch)

    def _prepare(self, steps: Steps) -> None:
        """Make the buffers for batches of some rows, unless they are there.

        A block of steps has one rate and no L2 of a step: otherwise they are made one after the
        other.
        """
        batch_size, alike = steps.batch_size, steps.rates is None and steps.l2 is None
        blocked = self._block is not None and alike
        block = self._block if blocked else None
        rows = rows_of_block(self._network, self._dtype, block, batch_size)
        rows = min(rows, steps.stop - steps.start)
        if self._prepared == (batch_size, blocked) and rows <= self._space.rows:
            return
        network, optimizer, dtype = self._network, self._optimizer, self._dtype
        self._prepared = batch_size, blocked
        self._space = Workspace(network, rows, dtype, training=True)
        self._rows = aligned_zeros((0, network.inputs), dtype)
        self._first_layer = DirectFirstLayer(self._passes)
        if blocked:
            self._first_layer = BlockedFirstLayer(
                network, cast(SGD, optimizer), self._space, batch_size, self._budget
            )
        self._trained = TrainedParameters(optimizer, network, dtype, self._first_layer.start)

    def _take(self, X: Matrix, Y: Matrix, rows: NDArray[np.int64], in_order: bool) -> Matrix:
        """Copy the targets of some rows, and return the rows: as they lie, or gathered."""
        space, count = self._space, len(rows)
        # With mode="raise" NumPy would copy through a buffer; the engine made the order.
        np.take(Y, rows, axis=0, out=space.Y[:count], mode="clip")
        if in_order:
            return X[rows[0] : rows[0] + count]
        if not len(self._rows):
            self._rows = aligned_zeros((space.rows, self._network.inputs), self._dtype)
        return np.take(X, rows, axis=0, out=self._rows[:count], mode="clip")
