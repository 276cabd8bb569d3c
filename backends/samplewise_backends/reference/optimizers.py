"""Optimizers: one step along the mean gradient of a batch, in place.

v is the state, a flat vector for each of the optimizer's slots; t counts steps from 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD, Adagrad, Adam, Optimizer, RMSprop
from samplewise.network.custom import CustomOptimizer

Vector = NDArray[Any]
Matrix = NDArray[Any]
F = TypeVar("F")
Clip = Callable[[Vector, float], None]


def clip_value(g: Vector, largest: float) -> None:
    """Limit each entry of the gradient to [-largest, largest]."""
    np.clip(g, -largest, largest, out=g)


def clip_norm(g: Vector, largest: float) -> None:
    """Limit the length of the gradient, also where squares overflow."""
    norm, scale = np.sqrt((g * g).sum()), 1
    if np.isinf(norm):
        scale = np.abs(g).max()
        g /= scale
        norm = np.sqrt((g * g).sum())
    if norm > largest / scale:
        g *= largest / norm
    elif scale != 1:
        g *= scale


# In this order.
LIMITS: dict[str, Clip] = {"clip_value": clip_value, "clip_norm": clip_norm}
# The gradients of l2/2 |W|^2 and l1 sum |W|.
PENALTIES: dict[str, Callable[[Matrix, float], Matrix]] = {
    "l2": lambda W, l2: l2 * W,
    "l1": lambda W, l1: l1 * np.sign(W),
}


def in_use(table: dict[str, F], optimizer: Optimizer) -> list[tuple[F, float]]:
    """Return the functions of the options that are on, each with the value of its option."""
    chosen = (name for name in table if name in optimizer.features)
    return [(table[name], getattr(optimizer, name)) for name in chosen]


def sgd(theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: SGD) -> None:
    """theta <- theta - eta g."""
    theta -= eta * g


def momentum(theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: SGD) -> None:
    """v <- mu v + g; theta <- theta - eta v."""
    (v,) = state
    v[:] = optimizer.momentum * v + g
    theta -= eta * v


def nesterov(theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: SGD) -> None:
    """v <- mu v + g; theta <- theta - eta (g + mu v)."""
    (v,) = state
    v[:] = optimizer.momentum * v + g
    theta -= eta * (g + optimizer.momentum * v)


def rate_in_velocity(
    theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: SGD
) -> None:
    """v <- mu v + eta g; theta <- theta - v, or theta - (eta g + mu v) with Nesterov."""
    (v,) = state
    v[:] = optimizer.momentum * v + eta * g
    theta -= eta * g + optimizer.momentum * v if optimizer.nesterov else v


def adam(theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: Adam) -> None:
    """m and v are moving averages of g and g^2, each divided by its bias correction."""
    m, v = state
    m[:] = optimizer.beta1 * m + (1 - optimizer.beta1) * g
    v[:] = optimizer.beta2 * v + (1 - optimizer.beta2) * g * g
    mean, square = m / (1 - optimizer.beta1**t), v / (1 - optimizer.beta2**t)
    theta -= eta * mean / (np.sqrt(square) + optimizer.epsilon)


def epsilon_hat(
    theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: Adam
) -> None:
    """As `adam`, but epsilon is added to the root of v, not to that of the corrected v."""
    m, v = state
    m[:] = optimizer.beta1 * m + (1 - optimizer.beta1) * g
    v[:] = optimizer.beta2 * v + (1 - optimizer.beta2) * g * g
    rate = eta * math.sqrt(1 - optimizer.beta2**t) / (1 - optimizer.beta1**t)
    theta -= rate * m / (np.sqrt(v) + optimizer.epsilon)


def rmsprop(
    theta: Vector, state: Matrix, g: Vector, eta: float, _: int, optimizer: RMSprop
) -> None:
    """v <- rho v + (1 - rho) g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    (v,) = state
    v[:] = optimizer.rho * v + (1 - optimizer.rho) * g * g
    theta -= eta * g / (np.sqrt(v) + optimizer.epsilon)


def adagrad(
    theta: Vector, state: Matrix, g: Vector, eta: float, _: int, optimizer: Adagrad
) -> None:
    """v <- v + g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    (v,) = state
    v += g * g
    theta -= eta * g / (np.sqrt(v) + optimizer.epsilon)


def custom_update(
    theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: CustomOptimizer
) -> None:
    """direction, v <- optimizer(g, v, t); theta <- theta - eta direction."""
    direction, state[:] = optimizer.direction(g, state, t)
    theta -= eta * direction


UPDATES: dict[str, Callable[[Vector, Matrix, Vector, float, int, Any], None]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rate_in_velocity": rate_in_velocity,
    "adam": adam,
    "epsilon_hat": epsilon_hat,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}
