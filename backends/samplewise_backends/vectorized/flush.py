"""Numbers that are too small to matter become 0, before they are slow."""

from __future__ import annotations

import math

import numpy as np

from samplewise.network import aligned_zeros
from samplewise_backends.vectorized.arrays import DType, Vector

# Arithmetic below `tiny`, the smallest normal number, is slower: by a few per cent on the AMD
# processor that this was measured on, by far more on others. The velocity of a unit without
# gradient shrinks until it is there, and stays: the smallest numbers times 0.9 round to themselves.
# Numbers below tiny * 2^(16 + 24) are flushed: until the next flush they may shrink by 2^16, and
# times a rate down to 2^-24 they are still normal. In float32 that is 1.3e-26, below the rounding
# of every weight above 1e-18.
SHRINKS_BY_BITS = 16
RATE_BITS = 24
MOST_STEPS = 64


def flush_threshold(dtype: DType) -> float:
    """Return the size below which velocities, and weights under L2, become 0."""
    return float(np.finfo(dtype).tiny) * 2.0 ** (SHRINKS_BY_BITS + RATE_BITS)


def flush_interval(factor: float) -> int:
    """Return the steps in which a vector shrinks by 2^16, at `factor` a step: 1 to 64.

    A flush passes over the vector three times; one in 64 steps was measured to cost 1 to 2 %.
    """
    if factor == 0:
        return MOST_STEPS
    steps = SHRINKS_BY_BITS * math.log(2) / -math.log(factor)
    return max(1, int(min(steps, MOST_STEPS)))


class Flush:
    """Replaces numbers that are too small to matter by 0."""

    def __init__(self, size: int, dtype: DType) -> None:
        self._threshold = flush_threshold(dtype)
        self._sizes = aligned_zeros(size, dtype)
        self._tiny = aligned_zeros(size, np.dtype(bool))

    def __call__(self, vector: Vector) -> None:
        """Flush a flat vector in place; a NaN stays."""
        sizes, tiny = self._sizes[: vector.size], self._tiny[: vector.size]
        np.abs(vector, out=sizes)
        np.less(sizes, self._threshold, out=tiny)
        np.copyto(vector, 0, where=tiny)
