"""One cut of a dataset into training and test rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from samplewise.checks import open_fraction, printable
from samplewise.data.dataset import Dataset
from samplewise.data.labels import FEW_ROWS, REGRESSION, WHOLE_NUMBER
from samplewise.errors import ParameterError
from samplewise.text import counted


def split(
    dataset: Dataset, test_fraction: float, rng: Generator, *, stratify: bool = False
) -> tuple[Dataset, Dataset]:
    """Shuffle the rows once and cut off the last part for testing.

    Args:
        dataset: all rows.
        test_fraction: share of the test rows, in (0, 1); their number is rounded.
        rng: the stream named "split".
        stratify: cut every class in the same proportion, then shuffle each part.

    Returns:
        Training rows and test rows.

    Raises:
        ParameterError: a part would be empty, or a class would have no training row.
    """
    open_fraction("split", test_fraction)
    if stratify and dataset.values is not None:
        raise ParameterError(f"{dataset.name} holds numbers, not classes; leave out stratify")
    shuffled = rng.permutation(len(dataset))
    if stratify:
        training, test = _cut_each_class(dataset.labels, shuffled, test_fraction, rng)
    else:
        training, test = _cut(shuffled, test_fraction)
    if 0 in (len(training), len(test)):
        raise ParameterError(
            f"split: must leave a training and a test row, got {test_fraction}, which leaves "
            f"{len(training)} training and {len(test)} test rows of {len(dataset)}"
        )
    parts = dataset.take(training), dataset.take(test)
    empty = np.flatnonzero(parts[0].counts() == 0)
    if len(empty) > 0:
        names = dataset.class_names
        numbers = len(names) > FEW_ROWS and all(map(WHOLE_NUMBER.fullmatch, names))
        raise ParameterError(
            f"split: must leave a training row of each class, got {test_fraction}, which leaves "
            f"none of '{printable(names[empty[0]])}'; use stratify, or a smaller split"
            + f"; {REGRESSION}"
            * numbers
        )
    return parts


def shuffled(dataset: Dataset, rng: Generator) -> Dataset:
    """Return all rows in one random order, that of `split` before it cuts; `rng` is its stream."""
    return dataset.take(rng.permutation(len(dataset)))


def _cut(rows: NDArray[np.int64], fraction: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    kept = len(rows) - round(len(rows) * fraction)
    return rows[:kept], rows[kept:]


def held_out(
    labels: NDArray[np.int64],
    fraction: float,
    rng: Generator,
    class_names: Sequence[str] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out a share of the rows of each class.

    Args:
        labels: class indices, (n,).
        fraction: share of each class, in (0, 1); the number of rows is rounded.
        rng: decides which ones.
        class_names: of the indices, for messages; None calls classes by their index.

    Returns:
        Indices of the rows that are left and of those held out, both ascending.

    Raises:
        ParameterError: nothing would be held out, or a class would have no row left.
    """
    kept, held = _cut_each_class(labels, rng.permutation(len(labels)), fraction, rng)
    gone = np.setdiff1d(labels, labels[kept])
    if len(held) == 0 or len(gone) > 0:
        wanted, amount = "a row to validate on", _amount(labels)
        if len(gone):
            name = gone[0] if class_names is None else class_names[gone[0]]
            wanted = "a training row of each class"
            amount = f"{counted(len(labels), 'row')}, which leaves none of '{printable(name)}'"
        raise ParameterError(
            f"validation_fraction: must leave {wanted}, got {fraction} of {amount}; use another "
            "validation_fraction, or more rows"
        )
    return np.sort(kept), np.sort(held)


def _amount(labels: NDArray[np.int64]) -> str:
    rows, classes = counted(len(labels), "row"), len(np.unique(labels))
    return rows if classes == 1 else f"{rows} in {classes:,} classes, each of which is divided"


def _cut_each_class(
    labels: NDArray[np.int64], shuffled: NDArray[np.int64], fraction: float, rng: Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cuts = [_cut(shuffled[labels[shuffled] == k], fraction) for k in np.unique(labels)]
    training = np.concatenate([kept for kept, _ in cuts])
    test = np.concatenate([cut for _, cut in cuts])
    return rng.permutation(training), rng.permutation(test)
