"""Optimizers as numbers for the kernels: hyperparameters, and the powers of the recurrence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from samplewise.network import SGD, Adagrad, Adam, Optimizer, RMSprop
from samplewise_backends.exact.recurrence import Recurrence
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.block import PLAIN, WITH_L2, WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.codes import OptimizerCode
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix

OPTIMIZER_CODES = {
    "sgd": OptimizerCode.SGD,
    "adam": OptimizerCode.ADAM,
    "rmsprop": OptimizerCode.RMSPROP,
    "adagrad": OptimizerCode.ADAGRAD,
}
# Options of optimizers that are fields of `records.HYPERPARAMETERS`.
OPTIONS = (
    *("momentum", "nesterov", "rate_in_velocity", "epsilon_hat"),
    *("l1", "l2", "weight_decay", "clip_value", "clip_norm"),
)

# Maximum share of the rows that is kept apart from the rest. To move and pick them costs something:
# with 784-60-1, the last 744 of 800 took 1.08 times as long as all, the last 362 of 500 took 0.97.
WORTH_IT = 0.75


def form_of(optimizer: Optimizer) -> int:
    """Return the form of SGD's recurrence in `kernels.block`; it means nothing for others."""
    if optimizer.slots:
        return WITH_MOMENTUM
    return WITH_L2 if optimizer.l2 else PLAIN


def steps_seen(optimizer: Optimizer, batch_size: int, dtype: DType) -> float:
    """Return the rows whose gradients have not faded from the velocity; infinity: all.

    Of all that a gradient brings into the weights, mu^lag is still to come after `lag` batches. It
    has faded when that is half of the smallest share that could round to another number. With L2 it
    never does: the weights bring old gradients into the velocity again.
    """
    if not optimizer.slots:
        return 0.0
    if not isinstance(optimizer, SGD) or optimizer.l2:
        return math.inf
    least = float(np.finfo(dtype).eps) / 8
    return batch_size * math.ceil(math.log2(least) / math.log2(optimizer.momentum))


def velocity_rows(
    optimizers: Sequence[Optimizer], rows: int, batch_size: int, block: int, dtype: DType
) -> int:
    """Return how many coefficients the dual plan keeps of a velocity: of last rows, or of all."""
    seen = max(steps_seen(optimizer, batch_size, dtype) for optimizer in optimizers)
    last = max(seen, block)
    return int(last) if seen and last <= WORTH_IT * rows else rows


def describe_optimizers(hypers: Struct, optimizers: Sequence[Optimizer]) -> None:
    """Write optimizers into `records.HYPERPARAMETERS`, all but the learning rates."""
    each = [_hyperparameters(optimizer) for optimizer in optimizers]
    # Of another kind, an optimizer reads no field that is not its own.
    names = dict.fromkeys(chain.from_iterable(each))
    hypers.set_each(**{name: [one.get(name, 0) for one in each] for name in names})


def _hyperparameters(optimizer: Optimizer) -> dict[str, float]:
    """Return the fields of an optimizer's `records.HYPERPARAMETERS`."""
    fields: dict[str, float] = {"optimizer": OPTIMIZER_CODES[optimizer.name], "corrected": 0}
    for option in optimizer.options:
        value = getattr(optimizer, option)
        fields[option] = math.inf if value is None else value
    match optimizer:
        case Adam():
            fields |= {"new": 1 - optimizer.beta1, "new_square": 1 - optimizer.beta2}
            fields["epsilon"] = optimizer.epsilon
        case RMSprop():
            fields |= {"new_square": 1 - optimizer.rho, "epsilon": optimizer.epsilon}
        case Adagrad():
            fields["epsilon"] = optimizer.epsilon
    return fields


class Terms(NamedTuple):
    """Powers (4, K + 1, ld), lags (2, K, ld) and biases (4, ld), as in `records.BLOCK`."""

    powers: Matrix
    lags: Matrix
    biases: Matrix


def terms(
    optimizers: Sequence[SGD],
    rates: Sequence[float],
    units: Sequence[int],
    ld: int,
    batches: int,
    dtype: DType,
) -> Terms:
    """Return the terms of the recurrence in a block, for every unit of the first layers.

    Optimizers, all of one form, learning rates and numbers of units are one for each network. The
    tables have `ld` columns, at least the sum of `units`; the rest is 0.
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
    return Terms(powers, lags, biases)
