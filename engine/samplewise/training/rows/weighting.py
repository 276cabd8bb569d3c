"""Weights of rows, from weights of classes and of samples."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import listed, must_be, not_negative, printable, suggestion
from samplewise.data.arrays import as_numbers
from samplewise.data.columns import composed, places
from samplewise.errors import DataError, ParameterError
from samplewise.name_lists import comma_items, quoted, unquoted

BALANCED = "balanced"
_WEIGHT = re.compile(r"[+-]?(?:[0-9]{1,99}+\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]{1,9})?")
Weights = NDArray[np.float64]


def class_weight_words(name: str, given: object) -> str:
    """Return class weights as a text: "balanced", or as "cat:2.5,dog:1.0", by class name.

    Args:
        name: of the setting, for messages.
        given: such a text, or a mapping from class to weight. A class is its name, or a number or
            bool where the labels are such. In a text, a name with a comma or a colon stands in
            double quotes.

    Raises:
        ParameterError: it is neither, names a class twice, or holds a weight that is negative or
            not finite.
    """
    if isinstance(given, str) and given == BALANCED:
        return BALANCED
    pairs = list(given.items()) if isinstance(given, Mapping) else _pairs(name, given)
    found: dict[str, float] = {}
    for key, value in pairs:
        label = _class_name(name, key)
        if label in found:
            raise ParameterError(f"{name} names class {printable(label)} twice; name it once")
        found[label] = not_negative(f"{name} of class {printable(label)}", value)
    if not found:
        raise ParameterError(f"{name} is empty; give a weight for at least one class")
    return ",".join(f"{quoted(label)}:{found[label]!r}" for label in sorted(found))


def _class_name(name: str, key: object) -> str:
    if isinstance(key, str) and key.strip():
        return composed(str(key))
    if isinstance(key, bool | np.bool_):
        return str(bool(key))
    if isinstance(key, Integral):
        return str(int(key))
    if isinstance(key, Real) and float(key).is_integer():
        return str(int(float(key)))
    raise ParameterError(
        f"{name} names the class '{printable(key)}'; expected the name of a class, or a whole "
        "number where the labels are numbers"
    )


def _pairs(name: str, given: object) -> list[tuple[str, float]]:
    try:
        return [_pair(item) for item in comma_items(given if isinstance(given, str) else "")]
    except ValueError:
        wanted = f"{BALANCED} or weights by class, as in cat:1,dog:2.5"
        remedy = "put a name with a comma or a colon in double quotes"
        raise ParameterError(must_be(name, wanted, given, remedy)) from None


def _pair(item: str) -> tuple[str, float]:
    label, _, weight = item.rpartition(":")
    label, weight = unquoted(label), weight.strip()
    if not label or not _WEIGHT.fullmatch(weight):
        raise ValueError
    return label, float(weight)


def weights_by_class(words: str, class_names: Sequence[str]) -> Weights:
    """Return the weight of each class, (classes,).

    Raises:
        ParameterError: it names a class that there is not.
    """
    weights, known = np.ones(len(class_names)), places(class_names)
    for label, weight in _pairs("class_weight", words):
        if label not in known:
            raise ParameterError(
                f"class_weight names the class '{printable(label)}', but the classes are "
                f"{listed(class_names)}{suggestion(label, class_names)}"
            )
        weights[known[label]] = weight
    return weights


def balanced(labels: NDArray[np.int64], weights: Weights) -> Weights:
    """Return balanced class weights, for each row: rows / (classes * rows of its class).

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
    weights = as_numbers("sample_weight", given)
    if weights.shape == (rows, 1):
        weights = weights[:, 0]
    if weights.shape != (rows,):
        raise DataError(
            f"sample_weight has shape {weights.shape}; expected ({rows},), one for each row of X"
        )
    wide = weights.astype(np.float64)
    bad = np.flatnonzero(~(np.isfinite(wide) & (wide >= 0)))
    if len(bad):
        raise DataError(
            f"sample_weight: must be finite numbers of at least 0, got {wide[bad[0]]} in row "
            f"{bad[0]}"
        )
    return wide
