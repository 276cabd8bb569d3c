"""The routines that a network's kernels call, by address, and the buffers that steps write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.network import Loss, aligned_zeros
from samplewise.network.losses import Huber
from samplewise_backends.numba_cpu.kernels import tables
from samplewise_backends.numba_cpu.kernels.activations import activate_called, derivative_called
from samplewise_backends.numba_cpu.kernels.later_layers import later_layers
from samplewise_backends.numba_cpu.kernels.layers.dispatch import layer_backward, layer_forward
from samplewise_backends.numba_cpu.kernels.losses import loss_called
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.kernels.products import first_product
from samplewise_backends.numba_cpu.plans.gram import read_only

LOSS_CODES = {
    "binary_cross_entropy": tables.BINARY,
    "categorical_cross_entropy": tables.CATEGORICAL,
    "multi_label_cross_entropy": tables.MULTI_LABEL,
    "mean_squared_error": tables.SQUARED,
    "mean_absolute_error": tables.ABSOLUTE,
    "huber": tables.HUBER,
    "poisson": tables.POISSON,
}


def addresses(
    layers: NDArray[np.int64],
    dtype: np.dtype[Any],
    loss: Loss | None = None,
    *,
    also: Collection[int] = (),
) -> NDArray[np.int64]:
    """Return the table of addresses; routines that nothing needs are not compiled, and 0 here.

    Args:
        layers: the tables of all networks.
        dtype: of everything.
        loss: trained with; None to predict.
        also: places in the table that the plan calls besides.
    """
    called = layers[:, tables.KIND] != tables.DENSE
    activates = bool((layers[:, tables.ACTIVATION] > tables.RELU).any())
    training = loss is not None
    calls_loss = loss is not None and LOSS_CODES[loss.name] > tables.CATEGORICAL
    has_weights = bool((called & (layers[:, tables.WEIGHTS] > 0)).any())
    needed = {
        tables.FORWARD: (layer_forward, bool(called.any())),
        tables.BACKWARD: (layer_backward, training and bool(called.any())),
        tables.ACTIVATE: (activate_called, activates),
        tables.DERIVATIVE: (derivative_called, training and activates),
        tables.LOSS: (loss_called, calls_loss),
        tables.UPDATE: (update, training and has_weights),
        tables.LATER_LAYERS: (later_layers, False),
        tables.PRODUCT: (first_product, False),
    }
    found = np.zeros(tables.ROUTINES, np.int64)
    for position, (routine, is_needed) in needed.items():
        if is_needed or position in also:
            found[position] = routine.address(dtype.name)
    return found


def space_of(
    layers: Sequence[NDArray[np.int64]],
    size: int,
    gradient: int,
    loss: Loss,
    dtype: np.dtype[Any],
    *,
    also: Collection[int] = (),
) -> tables.Space:
    """Return the buffers of the steps of some networks.

    Args:
        layers: the table of each network.
        size: of their buffers.
        gradient: its maximum number of elements.
        loss: of all.
        dtype: of everything.
        also: as `addresses`.
    """
    return tables.Space(
        A=aligned_zeros(size, dtype),
        dZ=aligned_zeros(size, dtype),
        gradient=aligned_zeros(gradient, dtype),
        tiny=dtype.type(np.finfo(dtype).tiny),
        clock=np.zeros((len(layers), 3), np.int64),
        routines=addresses(np.vstack(layers), dtype, loss, also=also),
        loss_parameter=dtype.type(loss.delta if isinstance(loss, Huber) else 0),
        weights=read_only(aligned_zeros(0, dtype)),
    )


def largest_gradient(layers: NDArray[np.int64]) -> int:
    """Return the maximum number of weights and biases in one layer."""
    return int((layers[:, tables.WEIGHTS] + layers[:, tables.BIASES]).max(initial=0))


def prepared(
    space: tables.Space, steps: Sequence[Steps], states: Sequence[TrainingState]
) -> tables.Space:
    """Set the clock of each network to the start of a window, and return the space for it."""
    for clock, step, state in zip(space.clock, steps, states, strict=True):
        key = np.array(step.dropout_key, np.uint64).view(np.int64)
        clock[:] = key, step.start, state.step
    weights = steps[0].weights
    return space if weights is None else space._replace(weights=read_only(weights))
