"""Arrays from a caller, checked and brought into the form that programs take."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from samplewise.data.dataset import check_finite
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError
from samplewise.network import ClassLoss, Network, aligned_zeros

# Pixels run to 255. Beyond some tens, unscaled inputs saturate every sigmoid at the first step.
UNSCALED = 50.0
# Kinds of dtypes: bool, unsigned, integer, float.
NUMBERS = "buif"


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """What all networks of a run train on, checked.

    Args:
        X: aligned, C-contiguous, read-only, (n, inputs).
        labels: class indices, int64 (n,).
        Y: targets of X's dtype, read-only, (n, outputs).
        fingerprint: SHA-256 of X and Y, and of the weights where there are some.
        notes: warnings worth showing.
        weights: of X's dtype, read-only, (n,), with the mean 1; None where each row counts as 1.
        validation: rows to measure on; None where there are none.
    """

    X: NDArray[Any]
    labels: NDArray[np.int64]
    Y: NDArray[Any]
    fingerprint: str
    notes: tuple[str, ...]
    weights: NDArray[Any] | None = None
    validation: TrainingRows | None = None

    def __len__(self) -> int:
        return len(self.X)


def training_rows(
    X: ArrayLike, labels: ArrayLike, network: Network, loss: ClassLoss, dtype: DTypeLike
) -> TrainingRows:
    """Return rows and labels as `network` trains on them.

    Raises:
        DataError: as `prepare_rows` and `prepare_targets`.
    """
    rows = prepare_rows(X, network, dtype)
    indices, Y = prepare_targets(labels, len(rows), network, loss, dtype)
    # A plugin that writes to its rows is stopped, and does not train on other data unseen.
    rows.flags.writeable = Y.flags.writeable = False
    return TrainingRows(rows, indices, Y, fingerprint(rows, Y), tuple(notes_on_scale(rows)))


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
    if given.dtype.kind not in NUMBERS:
        raise DataError(f"X holds {given.dtype} values; expected numbers")
    if given.ndim < 2 or np.prod(given.shape[1:]) != network.inputs:
        raise DataError(
            f"X has shape {given.shape}; this network takes (rows, {network.inputs}); "
            "reshape X, or build the network for it"
        )
    if len(given) == 0:
        raise DataError("X has no rows; expected at least one")
    rows = aligned_zeros(given.size, dtype).reshape(len(given), network.inputs)
    # A value too large is refused below, and one too small rounds to 0, whatever the caller set.
    with np.errstate(over="ignore", under="ignore"):
        rows[...] = given.reshape(rows.shape)
    if not np.isfinite(rows).all():
        check_finite(given.reshape(rows.shape), "X")
        check_finite(rows, f"X as {np.dtype(dtype).name}")
    return rows


def preprocessed_rows(
    X: ArrayLike, network: Network, preprocessing: Preprocessing, dtype: DTypeLike
) -> NDArray[Any]:
    """Return raw rows X as `network` takes them, a new array (n, inputs) of `dtype`.

    They are preprocessed in float64, whatever the dtype.

    Raises:
        DataError: as `prepare_rows`, before preprocessing or after it.
    """
    rows = prepare_rows(X, network, np.float64)
    # Small numbers may underflow, and large ones overflow, whatever the caller set.
    with np.errstate(all="ignore"):
        preprocessing.apply_in_place(rows)
    if rows.dtype != dtype:
        return prepare_rows(rows, network, dtype)
    check_finite(rows, "X")
    return rows


def one_row(x: ArrayLike, network: Network) -> NDArray[Any]:
    """Return x, one row of values or one input of the network's shape, as X (1, ...).

    Raises:
        DataError: it has another shape.
    """
    given = _array("x", x)
    if given.shape not in ((network.inputs,), network.input_shape):
        raise DataError(
            f"x has shape {given.shape}; expected one row, ({network.inputs},); "
            "several rows go to Model.probabilities"
        )
    return given[np.newaxis]


def prepare_targets(
    labels: ArrayLike, rows: int, network: Network, loss: ClassLoss, dtype: DTypeLike
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
