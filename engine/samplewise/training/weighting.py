"""How often rows count: weights of classes and of samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import not_negative, printable, whole_number
from samplewise.errors import DataError, ParameterError

BALANCED = "balanced"
_PAIR = re.compile(r"\s*([0-9]{1,9})\s*:\s*(-?[0-9]{1,99}(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,9})?)\s*")
Weights = NDArray[np.float64]


def class_weight_words(name: str, given: object) -> str:
    """Return class weights as a text: "balanced", or as "0:1.0,1:2.5", by class.

    Args:
        name: of the setting, for messages.
        given: such a text, or a mapping from class index to weight.

    Raises:
        ParameterError: it is neither, names a class twice, or holds a weight that is negative or
            not finite.
    """
    if given == BALANCED:
        return BALANCED
    pairs = list(given.items()) if isinstance(given, Mapping) else _pairs(name, given)
    found: dict[int, float] = {}
    for key, value in pairs:
        index = whole_number(f"class of {name}", key, minimum=0)
        if index in found:
            raise ParameterError(f"{name} names class {index} twice; name it once")
        found[index] = not_negative(f"{name} of class {index}", value)
    if not found:
        raise ParameterError(f"{name} is empty; give a weight for at least one class")
    return ",".join(f"{index}:{found[index]!r}" for index in sorted(found))


def _pairs(name: str, given: object) -> list[tuple[int, float]]:
    found = []
    for part in given.split(",") if isinstance(given, str) else [""]:
        match = _PAIR.fullmatch(part)
        if match is None:
            raise ParameterError(
                f"{name} is '{printable(given)}', but must be {BALANCED} or weights by class, as "
                "in 0:1,1:2.5"
            )
        found.append((int(match[1]), float(match[2])))
    return found


def weights_by_class(words: str, classes: int) -> Weights:
    """Return the weight of each class, (classes,).

    Args:
        words: as `class_weight_words` returned it, not "balanced".
        classes: number of them.

    Raises:
        ParameterError: it names a class that there is not.
    """
    weights = np.ones(classes)
    for part in words.split(","):
        index, value = part.split(":")
        if int(index) >= classes:
            raise ParameterError(
                f"class_weight names class {index}, but this network knows the classes 0 to "
                f"{classes - 1}"
            )
        weights[int(index)] = float(value)
    return weights


def balanced(labels: NDArray[np.int64], weights: Weights) -> Weights:
    """Return what makes all classes count the same: rows / (classes * rows of the class), a row.

    A row of weight w counts as w rows.
    """
    counts = np.bincount(labels, weights=weights)
    present = np.count_nonzero(counts)
    return np.asarray(weights.sum() / (present * counts[labels]))


def sample_weights(given: ArrayLike | None, rows: int) -> Weights:
    """Return the weight of each row, (rows,); 1 where none are given.

    Raises:
        DataError: not one number a row, or one is negative or not finite.
    """
    if given is None:
        return np.ones(rows)
    try:
        weights: NDArray[Any] = np.asarray(given)
    except ValueError as error:
        raise DataError(f"sample_weight: no array ({error})") from error
    if weights.dtype.kind not in "buif":
        raise DataError(f"sample_weight holds {weights.dtype} values; expected numbers")
    if weights.shape != (rows,):
        raise DataError(
            f"sample_weight has shape {weights.shape}; expected ({rows},), one a row of X"
        )
    wide = weights.astype(np.float64)
    bad = np.flatnonzero(~(np.isfinite(wide) & (wide >= 0)))
    if len(bad):
        raise DataError(
            f"sample_weight is {wide[bad[0]]} in row {bad[0]}; expected finite numbers of at "
            "least 0"
        )
    return wide
