"""Figures of merit that training itself needs; scikit-learn has the rest.

scikit-learn's own would do, but importing it takes 0.6 s, a third of a whole short training run.
The tests hold these two against it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def accuracy(labels: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the share of decisions that are right, in [0, 1].

    Args:
        labels: what is right: the class of each row, (n,), or of labels that may hold at once
            whether each does, (n, labels). A row may be right in some of its labels.
        predicted: likewise.
    """
    return float(np.mean(labels == predicted))


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Return counts[true class, predicted class], int64 of shape (classes, classes)."""
    pairs = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)
