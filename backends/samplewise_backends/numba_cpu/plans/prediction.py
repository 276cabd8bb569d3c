"""Prediction: the logits of some rows, into a buffer that stays."""

from __future__ import annotations

from functools import lru_cache

from samplewise.network import Network
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.compile.key import processor
from samplewise_backends.numba_cpu.compile.processors import vector_bytes
from samplewise_backends.numba_cpu.kernels.codes import Kind
from samplewise_backends.numba_cpu.kernels.layers.dense import LOOPS_UP_TO
from samplewise_backends.numba_cpu.kernels.step import forward
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix, Vector
from samplewise_backends.numba_cpu.plans.lowering import Layers, layer_table
from samplewise_backends.numba_cpu.plans.routines import (
    describe_network,
    describe_tiles,
    give_buffers,
)

WIDE_ENOUGH = 32
"""Bytes of vectors, of AVX2 at least, whose tiles are as fast as BLAS or faster."""


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
        if units > 0:
            self.call.set(in_tiles=1)
            describe_tiles(self.call.inner("product"), units)
        values = give_buffers([self.call], size)
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
    return call, size, int(layers["out"][-1]), _units_in_tiles(layers, rows)


def _units_in_tiles(layers: Layers, rows: int) -> int:
    """Return the most units of a dense layer that does not take loops; 0 where BLAS takes these.

    Vectors of 16 bytes are not what tiles are made for.
    """
    dense = layers[(layers["kind"] == Kind.DENSE) & (rows * layers["weights"] > LOOPS_UP_TO)]
    if rows == 1 or vector_bytes(*processor()) < WIDE_ENOUGH:
        return 0
    return int(dense["units"].max(initial=0))
