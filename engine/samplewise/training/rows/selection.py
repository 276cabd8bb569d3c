"""Selection of the training rows and the validation rows, with their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import printable
from samplewise.data.split import held_out
from samplewise.errors import DataError, ParameterError
from samplewise.streams import Streams
from samplewise.training.rows.weighting import (
    BALANCED,
    Weights,
    balanced,
    sample_weights,
    weights_by_class,
)
from samplewise.training.settings.training_settings import TrainingSettings

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows of the data given, ascending.

    Args:
        training: trained on.
        validation: held out; empty where none are.
        weights: of the training rows, with the mean 1; None where all are 1.
    """

    training: Indices
    validation: Indices
    weights: Weights | None


def select(
    rows: int,
    labels: NDArray[Any] | None,
    class_names: Sequence[str] | None,
    settings: TrainingSettings,
    sample_weight: ArrayLike | None = None,
) -> Selection:
    """Choose among the rows given.

    A row whose weight is 0 is left out before anything else is decided, so that it is as if it had
    not been given; with `normalize_weights` it stays in the batches, as scikit-learn has it. The
    weight of a row is that of its class times its own. Weights are scaled to the mean 1 over the
    training rows: with one batch of all rows, a row of weight 2 then counts exactly as that row
    twice.

    Args:
        rows: how many there are, n.
        labels: as `TrainingRows.labels`; class indices are held out in equal shares.
        class_names: of all classes, in the order of their indices; None where no classes are
            learnt.
        settings: validation_fraction, class_weight, normalize_weights and seed count.
        sample_weight: of each row; None for 1 each.

    Raises:
        DataError: weights that do not fit, or that leave no row.
        ParameterError: as `held_out`; or class_weight names a class that there is not, or there
            are none.
    """
    words = settings.class_weight
    if words is not None and class_names is None:
        raise ParameterError(
            f"class_weight is {printable(words)}, but the loss has no classes; use sample_weight"
        )
    if words is None and sample_weight is None and settings.validation_fraction is None:
        everything = np.arange(rows)
        return Selection(everything, everything[:0], None)
    # Rows of numbers or of several labels are all of one kind.
    kinds = np.zeros(rows, np.int64) if labels is None or class_names is None else labels
    weights = np.ones(len(class_names or ("all",)))
    if isinstance(words, str) and words != BALANCED and class_names is not None:
        weights = weights_by_class(words, class_names)
    own, of_class = sample_weights(sample_weight, rows), weights[kinds]
    counts = (own > 0) & (of_class > 0)
    left = np.arange(rows) if settings.normalize_weights else np.flatnonzero(counts)
    held = left[:0]
    if settings.validation_fraction is not None and counts.any():
        stream = Streams(settings.seed).of_run("split")
        kept, cut = held_out(kinds[left], settings.validation_fraction, stream, class_names)
        left, held = left[kept], left[cut]
    if not counts[left].any():
        raise DataError("all weights are 0; give at least one row a weight above 0")
    balances = kinds[left] if words == BALANCED else None
    return Selection(left, held, _combined(own[left], of_class[left], balances))


def _combined(
    own: Weights, of_class: Weights, balances: NDArray[np.int64] | None
) -> Weights | None:
    """Return the weights of rows, with the mean 1; None where all are 1.

    Args:
        own: of each row.
        of_class: that of its class.
        balances: its class, where classes are balanced instead; else None.
    """
    # Each by its largest first: no product or sum of them can overflow.
    own, of_class = own / own.max(), of_class / of_class.max()
    if balances is not None:
        counted = own > 0
        of_class = np.zeros(len(own))
        of_class[counted] = balanced(balances[counted], own[counted])
    weights = own * of_class
    weights = weights / weights.mean()
    return None if (weights == 1).all() else weights
