"""Labels of a caller as indices of classes whose names are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import listed, printable, suggestion
from samplewise.data.arrays import TEXT, as_array, check_finite
from samplewise.data.columns import composed, places
from samplewise.data.labels import encode_labels
from samplewise.errors import DataError, ErrorList
from samplewise.name_lists import option_value

if TYPE_CHECKING:
    from samplewise.data.dataset import Dataset

# From here on, float64 skips whole numbers.
_WHOLE = 2**53


def class_indices(
    labels: object, class_names: Sequence[str], name: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the index of each label among the class names, and these.

    Args:
        labels: of each row, (n,) or (n, 1). Text is looked up; whole numbers and bool are indices.
        class_names: of the indices; empty takes the labels themselves, as `encode_labels`.
        name: of the dataset, for messages.

    Raises:
        DataError: a label is missing, or is not a class or a whole number.
    """
    given = as_array(f"{name}: labels", labels)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if not class_names:
        _refuse_measured(given, name)
        names, indices = encode_labels(given, name)
        return indices, names
    if given.ndim == 1 and given.dtype.kind in TEXT:
        return indices_among(given, tuple(class_names), f"{name}: labels"), tuple(class_names)
    if given.ndim == 1 and given.dtype.kind == "f":
        given = whole_numbers(given, f"{name}: labels")
    if given.dtype.kind not in "biu":
        raise DataError(
            f"{name}: labels are {printable(given.dtype)}; expected the names of classes, or their "
            "indices among class_names"
        )
    return given.astype(np.int64, copy=False), tuple(class_names)


def _refuse_measured(given: NDArray[Any], name: str) -> None:
    """Refuse floats that are not whole: they are the numbers of a regression."""
    if given.dtype.kind != "f":
        return
    fractional = np.isfinite(given) & (given != np.rint(given))
    if fractional.any():
        raise DataError(
            f"{name}: labels are measured values, such as {given[fractional][0]}, and not classes; "
            "give them as values, without labels, and choose a loss that learns numbers"
        )


def indices_among(
    given: NDArray[Any], class_names: tuple[str, ...], name: str
) -> NDArray[np.int64]:
    """Return the index of each text (n,) among the class names.

    Raises:
        DataError: one is not among them; `name` says where.
    """
    found, indices = encode_labels(given, name)
    known, errors = places(class_names), ErrorList(DataError)
    for label in found:
        if label not in known:
            errors.add(
                DataError(
                    f"{name} hold the class '{printable(label)}', but the classes are "
                    f"{listed(class_names)}{suggestion(label, class_names)}"
                )
            )
    errors.check()
    return np.array([known[label] for label in found])[indices]


def with_class_names(dataset: Dataset, class_names: tuple[str, ...], whose: str) -> Dataset:
    """Return a dataset of classes with its classes numbered as others are.

    Args:
        dataset: of classes.
        class_names: the others, by their numbers.
        whose: knows them, for messages, such as "this model".

    Raises:
        DataError: a class is not among the others.
    """
    known = places(class_names)
    found = [composed(name) for name in dataset.class_names]
    unknown = [name for name in found if name not in known]
    if unknown:
        shared = [name for name in class_names if composed(name) in found]
        hint = f": choose with --classes {option_value(shared)}" if len(shared) > 1 else ""
        raise DataError(
            f"{dataset.name} has the class '{printable(unknown[0])}', which {whose} does not know; "
            f"it knows {listed(class_names)}{hint or suggestion(unknown[0], class_names)}"
        )
    numbers = np.array([known[name] for name in found])
    return replace(dataset, labels=numbers[dataset.labels], class_names=class_names)


def whole_numbers(given: NDArray[Any], name: str) -> NDArray[Any]:
    """Return floats (n,) as integers where all are whole, else as they are.

    Raises:
        DataError: one is not finite; `name` says where.
    """
    check_finite(given[:, np.newaxis], name)
    # The limit is beyond float16.
    wide = given.astype(np.result_type(given, np.float64), copy=False)
    fits = (wide == np.rint(wide)) & (np.abs(wide) < _WHOLE)
    return given.astype(np.int64) if fits.all() else given
