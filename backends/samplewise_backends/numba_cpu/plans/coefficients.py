"""How SGD with momentum, Nesterov and L2 carries the first layer from one batch to the next.

For one weight w and its velocity v, a batch with the gradient g makes

    v <- mu v + l2 w + g
    w <- w - eta v                        or w <- w - eta (l2 w + g + mu v), with Nesterov

which is (w, v) <- A (w, v) + b g with constant A and b.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD, Adagrad, Adam, Optimizer, RMSprop
from samplewise_backends.numba_cpu.kernels import tables
from samplewise_backends.numba_cpu.kernels.block import DECAYING, MOVING, PLAIN
from samplewise_backends.numba_cpu.kernels.tables import Recurrence

CODES = {
    "sgd": tables.SGD,
    "adam": tables.ADAM,
    "rmsprop": tables.RMSPROP,
    "adagrad": tables.ADAGRAD,
}


def form_of(optimizer: Optimizer) -> int:
    """Return which part of the recurrence an optimizer needs; for another rule it says nothing."""
    if optimizer.slots:
        return MOVING
    return DECAYING if optimizer.l2 else PLAIN


def rule_of(optimizer: Optimizer, rate: float) -> list[float]:
    """Return a row of the kernels' table of rules."""
    row = [0.0] * tables.RULE_COLUMNS
    row[tables.RATE], row[tables.RULE] = rate, CODES[optimizer.name]
    row[tables.L1], row[tables.L2], row[tables.DECAY] = (
        *(optimizer.l1, optimizer.l2, optimizer.weight_decay),
    )
    for column, limit in (
        (tables.CLIP_VALUE, optimizer.clip_value),
        (tables.CLIP_NORM, optimizer.clip_norm),
    ):
        row[column] = math.inf if limit is None else limit
    match optimizer:
        case SGD():
            row[tables.MOMENTUM], row[tables.NESTEROV] = optimizer.momentum, optimizer.nesterov
        case Adam():
            row[tables.NEW], row[tables.NEW_SQUARE] = 1 - optimizer.beta1, 1 - optimizer.beta2
            row[tables.EPSILON] = optimizer.epsilon
        case RMSprop():
            row[tables.NEW_SQUARE], row[tables.EPSILON] = 1 - optimizer.rho, optimizer.epsilon
        case Adagrad():
            row[tables.EPSILON] = optimizer.epsilon
    return row


def one_batch(optimizer: SGD, rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return A (2, 2) and b (2,) of one batch."""
    mu, l2 = optimizer.momentum, optimizer.l2
    # The share of (l2 w + g) and of the old velocity in the step of w.
    of_g, of_v = (1 + mu, mu * mu) if optimizer.nesterov else (1.0, mu)
    A = np.array([[1 - rate * l2 * of_g, -rate * of_v], [l2, mu]])
    return A, np.array([-rate * of_g, 1.0])


def recurrence(
    optimizers: Sequence[SGD],
    rates: Sequence[float],
    units: Sequence[int],
    ld: int,
    batches: int,
    dtype: np.dtype[Any],
) -> Recurrence:
    """Return the powers of A and what follows from them, for every unit of the first layers.

    Args:
        optimizers: one a network.
        rates: learning rates, likewise.
        units: units of the first layer of each network.
        ld: columns of the tables, at least the sum of `units`; the rest is 0.
        batches: the most batches in a block.
        dtype: of the tables.
    """
    powers = np.zeros((4, batches + 1, ld), dtype)
    lags = np.zeros((2, batches, ld), dtype)
    biases = np.zeros((4, ld), dtype)
    rules = [rule_of(*pair) for pair in zip(optimizers, rates, strict=True)]
    first = 0
    for optimizer, rate, width in zip(optimizers, rates, units, strict=True):
        columns = slice(first, first + width)
        A, b = one_batch(optimizer, rate)
        power = np.eye(2)
        for k in range(batches + 1):
            powers[:, k, columns] = power.reshape(4, 1)
            if k < batches:
                lags[:, k, columns] = (power @ b)[:, None]
            power = A @ power
        mu = optimizer.momentum
        of_g, of_v = (1.0, mu) if optimizer.nesterov else (0.0, 1.0)
        biases[:, columns] = np.array([rate, mu, of_g, of_v])[:, None]
        first += width
    return Recurrence(powers, lags, biases, np.array(rules, dtype))
