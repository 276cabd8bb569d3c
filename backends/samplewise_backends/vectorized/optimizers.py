"""The updates of optimizers, in place: they allocate nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from samplewise.network import SGD, Adagrad, Adam, Optimizer, RMSprop
from samplewise.network.custom import CustomOptimizer
from samplewise_backends.vectorized.arrays import Vector


def fading(optimizer: Optimizer) -> float | None:
    """Return the smallest factor a step by which state shrinks without gradient, or None."""
    match optimizer:
        case SGD():
            return optimizer.momentum or None
        case Adam():
            return min(optimizer.beta1, optimizer.beta2)
        case RMSprop():
            return optimizer.rho
    return None


def sgd(
    theta: Vector, v: Vector, g: Vector, eta: float, t: int, optimizer: SGD, scratch: Vector
) -> None:
    """theta <- theta - eta g."""
    g *= eta
    theta -= g


def momentum(
    theta: Vector, v: Vector, g: Vector, eta: float, t: int, optimizer: SGD, scratch: Vector
) -> None:
    """v <- mu v + g; theta <- theta - eta v, or theta - eta (g + mu v) with Nesterov."""
    v *= optimizer.momentum
    v += g
    if optimizer.nesterov:
        g += np.multiply(v, optimizer.momentum, out=scratch)
        g *= eta
    else:
        np.multiply(v, eta, out=g)
    theta -= g


def rate_in_velocity(
    theta: Vector, v: Vector, g: Vector, eta: float, t: int, optimizer: SGD, scratch: Vector
) -> None:
    """v <- mu v + eta g; theta <- theta - v, or theta - (eta g + mu v) with Nesterov."""
    g *= eta
    v *= optimizer.momentum
    v += g
    if optimizer.nesterov:
        g += np.multiply(v, optimizer.momentum, out=scratch)
        theta -= g
    else:
        theta -= v


def adam(
    theta: Vector, state: Vector, g: Vector, eta: float, t: int, optimizer: Adam, scratch: Vector
) -> None:
    """m and v are moving averages of g and g^2, each divided by its bias correction.

    With `epsilon_hat`, the correction of v is in the rate.
    """
    beta1, beta2, (m, v) = optimizer.beta1, optimizer.beta2, state
    m *= beta1
    m += np.multiply(g, 1 - beta1, out=scratch)
    v *= beta2
    g *= g
    g *= 1 - beta2
    v += g
    np.sqrt(v, out=scratch)
    correction, rate = math.sqrt(1 - beta2**t), eta / (1 - beta1**t)
    if optimizer.epsilon_hat:
        rate *= correction
    else:
        scratch *= 1 / correction
    scratch += optimizer.epsilon
    np.divide(m, scratch, out=g)
    g *= rate
    theta -= g


def rmsprop(
    theta: Vector, v: Vector, g: Vector, eta: float, t: int, optimizer: RMSprop, scratch: Vector
) -> None:
    """v <- rho v + (1 - rho) g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    v *= optimizer.rho
    np.multiply(g, g, out=scratch)
    scratch *= 1 - optimizer.rho
    v += scratch
    _divide_by_root(theta, v, g, eta, optimizer.epsilon, scratch)


def adagrad(
    theta: Vector, v: Vector, g: Vector, eta: float, t: int, optimizer: Adagrad, scratch: Vector
) -> None:
    """v <- v + g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    v += np.multiply(g, g, out=scratch)
    _divide_by_root(theta, v, g, eta, optimizer.epsilon, scratch)


def _divide_by_root(
    theta: Vector, v: Vector, g: Vector, eta: float, epsilon: float, scratch: Vector
) -> None:
    """theta <- theta - eta g / (sqrt(v) + epsilon)."""
    np.sqrt(v, out=scratch)
    scratch += epsilon
    g /= scratch
    g *= eta
    theta -= g


def custom_update(
    theta: Vector,
    state: Vector,
    g: Vector,
    eta: float,
    t: int,
    optimizer: CustomOptimizer,
    scratch: Vector,
) -> None:
    """direction, v <- optimizer(g, v, t); theta <- theta - eta direction. It may allocate."""
    slots = state.reshape(optimizer.slots, -1 if optimizer.slots else 0)
    direction, slots[:] = optimizer.direction(g, slots, t)
    theta -= np.multiply(direction, eta, out=g)


# variant -> the update of a part of the flat vectors. The state is the optimizer's slot (n,), or
# all of them (slots, n); g is the gradient, and used up.
UPDATES: dict[str, Callable[[Vector, Vector, Vector, float, int, Any, Vector], None]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": momentum,
    "rate_in_velocity": rate_in_velocity,
    "adam": adam,
    "epsilon_hat": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}
