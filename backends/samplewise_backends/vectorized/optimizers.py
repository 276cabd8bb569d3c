"""Optimizers, in place: a step allocates nothing."""

from __future__ import annotations

import math
from typing import Any, Generic, TypeVar

import numpy as np

from samplewise.network import SGD, Adagrad, Adam, Network, Optimizer, RMSprop, aligned_zeros
from samplewise.network.custom import CustomOptimizer
from samplewise_backends.vectorized.arrays import DType, Vector
from samplewise_backends.vectorized.flush import Flush, flush_interval
from samplewise_backends.vectorized.penalties import PENALTIES, l2

Kind = TypeVar("Kind", bound=Optimizer)


class Update(Generic[Kind]):
    """One step of an optimizer on some tensors of a network, one beside the other.

    Args:
        network: whose flat vectors are updated.
        run: the part of the flat vectors that is updated; all vectors passed are of this part.

    Attributes:
        flush_interval: steps from one flush to the next.
    """

    def __init__(self, optimizer: Kind, network: Network, dtype: DType, run: slice) -> None:
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

    def step(
        self,
        theta: Vector,
        state: Vector,
        g: Vector,
        learning_rate: float,
        t: int,
        step_l2: float = 0.0,
    ) -> None:
        """Update parameters and state by step t, counted from 1.

        `state` is the optimizer's slot (n,), or all of them (slots, n). `g` is the summed gradient
        times `factor`, limited; it is used up. `step_l2` is the penalty of this step alone, beside
        the optimizer's own.
        """
        scratch = self._scratch
        self._shrinks = self._shrinks or step_l2 > 0
        for weights in self._weights:
            parts = theta[weights], g[weights], scratch[weights]
            self._penalise(*parts, learning_rate, step_l2)
        self._update(theta, state, g, learning_rate, t)

    def _penalise(
        self, W: Vector, g: Vector, scratch: Vector, learning_rate: float, step_l2: float
    ) -> None:
        if step_l2:
            l2(W, g, step_l2, learning_rate, scratch)
        for penalty, factor in self._penalties:
            penalty(W, g, factor, learning_rate, scratch)

    def _update(self, theta: Vector, state: Vector, g: Vector, eta: float, t: int) -> None:
        raise NotImplementedError

    def penalty(self, theta: Vector, l2: float) -> float:
        """Return l2/2 |W|^2 of the weights that penalties shrink; squares are summed in float64."""
        total = 0.0
        for weights in self._weights:
            squares = np.multiply(theta[weights], theta[weights], out=self._scratch[weights])
            total += float(np.add.reduce(squares, dtype=np.float64))
        return l2 / 2 * total

    def flush(self, theta: Vector, state: Vector) -> None:
        """Flush the state if it fades, and the weights if penalties shrink them."""
        if self._shrinks:
            self._flush(theta)
        if self._fading() is not None:
            for slot in np.atleast_2d(state):
                self._flush(slot)


class SGDUpdate(Update[SGD]):
    """v <- mu v + g; theta <- theta - eta v, or theta - eta (g + mu v) with Nesterov."""

    def __init__(self, optimizer: SGD, network: Network, dtype: DType, run: slice) -> None:
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

    def _penalise(
        self, W: Vector, g: Vector, scratch: Vector, learning_rate: float, step_l2: float
    ) -> None:
        factor = self._optimizer.l2 + step_l2
        if not self._simple:
            super()._penalise(W, g, scratch, learning_rate, step_l2)
        elif factor:
            g += np.multiply(W, factor * learning_rate, out=scratch)

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


class RateInVelocityUpdate(SGDUpdate):
    """v <- mu v + eta g; theta <- theta - v, or theta - (eta g + mu v) with Nesterov."""

    def _update(self, theta: Vector, state: Vector, g: Vector, eta: float, t: int) -> None:
        momentum = self._optimizer.momentum
        g *= eta
        state *= momentum
        state += g
        if self._optimizer.nesterov:
            g += np.multiply(state, momentum, out=self._scratch)
            theta -= g
        else:
            theta -= state


class AdamUpdate(Update[Adam]):
    """m and v are moving averages of g and g^2, each divided by its bias correction.

    With `epsilon_hat`, the correction of v is in the rate.
    """

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
        correction, rate = math.sqrt(1 - beta2**t), eta / (1 - beta1**t)
        if self._optimizer.epsilon_hat:
            rate *= correction
        else:
            scratch *= 1 / correction
        scratch += self._optimizer.epsilon
        np.divide(m, scratch, out=g)
        g *= rate
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
    "rate_in_velocity": RateInVelocityUpdate,
    "adam": AdamUpdate,
    "epsilon_hat": AdamUpdate,
    "rmsprop": RMSpropUpdate,
    "adagrad": AdagradUpdate,
}


def update_of(optimizer: Optimizer, network: Network, dtype: DType, run: slice) -> Update[Any]:
    """Return the update of an optimizer on a part of the flat vectors."""
    return UPDATES.get(optimizer.variant, CustomUpdate)(optimizer, network, dtype, run)
