"""Targets that are classes: names, bool, whole numbers or one-hot rows, as indices with names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import must_be, printable
from samplewise.data.arrays import TEXT, as_array
from samplewise.data.class_indices import indices_among, whole_numbers
from samplewise.data.columns import places
from samplewise.data.labels import encode_labels
from samplewise.errors import DataError, ParameterError
from samplewise.network import Network
from samplewise.text import counted

TARGETS = "targets"
BOOL_NAMES = ("False", "True")


def class_targets(
    targets: ArrayLike,
    network: Network,
    class_names: Sequence[str] | None,
    name: str = TARGETS,
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return targets of a loss that learns classes as indices or one-hot rows, and class names.

    Text becomes the index of its class: among `class_names`, else in code-point order. Whole
    numbers and one-hot rows go by position, and true and false are 1 and 0. Without `class_names`,
    bool has the classes False and True, and indices are named "0", "1" and so on.

    Args:
        targets: one class a row, (n,) or (n, 1), as text, bool or whole numbers, or one-hot rows.
        network: whose outputs learn them.
        class_names: of the indices; None where they have no names.
        name: of the argument, for messages.

    Raises:
        DataError: the targets are not classes, or not those of the network and `class_names`.
        ParameterError: as many names as classes are expected.
    """
    given, classes = as_array(name, targets), number_of_classes(network)
    if class_names is not None:
        class_names = check_class_names(class_names, classes)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim == 1 and given.dtype.kind in TEXT:
        return _encoded(given, classes, class_names, name)
    if given.ndim == 1 and given.dtype.kind == "f":
        given = whole_numbers(given, name)
    if class_names is None:
        of_bool = given.ndim == 1 and given.dtype.kind == "b" and classes == len(BOOL_NAMES)
        class_names = BOOL_NAMES if of_bool else tuple(map(str, range(classes)))
    return given, class_names


def check_class_names(given: Sequence[str], classes: int) -> tuple[str, ...]:
    """Return the names of the classes as a tuple.

    Raises:
        ParameterError: not as many different texts as there are classes.
    """
    right = isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)
    if not right or len(places(given)) != len(given) or len(given) != classes:
        wanted = f"{classes} different texts, one for each class in the order of the outputs"
        raise ParameterError(must_be("class_names", wanted, given))
    return tuple(given)


def names_of_labels(labels: NDArray[Any]) -> tuple[str, ...]:
    """Return the text of each label of scikit-learn, which takes floats as labels where whole."""
    whole = labels.astype(np.int64) if labels.dtype.kind == "f" else labels
    return tuple(map(str, whole.tolist()))


def _encoded(
    given: NDArray[Any], classes: int, class_names: tuple[str, ...] | None, name: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if class_names is not None:
        return indices_among(given, class_names, name), class_names
    found, indices = encode_labels(given, name)
    if len(found) != classes:
        raise DataError(
            f"{name} hold {counted(len(found), 'class', 'classes')} "
            f"({printable(', '.join(found))}), but this network has {classes} classes; build the "
            "network for them, or give class_names"
        )
    return indices, found


def number_of_classes(network: Network) -> int:
    """Return the number of classes that a network distinguishes: two with one output."""
    return max(network.outputs, 2)
