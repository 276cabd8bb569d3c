"""Weights of rows, from `sample_weight` and `class_weight`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight


def sample_weights(given: Any, X: NDArray[Any]) -> NDArray[Any] | None:
    """Return the weight of each row, (n,), of X's dtype; None where none are given.

    Raises:
        ValueError: not a finite number of at least 0 for each row, or all are 0.
    """
    if given is None:
        return None
    return _check_sample_weight(
        given, X, dtype=X.dtype, ensure_non_negative=True, allow_all_zero_weights=False
    )


def with_class_weight(
    weights: NDArray[Any] | None,
    class_weight: Mapping[Any, float] | str,
    classes: NDArray[Any],
    labels: NDArray[np.int64],
) -> NDArray[Any]:
    """Return the weights of rows times those of their classes.

    "balanced" weights go by the weighted rows of each class: rows / (classes * rows of the class).

    Args:
        weights: of the rows, or None.
        class_weight: by class, or "balanced".
        classes: all classes, sorted.
        labels: the index of the class of each row.

    Raises:
        ValueError: it names an unknown class, or weighs one below 0.
    """
    if isinstance(class_weight, str):
        # A class without weight would be divided by 0.
        counted = slice(None) if weights is None else weights > 0
        present = np.unique(labels[counted])
        of_classes = np.ones(len(classes))
        of_classes[present] = compute_class_weight(
            class_weight,
            classes=classes[present],
            y=classes[labels[counted]],
            sample_weight=None if weights is None else weights[counted],
        )
    else:
        of_classes = np.array([_weight(class_weight, one) for one in classes])
        _check_classes(class_weight, classes)
    return of_classes[labels] if weights is None else weights * of_classes[labels]


def _weight(class_weight: Mapping[Any, float], one: Any) -> float:
    given = class_weight.get(one, 1.0)
    try:
        weight = float(given)
    except (TypeError, ValueError):
        weight = math.nan
    if not (math.isfinite(weight) and weight >= 0):
        raise ValueError(
            f"class_weight: must be finite numbers of at least 0, got {given!r} of class {one}"
        )
    return weight


def _check_classes(class_weight: Mapping[Any, float], classes: NDArray[Any]) -> None:
    unknown = [one for one in class_weight if one not in set(classes.tolist())]
    if unknown:
        raise ValueError(
            f"class_weight: the classes, {unknown}, are not in y, whose classes are "
            f"{classes.tolist()}; leave them out"
        )
