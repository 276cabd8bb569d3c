"""Arrays from a caller, checked and brought into the form that programs take."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from samplewise.data.dataset import check_finite
from samplewise.errors import DataError
from samplewise.network import Loss, Network, aligned_zeros

# Pixels run to 255. Beyond some tens, unscaled inputs saturate every sigmoid at the first step.
UNSCALED = 50.0


def prepare_rows(X: ArrayLike, network: Network, dtype: DTypeLike) -> NDArray[Any]:
    """Return X as a new aligned, C-contiguous array (n, inputs) of `dtype`.

    Args:
        X: numbers of shape (n, inputs), or (n, *input_shape).
        network: whose input is fed.
        dtype: float64 or float32.

    Raises:
        DataError: not numeric, of another shape, without rows, or not finite (in `dtype`).
    """
    given = _array("X", X)
    if given.dtype.kind not in "buif":
        raise DataError(f"X holds {given.dtype} values; expected numbers")
    if given.ndim < 2 or np.prod(given.shape[1:]) != network.inputs:
        raise DataError(
            f"X has shape {given.shape}; this network takes (rows, {network.inputs}); "
            "reshape X, or build the network for it"
        )
    if len(given) == 0:
        raise DataError("X has no rows; expected at least one")
    rows = aligned_zeros(given.size, dtype).reshape(len(given), network.inputs)
    check_finite(given.reshape(rows.shape), "X")
    # A value too large is refused below, and one too small rounds to 0, whatever the caller set.
    with np.errstate(over="ignore", under="ignore"):
        rows[...] = given.reshape(rows.shape)
    check_finite(rows, f"X as {np.dtype(dtype).name}")
    return rows


def prepare_targets(
    labels: ArrayLike, rows: int, network: Network, loss: Loss, dtype: DTypeLike
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return class indices (n,) as int64, and the targets Y (n, outputs) of `dtype`.

    Raises:
        DataError: not whole numbers, not one a row, or not a class of this network.
    """
    given = _array("labels", labels)
    if given.dtype.kind not in "bui":
        raise DataError(f"labels hold {given.dtype} values; expected class indices 0, 1, ...")
    if given.shape != (rows,):
        raise DataError(f"labels have shape {given.shape}; expected ({rows},), one a row of X")
    classes = max(network.outputs, 2)
    if given.min() < 0 or given.max() >= classes:
        raise DataError(
            f"labels run from {given.min()} to {given.max()}; this network knows the classes "
            f"0 to {classes - 1}"
        )
    indices = given.astype(np.int64)
    return indices, np.ascontiguousarray(loss.targets(indices, network.outputs, dtype))


def _array(name: str, given: ArrayLike) -> NDArray[Any]:
    if isinstance(given, np.ma.MaskedArray):
        raise DataError(f"{name}: a masked array; fill or drop the masked values first")
    try:
        return np.asarray(given)
    except ValueError as error:
        raise DataError(f"{name}: no array, its rows differ in length ({error})") from error


def notes_on_scale(X: NDArray[Any]) -> list[str]:
    """Return a warning where inputs are so large that training will hardly move."""
    largest = float(np.abs(X).max())
    if largest <= UNSCALED:
        return []
    return [f"inputs reach {largest:.4g}; scale or standardize them, or training may not move"]


def fingerprint(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 of the arrays' values."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
