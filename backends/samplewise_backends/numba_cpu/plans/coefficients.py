"""Optimizers as numbers for the kernels: hyperparameters, and the powers of the recurrence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD, Adagrad, Adam, Optimizer, RMSprop
from samplewise_backends.exact.recurrence import Recurrence
from samplewise_backends.numba_cpu.kernels import tables as t
from samplewise_backends.numba_cpu.kernels.block import PLAIN, WITH_L2, WITH_MOMENTUM

OPTIMIZER_CODES = {"sgd": t.SGD, "adam": t.ADAM, "rmsprop": t.RMSPROP, "adagrad": t.ADAGRAD}
# Option of an optimizer -> its column of the kernels' table.
OPTION_COLUMNS = {
    "momentum": t.MOMENTUM,
    "nesterov": t.NESTEROV,
    "l1": t.L1,
    "l2": t.L2,
    "weight_decay": t.DECAY,
    "clip_value": t.CLIP_VALUE,
    "clip_norm": t.CLIP_NORM,
}


def form_of(optimizer: Optimizer) -> int:
    """Return the form of SGD's recurrence in `kernels.block`; it means nothing for others."""
    if optimizer.slots:
        return WITH_MOMENTUM
    return WITH_L2 if optimizer.l2 else PLAIN


def hyperparameters(
    optimizer: Optimizer, learning_rate: float, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return an optimizer's row of the kernels' table."""
    row = np.zeros(t.HYPER_COLUMNS, dtype)
    row[t.RATE], row[t.OPTIMIZER] = learning_rate, OPTIMIZER_CODES[optimizer.name]
    for option in optimizer.options:
        value = getattr(optimizer, option)
        row[OPTION_COLUMNS[option]] = math.inf if value is None else value
    match optimizer:
        case Adam():
            row[t.NEW], row[t.NEW_SQUARE] = 1 - optimizer.beta1, 1 - optimizer.beta2
            row[t.EPSILON] = optimizer.epsilon
        case RMSprop():
            row[t.NEW_SQUARE], row[t.EPSILON] = 1 - optimizer.rho, optimizer.epsilon
        case Adagrad():
            row[t.EPSILON] = optimizer.epsilon
    return row


def terms(
    optimizers: Sequence[SGD],
    rates: Sequence[float],
    units: Sequence[int],
    ld: int,
    batches: int,
    dtype: np.dtype[Any],
) -> t.Terms:
    """Return the terms of the recurrence in a block, for every unit of the first layers.

    Args:
        optimizers: one for each network, all of one form.
        rates: learning rates, likewise.
        units: units of the first layer of each network.
        ld: columns of the tables, at least the sum of `units`; the rest is 0.
        batches: maximum number of batches in a block.
        dtype: of the tables.
    """
    powers, lags = np.zeros((4, batches + 1, ld), dtype), np.zeros((2, batches, ld), dtype)
    biases = np.zeros((4, ld), dtype)
    first = 0
    for optimizer, rate, width in zip(optimizers, rates, units, strict=True):
        columns = slice(first, first + width)
        # Kernels of plain SGD read neither.
        if form_of(optimizer) != PLAIN:
            found = Recurrence.of(optimizer, rate, batches, dtype, rate_in_gradient=False)
            size = found.responses.shape[1]
            lags[:size, :, columns] = found.responses.T[:, :, None]
            places = [0, 1, 2, 3] if size == 2 else [0]
            powers[places, :, columns] = found.powers.reshape(batches + 1, -1).T[:, :, None]
        of_g, of_v = (1.0, optimizer.momentum) if optimizer.nesterov else (0.0, 1.0)
        biases[:, columns] = np.array([rate, optimizer.momentum, of_g, of_v])[:, None]
        first += width
    rows = [hyperparameters(*pair, dtype) for pair in zip(optimizers, rates, strict=True)]
    return t.Terms(powers, lags, biases, np.array(rows))
