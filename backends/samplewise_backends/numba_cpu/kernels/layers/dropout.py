"""Dropout of one sample: forward beside backward."""

import numpy as np

from samplewise.contract.dropout import FIRST, GOLDEN, SECOND
from samplewise_backends.numba_cpu.compile.jit import kernel

_BY_30, _BY_31, _BY_27, _BY_32 = (np.uint64(places) for places in (30, 31, 27, 32))


@kernel
def _mixed(word):
    word = (word ^ (word >> _BY_30)) * FIRST
    word = (word ^ (word >> _BY_27)) * SECOND
    return word ^ (word >> _BY_31)


@kernel
def dropout_forward(layer, key, position, x, z, mask):
    """Write x times its mask, and the mask: 0 or 1 / (1 - rate), as `contract.dropout` decides."""
    start = _mixed(np.uint64(key) + GOLDEN * np.uint64(position + 1))
    start = _mixed(start + np.uint64(layer.index))
    threshold, scale = np.uint64(layer.threshold), x.dtype.type(layer.scale)
    zero = x.dtype.type(0)
    for j in range(layer.units):
        word = _mixed(start + GOLDEN * np.uint64(j + 1))
        factor = scale if (word >> _BY_32) >= threshold else zero
        mask[j] = factor
        z[j] = factor * x[j]


@kernel
def dropout_backward(layer, mask, dz, dX):
    """Write dX = mask dz."""
    for j in range(layer.units):
        dX[j] = mask[j] * dz[j]
