"""Prediction: the logits of some rows, into a buffer that stays."""

from __future__ import annotations

from functools import lru_cache

from samplewise.network import Network
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.kernels.step import forward
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix, Vector
from samplewise_backends.numba_cpu.plans.lowering import layer_table
from samplewise_backends.numba_cpu.plans.routines import (
    describe_network,
    give_buffers,
    take_tiles,
    units_in_tiles,
)


class Prediction:
    """A call of `forward`, `forward_from` or `forward_of_finite`.

    Args:
        rows: maximum number of rows.
    """

    def __init__(
        self, network: Network, rows: int, dtype: DType, routine: Routine = forward
    ) -> None:
        like, size, first, units = _described(network, rows, dtype, routine)
        self.rows, self.call = rows, like.repeated(1)
        take_tiles(self.call, units)
        values = give_buffers(self.call, size)
        count = rows * network.outputs
        self._logits = values[first : first + count].reshape(rows, network.outputs)
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


# Models of a search are many, and of few networks: to describe one takes longer than to predict.
@lru_cache(64)
def _described(
    network: Network, rows: int, dtype: DType, routine: Routine
) -> tuple[Call, int, int, int]:
    """Return a call without buffers, the length that these need, and the place of the logits.

    And the most units of a product in tiles; 0 where there is none.
    """
    call = Call(routine, dtype)
    layers, size = layer_table(network, rows, training=False)
    describe_network(call, layers)
    call.set(inputs=network.inputs, forward=forward)
    call.settle()
    return call, size, int(layers["out"][-1]), units_in_tiles(layers, rows)
