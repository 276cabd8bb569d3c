"""Prediction: the logits of some rows, into a buffer that stays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Network
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.kernels.step import forward
from samplewise_backends.numba_cpu.plans.lowering import layer_table
from samplewise_backends.numba_cpu.plans.routines import describe_network, give_buffers

Vector = NDArray[Any]
Matrix = NDArray[Any]


class Prediction:
    """A call of `forward`, `forward_from` or `forward_of_finite`.

    Args:
        rows: maximum number of rows.
    """

    def __init__(
        self, network: Network, rows: int, dtype: np.dtype[Any], routine: Routine = forward
    ) -> None:
        self.rows, self.call = rows, Call(routine, dtype)
        layers, size = layer_table(network, rows, training=False)
        describe_network(self.call, layers)
        values = give_buffers([self.call], size)
        self.call.set(inputs=network.inputs, forward=forward)
        first, units = layers["out"][-1], layers["units"][-1]
        self._logits = values[first : first + rows * units].reshape(rows, units)
        self.call.settle()

    def prepare(self, parameters: Vector, X: Matrix) -> Matrix:
        """Set the call to some rows; return the view (n, outputs) where it will write their logits.

        Args:
            parameters: (P,), writable, as kernels write to them in training, and this is the same
                record.
            X: (n, inputs), contiguous, n at most `rows`.
        """
        self.call.set(parameters=parameters, size=len(parameters), X=X, rows=len(X))
        return self._logits[: len(X)]
