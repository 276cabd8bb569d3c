"""Dropout of one sample: forward beside backward."""

from __future__ import annotations

import numpy as np

from samplewise.contract.dropout import FIRST, GOLDEN, SECOND
from samplewise_backends.numba_cpu.compile.jit import kernel
from samplewise_backends.numba_cpu.compile.views import real
from samplewise_backends.numba_cpu.kernels.tables import INDEX, KEY, POSITION, REAL, THRESHOLD

_BY_30, _BY_31, _BY_27, _BY_32 = (np.uint64(places) for places in (30, 31, 27, 32))


@kernel
def _mixed(word):
    word = (word ^ (word >> _BY_30)) * FIRST
    word = (word ^ (word >> _BY_27)) * SECOND
    return word ^ (word >> _BY_31)


@kernel
def dropout_forward(layer, clock, r, x, z, factors):
    """Write what is kept of x, as `contract.dropout` decides, and by which factors."""
    position = np.uint64(clock[POSITION] + r + 1)
    start = _mixed(np.uint64(clock[KEY]) + GOLDEN * position)
    start = _mixed(start + np.uint64(layer[INDEX]))
    threshold, scale = np.uint64(layer[THRESHOLD]), x.dtype.type(real(layer[REAL]))
    zero = x.dtype.type(0)
    for j in range(x.shape[0]):
        word = _mixed(start + GOLDEN * np.uint64(j + 1))
        factor = scale if (word >> _BY_32) >= threshold else zero
        factors[j] = factor
        z[j] = factor * x[j]


@kernel
def dropout_backward(factors, delta, below):
    """Write what is left of the deltas."""
    for j in range(delta.shape[0]):
        below[j] = factors[j] * delta[j]
