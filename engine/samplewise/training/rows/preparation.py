"""From the arrays of a caller to the rows that are trained and validated on."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import printable, suggestion_or_list
from samplewise.data.columns import Columns
from samplewise.data.rows import largest_value
from samplewise.errors import ParameterError
from samplewise.network import ClassLoss, Loss, Network, aligned_empty
from samplewise.options.words import words_of
from samplewise.training.notes import (
    notes_on_classes,
    notes_on_order,
    notes_on_order_of_numbers,
    notes_on_validation,
)
from samplewise.training.rows.selection import select
from samplewise.training.rows.training_rows import TrainingRows, training_rows
from samplewise.training.settings.training_settings import TrainingSettings

Validation = tuple[ArrayLike, ArrayLike]


class RowOptions(TypedDict, total=False):
    """Options about the rows of a training, beside X and targets.

    Args:
        validation: X and targets of further rows, preprocessed as X is, to measure on after every
            epoch; instead of the setting validation_fraction. Of two data frames, the columns go by
            name.
        sample_weight: weight of each row, (n,), at least 0. Weight 0 leaves a row out, but with
            the setting normalize_weights. Weights multiply with those of classes and are scaled to
            the mean 1: with one batch of all rows, a row of weight 2 counts exactly as that row
            twice.
        class_names: names of the class indices, one for each class of the network, for
            `class_weight` and text targets; None takes those of text targets in code-point
            order, False and True of bool, and "0", "1" and so on of indices.
    """

    validation: Validation | None
    sample_weight: ArrayLike | None
    class_names: Sequence[str] | None


def check_row_options(function: Callable[..., Any], given: RowOptions) -> None:
    """Refuse arguments that a function with `RowOptions` does not have.

    Args:
        function: public; its name and arguments are those of the message.
        given: by name.

    Raises:
        TypeError: one is not among them; the message says what to write.
    """
    unknown = set(given) - set(RowOptions.__annotations__)
    if not unknown:
        return
    name, settings = min(unknown), words_of(TrainingSettings)
    known = {*inspect.signature(function).parameters, *RowOptions.__annotations__} - {"rows"}
    if "val" in name.lower() and name not in settings:
        hint = "; give validation rows as validation=(X, targets)"
    elif name in settings:
        hint = f"; it belongs to settings, as in TrainingSettings.from_options({name}=...)"
    else:
        hint = suggestion_or_list(name, sorted(known), "It has")
    raise TypeError(f"{function.__name__}() has no argument '{printable(name)}'{hint}")


def prepared(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    loss: Loss,
    settings: TrainingSettings,
    columns: Columns | None = None,
    *,
    validation: Validation | None = None,
    sample_weight: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
) -> TrainingRows:
    """Return the rows to train on, with their weights and the validation rows.

    The arguments are those of `train`, the fields of `RowOptions`, and `columns` as
    `training_rows`.

    Raises:
        ParameterError: validation rows are both given and to be held out, or are not a pair
            of X and targets; or as `select`.
        DataError: as `training_rows` and `select`.
    """
    dtype = np.dtype(settings.dtype)
    if class_names is not None and not isinstance(loss, ClassLoss):
        raise ParameterError(
            f"class_names is {printable(class_names)}, but {loss.name} has no classes; leave it out"
        )
    rows = training_rows(X, targets, network, loss, dtype, class_names, columns=columns)
    chosen = select(len(rows), rows.labels, rows.class_names or None, settings, sample_weight)
    held = None
    if validation is not None:
        held = _given_validation(validation, rows, network, loss, settings)
    elif len(chosen.validation):
        held = _taken(rows, chosen.validation)
    kept = rows if len(chosen.training) == len(rows) else _taken(rows, chosen.training)
    if notes := _notes(kept, held, loss, settings):
        kept = dataclasses.replace(kept, notes=kept.notes + notes)
    if chosen.weights is None:
        return kept if held is None else dataclasses.replace(kept, validation=held)
    weights = chosen.weights.astype(dtype)
    weights.flags.writeable = False
    return dataclasses.replace(kept, weights=weights, validation=held)


def _notes(
    kept: TrainingRows, held: TrainingRows | None, loss: Loss, settings: TrainingSettings
) -> tuple[str, ...]:
    """Return the notes on the targets and order of rows, and of those to validate on."""
    if kept.labels is None or not isinstance(loss, ClassLoss):
        return notes_on_order_of_numbers(kept.Y, settings)
    notes = notes_on_classes(kept.labels, kept.Y, kept.class_names, loss)
    notes += notes_on_order(kept.labels, settings)
    if held is not None and held.labels is not None:
        names = kept.class_names
        notes += notes_on_validation(kept.labels, held.labels, held.Y, names, loss)
    return notes


def _given_validation(
    validation: Validation,
    rows: TrainingRows,
    network: Network,
    loss: Loss,
    settings: TrainingSettings,
) -> TrainingRows:
    """Return the validation rows that the caller gave, with the classes and columns of `rows`."""
    if settings.validation_fraction is not None:
        raise ParameterError(
            f"validation_fraction is {settings.validation_fraction}, but validation rows are "
            "given too; choose one of them"
        )
    X, targets = _pair(validation)
    names, dtype = rows.class_names or None, np.dtype(settings.dtype)
    return training_rows(X, targets, network, loss, dtype, names, "validation", rows.columns)


def _pair(validation: Any) -> Validation:
    # An array of two rows is a pair to Python, but neither rows nor targets.
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        held = f" of {len(validation)}" if isinstance(validation, tuple | list) else ""
        raise ParameterError(
            f"validation: must be a pair of X and targets, got {type(validation).__name__}{held}; "
            "a share of the rows is held out by the setting validation_fraction"
        )
    X, targets = validation
    return X, targets


def _taken(rows: TrainingRows, indices: NDArray[np.int64]) -> TrainingRows:
    """Return some of the rows, aligned and read-only as all of them are."""
    X = aligned_empty((len(indices), rows.X.shape[1]), rows.X.dtype)
    np.take(rows.X, indices, axis=0, out=X)
    Y = np.ascontiguousarray(rows.Y[indices])
    X.flags.writeable = Y.flags.writeable = False
    return dataclasses.replace(
        rows,
        X=X,
        Y=Y,
        labels=None if rows.labels is None else rows.labels[indices],
        largest=largest_value(X),
    )
