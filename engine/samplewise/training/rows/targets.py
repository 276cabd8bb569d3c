"""Targets from a caller, checked against the loss: classes, one-hot rows, numbers or labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from samplewise.data.arrays import NUMBERS, as_array, check_finite, kind_of_values
from samplewise.errors import DataError, ParameterError
from samplewise.network import ClassLoss, Loss, Network, ValueLoss
from samplewise.text import counted
from samplewise.training.rows.classes import TARGETS, class_targets, number_of_classes

# Of the sum of a one-hot row: probabilities in float32 sum to 1 within some 1e-7 a class.
SUM_ROUNDING = 1e-4


def prepare_targets(
    targets: ArrayLike,
    rows: int,
    network: Network,
    loss: Loss,
    dtype: DTypeLike,
    name: str = TARGETS,
) -> tuple[NDArray[Any] | None, NDArray[Any]]:
    """Return the expected decisions, and the targets Y (n, outputs) of `dtype`.

    Args:
        targets: of a loss that learns classes, as `class_targets`: one-hot rows (n, classes),
            which may also be probabilities; of one that learns numbers, (n, outputs), or (n,) for
            one output; of `multi_label_cross_entropy`, 0 or 1 for each label.
        rows: how many rows X has.
        network: whose outputs learn them.
        loss: likewise.
        dtype: float64 or float32.
        name: of the argument, for messages.

    Returns:
        Class indices int64 (n,), or whether each label holds, bool (n, outputs), or None where
        numbers are learnt; and Y.

    Raises:
        DataError: of another kind or shape, not finite, or not targets of the loss.
    """
    if isinstance(loss, ClassLoss):
        given, _ = class_targets(targets, network, None, name)
        classes = number_of_classes(network)
        if given.ndim == 2:
            given = _one_hot(given, rows, classes, name)
            return loss.decisions(given), np.ascontiguousarray(loss.targets_of_rows(given, dtype))
        indices = _indices(given, rows, classes, name)
        return indices, np.ascontiguousarray(loss.targets(indices, network.outputs, dtype))
    assert isinstance(loss, ValueLoss)
    Y = _values(as_array(name, targets), (rows, network.outputs), loss, dtype, name)
    return loss.decisions(Y), Y


def _indices(given: NDArray[Any], rows: int, classes: int, name: str) -> NDArray[np.int64]:
    if given.dtype.kind not in "bui":
        raise DataError(
            f"{name} hold {kind_of_values(given)}; expected class names, class indices 0, 1, ... "
            "or one-hot rows; to learn numbers, choose a loss such as mean_squared_error"
        )
    if given.shape != (rows,):
        raise DataError(
            f"{name} have shape {given.shape}; expected ({rows},), one class a row of X, or "
            f"one-hot rows ({rows}, {classes})"
        )
    if given.min() < 0 or given.max() >= classes:
        raise DataError(
            f"{name} run from {given.min()} to {given.max()}; this network knows the classes "
            f"0 to {classes - 1}; count them from 0, or give their names as text"
        )
    return given.astype(np.int64)


def _one_hot(given: NDArray[Any], rows: int, classes: int, name: str) -> NDArray[np.float64]:
    _check_numbers(given, name)
    if given.shape != (rows, classes):
        raise DataError(
            f"{name} have shape {given.shape}; expected one-hot rows ({rows}, {classes}), a "
            f"column a class, or class indices ({rows},)"
        )
    given = given.astype(np.float64)
    check_finite(given, name)
    odd = (given < 0).any(axis=1) | (np.abs(given.sum(axis=1) - 1.0) > SUM_ROUNDING)
    if odd.any():
        row = int(odd.argmax())
        raise DataError(
            f"{name}: row {row} (counted from 0) has smallest value {given[row].min():g} and sum "
            f"{given[row].sum():g}; a one-hot row holds no negative number and sums to 1"
        )
    return given


def _values(
    given: NDArray[Any], shape: tuple[int, int], loss: ValueLoss, dtype: DTypeLike, name: str
) -> NDArray[Any]:
    _check_numbers(given, name)
    rows, outputs = shape
    if given.shape != shape and (given.shape, outputs) != ((rows,), 1):
        also = f" or ({rows},)" if outputs == 1 else ""
        fits = given.size and given.size % rows == 0
        remedy = "reshape them, or change the last layer" if fits else "give a target for each row"
        raise DataError(
            f"{name} have shape {given.shape}; {loss.name} with {counted(outputs, 'output')} "
            f"learns ({rows}, {outputs}){also}; {remedy}"
        )
    given = given.reshape(shape)
    # A value too large is refused below, and one too small rounds to 0, whatever the caller set.
    with np.errstate(over="ignore", under="ignore"):
        Y = np.array(given, dtype=dtype, order="C")
    check_finite(given, name)
    check_finite(Y, f"{name} as {np.dtype(dtype).name}")
    try:
        loss.check_targets(Y)
    except ParameterError as error:
        raise DataError(f"{name}: {error}") from None
    return Y


def _check_numbers(given: NDArray[Any], name: str) -> None:
    if given.dtype.kind not in NUMBERS:
        raise DataError(f"{name} hold {kind_of_values(given)}; expected numbers")
