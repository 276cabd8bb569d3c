"""The forward pass of a few rows that nobody has checked."""

import math

from samplewise_backends.numba_cpu.compile.jit import reordered_kernel, routine
from samplewise_backends.numba_cpu.compile.views import call, part, record_at, vector_at
from samplewise_backends.numba_cpu.kernels.records import LAYER, NETWORK


@reordered_kernel
def _is_finite(values):
    """Return True if no value is NaN or infinite: 0 times one of these is NaN."""
    zero = values.dtype.type(0)
    total = zero
    for i in range(values.shape[0]):
        total += zero * values[i]
    return total == zero


@routine(NETWORK)
def forward_of_finite(net):
    """As `forward`, with all logits NaN where X is not finite."""
    call(net.forward, net)
    if not _is_finite(vector_at(net.X, net.rows * net.inputs, net.tiny)):
        last = record_at(net.layers, net.depth - 1, LAYER, net.tiny)
        A = vector_at(net.A, net.buffered, net.tiny)
        logits = part(A, last.out, net.rows * last.units)
        for i in range(logits.shape[0]):
            logits[i] = math.nan
