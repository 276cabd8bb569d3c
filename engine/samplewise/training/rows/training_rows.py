"""Arrays from a caller, checked and brought into the form that programs take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from samplewise.data.arrays import is_frame
from samplewise.data.columns import Columns, columns_named
from samplewise.data.named_rows import rows_of_frame
from samplewise.data.rows import measured_rows
from samplewise.network import ClassLoss, Loss, Network
from samplewise.training.notes import notes_on_scale, notes_on_targets
from samplewise.training.rows.classes import TARGETS, class_targets
from samplewise.training.rows.fingerprint import Fingerprint
from samplewise.training.rows.targets import prepare_targets


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """The checked rows that all networks of a run train on.

    Args:
        X: aligned, C-contiguous, read-only, (n, inputs).
        labels: the expected decisions: class indices, int64 (n,), or whether each label
            holds, bool (n, outputs); None where numbers are learnt.
        Y: targets of X's dtype, read-only, (n, outputs).
        largest: the largest absolute value in X.
        notes: warnings worth showing.
        image_shape: channels, height and width where a row is an image, else None.
        weights: of X's dtype, read-only, (n,), with the mean 1; None where each row counts as 1.
        validation: rows to measure on; None where there are none.
        class_names: of the class indices; empty where no classes are learnt.
        columns: of X; None where they have no names.
    """

    X: NDArray[Any]
    labels: NDArray[Any] | None
    Y: NDArray[Any]
    largest: float
    notes: tuple[str, ...]
    image_shape: tuple[int, int, int] | None = None
    weights: NDArray[Any] | None = None
    validation: TrainingRows | None = None
    class_names: tuple[str, ...] = ()
    columns: Columns | None = None

    def __len__(self) -> int:
        return len(self.X)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """That of X and Y, and of the weights where there are some."""
        return Fingerprint(self.X, self.Y, *([] if self.weights is None else [self.weights]))

    @property
    def largest_input(self) -> float:
        """The largest absolute value in X, and in that of the validation rows."""
        held = 0.0 if self.validation is None else self.validation.largest_input
        return max(self.largest, held)


def training_rows(
    X: ArrayLike,
    targets: ArrayLike,
    network: Network,
    loss: Loss,
    dtype: DTypeLike,
    class_names: Sequence[str] | None = None,
    role: str = "",
    columns: Columns | None = None,
) -> TrainingRows:
    """Return rows and targets as `network` trains on them.

    Args:
        X: as `measured_rows`.
        targets: as `class_targets` or `prepare_targets`.
        network: that takes them.
        loss: that learns them.
        dtype: float64 or float32.
        class_names: as `class_targets`.
        role: put before the names of the arguments in messages, such as "validation".
        columns: of X, by which those of a data frame are found; None takes X as it is.

    Raises:
        DataError, ParameterError: as `measured_rows`, `class_targets`, `prepare_targets` and
            `rows_of_frame`.
    """
    named_X, named_targets = f"{role} X".strip(), f"{role} {TARGETS}".strip()
    if is_frame(X):
        if columns is None:
            columns = columns_named(cast("Any", X).columns)
        else:
            X = rows_of_frame(X, columns, named_X)
    rows, largest = measured_rows(X, network, dtype, named_X, mapped=True)
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
        largest,
        (*notes_on_scale(largest), *notes_on_targets(Y, loss)),
        image_shape,
        class_names=names,
        columns=columns,
    )


def _image_shape(given: tuple[int, ...], network: Network) -> tuple[int, int, int] | None:
    """Return the shape of an image as the network has it, or else as the caller's rows have it."""
    for shape in (network.input_shape, (1, *given) if len(given) == 2 else given):
        if len(shape) == 3:
            channels, height, width = shape
            return channels, height, width
    return None
