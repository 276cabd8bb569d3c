"""The first layer, one step after the other or a block of steps with three matrix products.

Its input does not depend on the weights, so the effect of a block's steps on Z follows from inner
products of the rows:

    z_t = (M^t)_00 W x_t + (M^t)_01 V x_t + sum over batches s < t of (M^(t-1-s) b)_0 g_s x_s^T x_t

with W and V from before the block, and the coefficients of `exact.recurrence`. All W x_t are one
product, all x_s^T x_t another, and at the end of the block the weights take all g_s x_s^T with a
third. In between a step works on vectors of the layer's units, whatever the number of inputs.

Differs from the reference: the same sums in another order.
"""

from __future__ import annotations

import numpy as np

from samplewise.contract import Steps, TrainingState
from samplewise.network import SGD, Network, aligned_zeros
from samplewise_backends.vectorized.arrays import Matrix
from samplewise_backends.vectorized.coefficients import BlockCoefficients
from samplewise_backends.vectorized.flush import Flush
from samplewise_backends.vectorized.gram import Gram
from samplewise_backends.vectorized.layers import dense
from samplewise_backends.vectorized.passes import Layers, Passes
from samplewise_backends.vectorized.plans import products_of_block
from samplewise_backends.vectorized.workspace import Batch, Workspace


class DirectFirstLayer:
    """Computes each batch with the weights, and leaves their update to the step."""

    # Offset of the first parameter that the step updates.
    start = 0

    def __init__(self, passes: Passes) -> None:
        self._passes = passes

    def begin(
        self, state: TrainingState, X: Matrix, steps: Steps, layers: Layers, gradient: Layers
    ) -> None:
        """Take the views for a call."""
        self._layers, self._gradient = layers, gradient

    def open(self, X: Matrix, first: int) -> None:
        """Take the rows of a block."""
        self._X = X

    def forward(self, batch: Batch) -> None:
        """Write Z."""
        self._passes.first(self._X[batch.start : batch.stop], self._layers, batch)

    def backward(self, batch: Batch) -> None:
        """Write the gradient."""
        rows = self._X[batch.start : batch.stop]
        self._passes.first_gradients(rows, self._layers, batch, self._gradient)

    def close(self) -> None:
        """Nothing is left to do at the end of a block."""


class BlockedFirstLayer:
    """Takes the first layer's products for whole blocks.

    Args:
        workspace: holds a block.
        budget: maximum bytes of Gram matrices to keep.
    """

    def __init__(
        self, network: Network, optimizer: SGD, workspace: Workspace, batch_size: int, budget: int
    ) -> None:
        rows, dtype = workspace.rows, workspace.A[0].dtype
        weight, bias = network.layout.slots[:2]
        # The step updates all but the first weights.
        self.start = bias.offset
        self._shape, self._optimizer, self._batch_size = weight.shape, optimizer, batch_size
        self._space = workspace
        products = products_of_block(rows, batch_size)
        self._gram = Gram(products, dtype, budget)
        self._coefficients = BlockCoefficients(optimizer, rows, batch_size, dtype)
        self._influence = aligned_zeros(products, dtype)
        self._scaled = aligned_zeros((rows, weight.shape[0]), dtype)
        spare = weight.size if optimizer.momentum else 0
        self._spare = aligned_zeros(spare, dtype)
        self._flush = Flush(weight.size if optimizer.momentum or optimizer.l2 else 0, dtype)

    def begin(
        self, state: TrainingState, X: Matrix, steps: Steps, layers: Layers, gradient: Layers
    ) -> None:
        """Take the layer's views for a call, and the coefficients of its rate."""
        self._W, self._b = layers[0]
        # The buffer of the gradient that no step of a block needs.
        self._product, self._db = gradient[0]
        size = self._W.size
        self._V = (
            state.optimizer_state[:size].reshape(self._shape) if self._optimizer.momentum else None
        )
        self._gram.begin(X, steps.order)
        self._coefficients.at(steps.learning_rate)

    def open(self, X: Matrix, first: int) -> None:
        """Write Z of a block as if no step were made in it, and the factors of each step."""
        n, c = len(X), self._coefficients
        self._X = X
        Z = self._space.A[0][:n]
        np.dot(X, self._W.T, out=Z)
        if c.shrinks:
            Z *= c.of_weights[:n]
        if self._V is not None:
            ZV = self._scaled[:n]
            np.dot(X, self._V.T, out=ZV)
            ZV *= c.of_velocity[:n]
            Z += ZV
        if n > self._batch_size:
            self._influences = self._influence[: n * n].reshape(n, n)
            np.multiply(self._gram.of(X, first), c.between[:n, :n], out=self._influences)

    def forward(self, batch: Batch) -> None:
        """Add the effect of the block's earlier steps to Z."""
        Z, start = batch.A[0], batch.start
        if start:
            before = self._influences[start : batch.stop, :start]
            np.dot(before, self._space.dZ[0][:start], out=batch.scratch[0])
            Z += batch.scratch[0]
        Z += self._b

    def backward(self, batch: Batch) -> None:
        """Write the bias's gradient; dZ stays in place until the block ends."""
        dense.bias_gradient(batch.dZ[0], self._db)

    def close(self) -> None:
        """Take the steps of the block in weights and velocity."""
        n, W, V = len(self._X), self._W, self._V
        end = self._coefficients.end(n)
        if V is not None:
            # Both from their old values: the velocity's share waits in a buffer.
            share = self._spare.reshape(self._shape)
            np.multiply(V, end.powers[0, 1], out=share)
            V *= end.powers[1, 1]
            if end.powers[1, 0]:
                np.multiply(W, end.powers[1, 0], out=self._product)
                V += self._product
        if self._coefficients.shrinks:
            W *= end.powers[0, 0]
        if V is not None:
            W += share
            self._add(V, end.responses[1])
            self._flush(V.reshape(-1))
        self._add(W, end.responses[0])
        if self._optimizer.l2:
            self._flush(W.reshape(-1))

    def _add(self, tensor: Matrix, response: Matrix) -> None:
        """tensor <- tensor + (response * dZ)^T X."""
        n = len(self._X)
        scaled = self._scaled[:n]
        np.multiply(self._space.dZ[0][:n], response, out=scaled)
        dense.weight_gradient(self._X, scaled, self._product)
        tensor += self._product
