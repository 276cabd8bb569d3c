"""Update rules, in place: nothing is allocated in a step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import (
    SGD,
    Adagrad,
    Adam,
    Network,
    Optimizer,
    RMSprop,
    aligned_zeros,
)
from samplewise.network.custom import CustomOptimizer

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
    """One step of a rule on the tensors of a network from `start` on.

    Args:
        rule: what is done.
        network: whose flat vectors they are.
        dtype: of them.
        start: offset of the first tensor that is updated; all vectors given begin there.
    """

    def __init__(
        self, rule: Optimizer, network: Network, dtype: np.dtype[Any], start: int = 0
    ) -> None:
        self._common = rule
        self._weights = [
            slice(slot.offset - start, slot.offset - start + slot.size)
            for slot in network.weights
            if slot.offset >= start
        ]
        self._scratch = aligned_zeros(network.layout.size - start, dtype)
        self._flush = Flush(len(self._scratch), dtype)

    # Steps from one flush to the next.
    flush_interval = MOST_STEPS

    def factor(self, learning_rate: float, rows: int) -> float:
        """Return what the summed gradient of a batch is multiplied by before a step."""
        del learning_rate
        return 1 / rows

    def step(self, theta: Vector, state: Vector, g: Vector, learning_rate: float, t: int) -> None:
        """Update parameters and state by the gradient times `factor`, which is used up.

        Args:
            theta: parameters.
            state: the rule's slots, one after the other.
            g: the gradient.
            learning_rate: of this step.
            t: number of this step, from 1.
        """
        rule, scratch = self._common, self._scratch
        if rule.clip_value is not None:
            np.clip(g, -rule.clip_value, rule.clip_value, out=g)
        if rule.clip_norm is not None:
            # Not np.linalg.norm, whose sum of squares may be BLAS's, in another order each time.
            norm = math.sqrt(np.add.reduce(np.multiply(g, g, out=scratch)))
            if norm > rule.clip_norm:
                g *= rule.clip_norm / norm
        for weights in self._weights:
            self._penalise(theta[weights], g[weights], scratch[weights], learning_rate)
        self._move(theta, state, g, learning_rate, t)

    def _penalise(self, W: Vector, g: Vector, scratch: Vector, learning_rate: float) -> None:
        rule = self._common
        if rule.l2:
            g += np.multiply(W, rule.l2, out=scratch)
        if rule.l1:
            np.sign(W, out=scratch)
            scratch *= rule.l1
            g += scratch
        if rule.weight_decay:
            W -= np.multiply(W, learning_rate * rule.weight_decay, out=scratch)

    def _move(self, theta: Vector, state: Vector, g: Vector, learning_rate: float, t: int) -> None:
        raise NotImplementedError

    def flush(self, theta: Vector, state: Vector) -> None:
        """Flush what fades by itself; call it every `flush_interval` steps."""
        del state
        if self._common.l2 or self._common.weight_decay:
            self._flush(theta)


class SGDUpdate(Update):
    """v <- mu v + g; theta <- theta - eta v, or theta - eta (g + mu v) with Nesterov."""

    def __init__(self, rule: SGD, network: Network, dtype: np.dtype[Any], start: int = 0) -> None:
        super().__init__(rule, network, dtype, start)
        self._rule = rule
        self.flush_interval = flush_interval(rule.momentum)
        self._simple = rule.is_linear and not rule.momentum

    def factor(self, learning_rate: float, rows: int) -> float:
        """Return what the summed gradient of a batch is multiplied by before a step.

        Where nothing else needs the gradient, the rate is part of it: the deltas are few, the
        parameters many.
        """
        return (learning_rate if self._simple else 1.0) / rows

    def _penalise(self, W: Vector, g: Vector, scratch: Vector, learning_rate: float) -> None:
        if not self._simple:
            super()._penalise(W, g, scratch, learning_rate)
        elif self._rule.l2:
            g += np.multiply(W, self._rule.l2 * learning_rate, out=scratch)

    def _move(self, theta: Vector, state: Vector, g: Vector, learning_rate: float, t: int) -> None:
        del t
        rule, scratch = self._rule, self._scratch
        if rule.momentum:
            state *= rule.momentum
            state += g
            if rule.nesterov:
                np.multiply(state, rule.momentum, out=scratch)
                g += scratch
                g *= learning_rate
            else:
                np.multiply(state, learning_rate, out=g)
        elif not self._simple:
            g *= learning_rate
        theta -= g

    def flush(self, theta: Vector, state: Vector) -> None:
        """Flush the velocity, and what penalties shrink."""
        super().flush(theta, state)
        if self._rule.momentum:
            self._flush(state)


class AdamUpdate(Update):
    """m and v are moving averages of g and g^2, each divided by what a constant would give."""

    def __init__(self, rule: Adam, network: Network, dtype: np.dtype[Any]) -> None:
        super().__init__(rule, network, dtype)
        self._rule = rule
        self.flush_interval = flush_interval(min(rule.beta1, rule.beta2))

    def _move(self, theta: Vector, state: Vector, g: Vector, learning_rate: float, t: int) -> None:
        rule, scratch = self._rule, self._scratch
        m, v = state.reshape(2, -1)
        m *= rule.beta1
        m += np.multiply(g, 1 - rule.beta1, out=scratch)
        v *= rule.beta2
        g *= g
        g *= 1 - rule.beta2
        v += g
        np.sqrt(v, out=scratch)
        scratch *= 1 / math.sqrt(1 - rule.beta2**t)
        scratch += rule.epsilon
        np.divide(m, scratch, out=g)
        g *= learning_rate / (1 - rule.beta1**t)
        theta -= g

    def flush(self, theta: Vector, state: Vector) -> None:
        """Flush both moments, and what penalties shrink."""
        super().flush(theta, state)
        for moment in state.reshape(2, -1):
            self._flush(moment)


class RMSpropUpdate(Update):
    """v <- rho v + (1 - rho) g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""

    def __init__(self, rule: RMSprop, network: Network, dtype: np.dtype[Any]) -> None:
        super().__init__(rule, network, dtype)
        self._rule = rule
        self.flush_interval = flush_interval(rule.rho)

    def _move(self, theta: Vector, state: Vector, g: Vector, learning_rate: float, t: int) -> None:
        del t
        rule, scratch = self._rule, self._scratch
        state *= rule.rho
        np.multiply(g, g, out=scratch)
        scratch *= 1 - rule.rho
        state += scratch
        _divide_by_root(theta, state, g, learning_rate, rule.epsilon, scratch)

    def flush(self, theta: Vector, state: Vector) -> None:
        """Flush the average, and what penalties shrink."""
        super().flush(theta, state)
        self._flush(state)


class AdagradUpdate(Update):
    """v <- v + g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""

    def __init__(self, rule: Adagrad, network: Network, dtype: np.dtype[Any]) -> None:
        super().__init__(rule, network, dtype)
        self._rule = rule

    def _move(self, theta: Vector, state: Vector, g: Vector, learning_rate: float, t: int) -> None:
        del t
        state += np.multiply(g, g, out=self._scratch)
        _divide_by_root(theta, state, g, learning_rate, self._rule.epsilon, self._scratch)


class OwnUpdate(Update):
    """direction, v <- rule(g, v, t); theta <- theta - eta direction. Such a rule may allocate."""

    def __init__(self, rule: CustomOptimizer, network: Network, dtype: np.dtype[Any]) -> None:
        super().__init__(rule, network, dtype)
        self._rule = rule

    def _move(self, theta: Vector, state: Vector, g: Vector, learning_rate: float, t: int) -> None:
        slots = state.reshape(self._rule.slots, len(theta) if self._rule.slots else 0)
        direction, slots[:] = self._rule.direction(g, slots, t)
        theta -= np.multiply(direction, learning_rate, out=g)


def _divide_by_root(
    theta: Vector, v: Vector, g: Vector, learning_rate: float, epsilon: float, scratch: Vector
) -> None:
    """theta <- theta - eta g / (sqrt(v) + epsilon); g is used up."""
    np.sqrt(v, out=scratch)
    scratch += epsilon
    g /= scratch
    g *= learning_rate
    theta -= g


FEATURES = frozenset(
    {
        *("sgd", "adam", "rmsprop", "adagrad"),
        *("momentum", "nesterov", "l1", "l2", "weight_decay", "clip_value", "clip_norm"),
    }
)


def update_of(rule: Optimizer, network: Network, dtype: np.dtype[Any], start: int) -> Update:
    """Return what makes the steps of a rule; only SGD's may start behind the first tensor."""
    match rule:
        case SGD():
            return SGDUpdate(rule, network, dtype, start)
        case Adam():
            return AdamUpdate(rule, network, dtype)
        case RMSprop():
            return RMSpropUpdate(rule, network, dtype)
        case Adagrad():
            return AdagradUpdate(rule, network, dtype)
        case CustomOptimizer():
            return OwnUpdate(rule, network, dtype)
    raise NotImplementedError(rule.name)
