"""Update rules, in place: nothing is allocated in a step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD, ParameterLayout, aligned_zeros

Vector = NDArray[Any]

# Below `tiny`, the smallest normal number, arithmetic is slower: by a few per cent on the AMD
# processor that this was measured on, by far more on others. A unit that gets no gradient any more
# shrinks its velocity until it ends there, and stays: the smallest numbers times 0.9 round to
# themselves. What is flushed lies below tiny * 2^(16 + 24): until the next flush it may shrink by
# 2^16, and times a rate down to 2^-24 it is still normal. In float32 that is 1.3e-26, under the
# rounding of every weight above 1e-18.
SHRINKS_BY_BITS = 16
RATE_BITS = 24
MOST_STEPS = 64


def flush_threshold(dtype: np.dtype[Any]) -> float:
    """Return the size below which velocities, and weights under L2, become 0."""
    return float(np.finfo(dtype).tiny) * 2.0 ** (SHRINKS_BY_BITS + RATE_BITS)


def flush_interval(momentum: float) -> int:
    """Return how many steps a velocity needs to shrink by 2^16: 1 to 64.

    A flush passes over the velocity three times; one in 64 steps was measured to cost 1 to 2 %.
    """
    if momentum == 0:
        return MOST_STEPS
    steps = SHRINKS_BY_BITS * math.log(2) / -math.log(momentum)
    return max(1, int(min(steps, MOST_STEPS)))


class Flush:
    """Replaces what is too small to matter by 0.

    Args:
        size: of the longest vector that is flushed.
        dtype: of it.
    """

    def __init__(self, size: int, dtype: np.dtype[Any]) -> None:
        self._threshold = flush_threshold(dtype)
        self._sizes = aligned_zeros(size, dtype)
        self._tiny = aligned_zeros(size, np.dtype(bool))

    def __call__(self, vector: Vector) -> None:
        """Flush a flat vector in place; a NaN stays."""
        sizes, tiny = self._sizes[: vector.size], self._tiny[: vector.size]
        np.abs(vector, out=sizes)
        np.less(sizes, self._threshold, out=tiny)
        np.copyto(vector, 0, where=tiny)


class Update:
    """One step of an `SGD` rule on the tensors of a layout from `start` on.

    Args:
        rule: what is done.
        layout: of the flat vectors.
        dtype: of them.
        start: offset of the first tensor that is updated; all vectors given begin there.
    """

    def __init__(
        self, rule: SGD, layout: ParameterLayout, dtype: np.dtype[Any], start: int = 0
    ) -> None:
        self._rule = rule
        self._weights = [
            slice(slot.offset - start, slot.offset - start + slot.size)
            for slot in layout.slots
            if slot.offset >= start and slot.name.endswith(".weight")
        ]
        kept = layout.size - start if rule.momentum or rule.l2 else 0
        self._scratch = aligned_zeros(kept, dtype)
        self._flush = Flush(kept, dtype)
        self.flush_interval = flush_interval(rule.momentum)

    def factor(self, learning_rate: float, rows: int) -> float:
        """Return what the summed gradient of a batch is multiplied by before a step.

        Without momentum the rate is part of it: the deltas are few, the parameters many.
        """
        return (1.0 if self._rule.momentum else learning_rate) / rows

    def step(self, theta: Vector, v: Vector, g: Vector, learning_rate: float) -> None:
        """Update parameters and velocity by the gradient times `factor`, which is used up."""
        rule, scratch = self._rule, self._scratch
        penalty = rule.l2 if rule.momentum else rule.l2 * learning_rate
        if penalty:
            for weights in self._weights:
                np.multiply(theta[weights], penalty, out=scratch[weights])
                part = g[weights]
                part += scratch[weights]
        if rule.momentum:
            v *= rule.momentum
            v += g
            if rule.nesterov:
                np.multiply(v, rule.momentum, out=scratch)
                g += scratch
                g *= learning_rate
            else:
                np.multiply(v, learning_rate, out=g)
        theta -= g

    def flush(self, theta: Vector, v: Vector) -> None:
        """Flush the velocity, and what L2 shrinks; call it every `flush_interval` steps."""
        if self._rule.momentum:
            self._flush(v)
        if self._rule.l2:
            self._flush(theta)
