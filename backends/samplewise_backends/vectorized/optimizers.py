"""Optimizers, in place: a step allocates nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

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
from samplewise_backends.vectorized.flush import Flush, flush_interval

Vector = NDArray[Any]
Kind = TypeVar("Kind", bound=Optimizer)


def clip_value(g: Vector, largest: float, scratch: Vector) -> None:
    """Limit each entry of the gradient to [-largest, largest]."""
    np.clip(g, -largest, largest, out=g)


def clip_norm(g: Vector, largest: float, scratch: Vector) -> None:
    """Limit the length of the gradient."""
    # Not np.linalg.norm, whose sum of squares may be BLAS's, in another order each time.
    norm = math.sqrt(np.add.reduce(np.multiply(g, g, out=scratch)))
    if norm > largest:
        g *= largest / norm


Limit = Callable[[Vector, float, Vector], None]
# In this order.
LIMITS: dict[str, Limit] = {
    "clip_value": clip_value,
    "clip_norm": clip_norm,
}


def l2(W: Vector, g: Vector, factor: float, learning_rate: float, scratch: Vector) -> None:
    """Add the gradient of factor / 2 |W|^2."""
    g += np.multiply(W, factor, out=scratch)


def l1(W: Vector, g: Vector, factor: float, learning_rate: float, scratch: Vector) -> None:
    """Add the gradient of factor sum |W|."""
    np.sign(W, out=scratch)
    scratch *= factor
    g += scratch


def weight_decay(
    W: Vector, g: Vector, factor: float, learning_rate: float, scratch: Vector
) -> None:
    """Shrink the weights themselves."""
    W -= np.multiply(W, learning_rate * factor, out=scratch)


PENALTIES: dict[str, Callable[[Vector, Vector, float, float, Vector], None]] = {
    "l2": l2,
    "l1": l1,
    "weight_decay": weight_decay,
}


class Update(Generic[Kind]):
    """One step of an optimizer on some tensors of a network, one beside the other.

    Args:
        optimizer: with its hyperparameters.
        network: whose flat vectors are updated.
        dtype: of the vectors.
        run: the part of the flat vectors that is updated; all vectors passed are of this part.

    Attributes:
        flush_interval: steps from one flush to the next.
    """

    def __init__(self, optimizer: Kind, network: Network, dtype: np.dtype[Any], run: slice) -> None:
        self._optimizer, on = optimizer, set(optimizer.features)
        self._penalties = [
            (PENALTIES[name], getattr(optimizer, name)) for name in PENALTIES if name in on
        ]
        self._shrinks = bool(on & {"l2", "weight_decay"})
        self._weights = [
            slice(slot.offset - run.start, slot.offset - run.start + slot.size)
            for slot in network.weights
            if run.start <= slot.offset < run.stop
        ]
        self._scratch = aligned_zeros(run.stop - run.start, dtype)
        self._flush = Flush(len(self._scratch), dtype)
        self.flush_interval = flush_interval(self._fading() or 0.0)

    def _fading(self) -> float | None:
        """Return the smallest factor a step by which state shrinks without gradient, or None."""
        return None

    def factor(self, learning_rate: float, rows: int) -> float:
        """Return the factor of a batch's summed gradient that `step` expects."""
        return 1 / rows

    def step(self, theta: Vector, state: Vector, g: Vector, learning_rate: float, t: int) -> None:
        """Update parameters and state.

        Args:
            theta: parameters.
            state: the optimizer's slot (n,), or all of them (slots, n).
            g: the summed gradient times `factor`, limited; used up.
            learning_rate: of this step.
            t: number of this step, from 1.
        """
        scratch = self._scratch
        for weights in self._weights:
            self._penalise(theta[weights], g[weights], scratch[weights], learning_rate)
        self._update(theta, state, g, learning_rate, t)

    def _penalise(self, W: Vector, g: Vector, scratch: Vector, learning_rate: float) -> None:
        for penalty, factor in self._penalties:
            penalty(W, g, factor, learning_rate, scratch)

    def _update(self, theta: Vector, state: Vector, g: Vector, eta: float, t: int) -> None:
        raise NotImplementedError

    def flush(self, theta: Vector, state: Vector) -> None:
        """Flush the state if it fades, and the weights if penalties shrink them."""
        if self._shrinks:
            self._flush(theta)
        if self._fading() is not None:
            for slot in np.atleast_2d(state):
                self._flush(slot)


class SGDUpdate(Update[SGD]):
    """v <- mu v + g; theta <- theta - eta v, or theta - eta (g + mu v) with Nesterov."""

    def __init__(self, optimizer: SGD, network: Network, dtype: np.dtype[Any], run: slice) -> None:
        super().__init__(optimizer, network, dtype, run)
        # Nothing but the update needs the gradient.
        self._simple = optimizer.is_linear and not optimizer.momentum

    def _fading(self) -> float | None:
        return self._optimizer.momentum or None

    def factor(self, learning_rate: float, rows: int) -> float:
        """Return the factor of a batch's summed gradient that `step` expects.

        Where nothing else needs the gradient, the rate is part of it: the entries of dZ are few,
        the parameters many.
        """
        return (learning_rate if self._simple else 1.0) / rows

    def _penalise(self, W: Vector, g: Vector, scratch: Vector, learning_rate: float) -> None:
        if not self._simple:
            super()._penalise(W, g, scratch, learning_rate)
        elif self._optimizer.l2:
            g += np.multiply(W, self._optimizer.l2 * learning_rate, out=scratch)

    def _update(self, theta: Vector, state: Vector, g: Vector, eta: float, t: int) -> None:
        momentum = self._optimizer.momentum
        if momentum:
            state *= momentum
            state += g
            if self._optimizer.nesterov:
                g += np.multiply(state, momentum, out=self._scratch)
                g *= eta
            else:
                np.multiply(state, eta, out=g)
        elif not self._simple:
            g *= eta
        theta -= g


class AdamUpdate(Update[Adam]):
    """m and v are moving averages of g and g^2, each divided by its bias correction."""

    def _fading(self) -> float:
        return min(self._optimizer.beta1, self._optimizer.beta2)

    def _update(self, theta: Vector, state: Vector, g: Vector, eta: float, t: int) -> None:
        beta1, beta2, scratch = self._optimizer.beta1, self._optimizer.beta2, self._scratch
        m, v = state
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=scratch)
        v *= beta2
        g *= g
        g *= 1 - beta2
        v += g
        np.sqrt(v, out=scratch)
        scratch *= 1 / math.sqrt(1 - beta2**t)
        scratch += self._optimizer.epsilon
        np.divide(m, scratch, out=g)
        g *= eta / (1 - beta1**t)
        theta -= g


class RMSpropUpdate(Update[RMSprop]):
    """v <- rho v + (1 - rho) g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""

    def _fading(self) -> float:
        return self._optimizer.rho

    def _update(self, theta: Vector, state: Vector, g: Vector, eta: float, t: int) -> None:
        state *= self._optimizer.rho
        np.multiply(g, g, out=self._scratch)
        self._scratch *= 1 - self._optimizer.rho
        state += self._scratch
        _divide_by_root(theta, state, g, eta, self._optimizer.epsilon, self._scratch)


class AdagradUpdate(Update[Adagrad]):
    """v <- v + g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""

    def _update(self, theta: Vector, state: Vector, g: Vector, eta: float, t: int) -> None:
        state += np.multiply(g, g, out=self._scratch)
        _divide_by_root(theta, state, g, eta, self._optimizer.epsilon, self._scratch)


class CustomUpdate(Update[CustomOptimizer]):
    """direction, v <- optimizer(g, v, t); theta <- theta - eta direction. It may allocate."""

    def _update(self, theta: Vector, state: Vector, g: Vector, eta: float, t: int) -> None:
        slots = state.reshape(self._optimizer.slots, -1 if self._optimizer.slots else 0)
        direction, slots[:] = self._optimizer.direction(g, slots, t)
        theta -= np.multiply(direction, eta, out=g)


def _divide_by_root(
    theta: Vector, v: Vector, g: Vector, learning_rate: float, epsilon: float, scratch: Vector
) -> None:
    """theta <- theta - eta g / (sqrt(v) + epsilon); g is used up."""
    np.sqrt(v, out=scratch)
    scratch += epsilon
    g /= scratch
    g *= learning_rate
    theta -= g


# variant -> the update of an optimizer, on a part of the flat vectors.
UPDATES: dict[str, type[Update[Any]]] = {
    "sgd": SGDUpdate,
    "momentum": SGDUpdate,
    "nesterov": SGDUpdate,
    "adam": AdamUpdate,
    "rmsprop": RMSpropUpdate,
    "adagrad": AdagradUpdate,
}


def update_of(
    optimizer: Optimizer, network: Network, dtype: np.dtype[Any], run: slice
) -> Update[Any]:
    """Return the update of an optimizer on a part of the flat vectors."""
    return UPDATES.get(optimizer.variant, CustomUpdate)(optimizer, network, dtype, run)


def limits_of(optimizer: Optimizer) -> list[tuple[Limit, float]]:
    """Return the limits of the gradient that are on, in order, each with the largest value."""
    on = [name for name in LIMITS if name in optimizer.features]
    return [(LIMITS[name], getattr(optimizer, name)) for name in on]
