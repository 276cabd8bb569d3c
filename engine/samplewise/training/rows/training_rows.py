"""Arrays from a caller, checked and brought into the form that programs take."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from samplewise.data.arrays import as_array, as_numbers
from samplewise.data.dataset import check_finite
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError
from samplewise.network import ClassLoss, Loss, Network, aligned_zeros
from samplewise.training.notes import notes_on_scale, notes_on_targets
from samplewise.training.rows.classes import TARGETS, class_targets
from samplewise.training.rows.targets import prepare_targets


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """What all networks of a run train on, checked.

    Args:
        X: aligned, C-contiguous, read-only, (n, inputs).
        labels: what decisions are held against: class indices, int64 (n,), or whether each label
            holds, bool (n, outputs); None where numbers are learnt.
        Y: targets of X's dtype, read-only, (n, outputs).
        fingerprint: SHA-256 of X and Y, and of the weights where there are some.
        notes: warnings worth showing.
        image_shape: channels, height and width where a row is an image, else None.
        weights: of X's dtype, read-only, (n,), with the mean 1; None where each row counts as 1.
        validation: rows to measure on; None where there are none.
        class_names: of the class indices; empty where no classes are learnt.
    """

    X: NDArray[Any]
    labels: NDArray[Any] | None
    Y: NDArray[Any]
    fingerprint: str
    notes: tuple[str, ...]
    image_shape: tuple[int, int, int] | None = None
    weights: NDArray[Any] | None = None
    validation: TrainingRows | None = None
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.X)

    @property
    def largest_input(self) -> float:
        """The largest absolute value in X, and in that of the validation rows."""
        held = 0.0 if self.validation is None else self.validation.largest_input
        return max(largest_value(self.X), held)


def training_rows(
    X: ArrayLike,
    targets: ArrayLike,
    network: Network,
    loss: Loss,
    dtype: DTypeLike,
    class_names: Sequence[str] | None = None,
    role: str = "",
) -> TrainingRows:
    """Return rows and targets as `network` trains on them.

    Args:
        X: as `prepare_rows`.
        targets: as `class_targets` or `prepare_targets`.
        network: that takes them.
        loss: that learns them.
        dtype: float64 or float32.
        class_names: as `class_targets`.
        role: put before the names of the arguments in messages, such as "validation".

    Raises:
        DataError, ParameterError: as `prepare_rows`, `class_targets` and `prepare_targets`.
    """
    named_X, named_targets = f"{role} X".strip(), f"{role} {TARGETS}".strip()
    rows = prepare_rows(X, network, dtype, named_X)
    image_shape = _image_shape(np.shape(X)[1:], network)
    names: tuple[str, ...] = ()
    if isinstance(loss, ClassLoss):
        targets, names = class_targets(targets, network, class_names, named_targets)
    labels, Y = prepare_targets(targets, len(rows), network, loss, dtype, named_targets)
    # A plugin that writes to its rows is stopped, and does not train on other data unseen.
    rows.flags.writeable = Y.flags.writeable = False
    return TrainingRows(
        rows,
        labels,
        Y,
        fingerprint(rows, Y),
        (*notes_on_scale(rows), *notes_on_targets(Y, loss)),
        image_shape,
        class_names=names,
    )


def prepare_rows(X: ArrayLike, network: Network, dtype: DTypeLike, name: str = "X") -> NDArray[Any]:
    """Return X as a new aligned, C-contiguous array (n, inputs) of `dtype`.

    Args:
        X: numbers of shape (n, inputs), or (n, *input_shape), of which a single channel may be left
            out; a network of flat rows takes inputs of any shape. True and false are 1 and 0.
        network: whose input is fed.
        dtype: float64 or float32.
        name: of the argument, for messages.

    Raises:
        DataError: not numeric, of another shape, without rows, or not finite (in `dtype`).
    """
    given = as_numbers(name, X)
    if given.ndim < 2 or np.prod(given.shape[1:]) != network.inputs:
        raise DataError(
            f"{name} has shape {given.shape}; this network takes (rows, {network.inputs}); "
            "reshape X, or build the network for it"
        )
    if not _in_order(given.shape[1:], network.input_shape):
        # As many values in another order, such as channels last, would be read as another image.
        raise DataError(
            f"{name} has shape {given.shape}; this network takes (rows, {network.inputs}) or "
            f"{('rows', *network.input_shape)!s}; transpose X".replace("'rows'", "rows")
        )
    if len(given) == 0:
        raise DataError(f"{name} has no rows; expected at least one")
    rows = aligned_zeros(given.size, dtype).reshape(len(given), network.inputs)
    # A value too large is refused below, and one too small rounds to 0, whatever the caller set.
    with np.errstate(over="ignore", under="ignore"):
        rows[...] = given.reshape(rows.shape)
    if not np.isfinite(rows).all():
        check_finite(given.reshape(rows.shape), name)
        check_finite(rows, f"{name} as {np.dtype(dtype).name}")
    return rows


def _in_order(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Return whether as many values, in C order, are those of an input of the wanted shape."""
    flat = len(given) == 1 or len(wanted) == 1
    return flat or given == wanted or (wanted[0] == 1 and given == wanted[1:])


def _image_shape(given: tuple[int, ...], network: Network) -> tuple[int, int, int] | None:
    """Return the shape of an image as the network has it, or else as the caller's rows have it."""
    for shape in (network.input_shape, (1, *given) if len(given) == 2 else given):
        if len(shape) == 3:
            channels, height, width = shape
            return channels, height, width
    return None


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
    given = as_array("x", x)
    if given.shape not in ((network.inputs,), network.input_shape):
        raise DataError(
            f"x has shape {given.shape}; expected one row, ({network.inputs},); "
            "several rows go to Model.probabilities"
        )
    return given[np.newaxis]


def largest_value(X: NDArray[Any]) -> float:
    """Return the largest absolute value, without a copy of X."""
    return max(float(X.max()), -float(X.min()))


def fingerprint(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 of the arrays' values."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
