"""Which of the rows given are trained on, which are held out, and how often each counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.data.split import held_out
from samplewise.errors import DataError
from samplewise.streams import Streams
from samplewise.training.settings import TrainingSettings
from samplewise.training.weighting import BALANCED, balanced, sample_weights, weights_by_class

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
    weights: NDArray[np.float64] | None


def select(
    labels: Indices,
    classes: int,
    settings: TrainingSettings,
    sample_weight: ArrayLike | None = None,
) -> Selection:
    """Choose among the rows given.

    A row whose weight is 0 is left out before anything else is decided, so that it is as if it had
    not been given. The weight of a row is that of its class times its own. Weights are scaled to
    the mean 1 over the training rows: with one batch of all rows, a row of weight 2 then counts
    exactly as that row twice.

    Args:
        labels: class indices, (n,).
        classes: number of them.
        settings: validation_fraction, class_weight and seed count.
        sample_weight: of each row; None for 1 each.

    Raises:
        DataError: weights that do not fit, or that leave no row.
        ParameterError: as `held_out`; or class_weight names a class that there is not.
    """
    words, of_class = settings.class_weight, np.ones(classes)
    if isinstance(words, str) and words != BALANCED:
        of_class = weights_by_class(words, classes)
    factors = sample_weights(sample_weight, len(labels)), of_class[labels]
    left = np.flatnonzero((factors[0] > 0) & (factors[1] > 0))
    if len(left) == 0:
        raise DataError("all weights are 0; give at least one row a weight above 0")
    held = left[:0]
    if settings.validation_fraction is not None:
        stream = Streams(settings.seed).generator("split")
        kept, cut = held_out(labels[left], settings.validation_fraction, stream)
        left, held = left[kept], left[cut]
    # Each by its largest first: no product or sum of them can overflow.
    own, other = (factor[left] / factor[left].max() for factor in factors)
    own = own * (balanced(labels[left], own) if words == BALANCED else other)
    own = own / own.mean()
    return Selection(left, held, None if (own == 1).all() else own)
