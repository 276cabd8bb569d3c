"""Labels that can be learnt as classes."""

from __future__ import annotations

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.data.labels import FEW_ROWS, REGRESSION, ROW_NAMES, WHOLE_NUMBER
from samplewise.errors import DataError
from samplewise.text import counted


def check_learnable(dataset: Dataset) -> None:
    """Refuse labels that cannot be learnt as classes; a trained network may be tried on them.

    Raises:
        DataError: there is one class only, or so many for the rows that the labels look like
            measurements or names of the rows.
    """
    if dataset.values is not None:
        return
    classes, rows = len(dataset.class_names), len(dataset)
    if classes < 2:
        raise DataError(
            f"{dataset.name} has one class only ('{printable(dataset.class_names[0])}', "
            f"{counted(rows, 'sample')}); "
            "classification needs at least two classes; add rows of others, or learn numbers with "
            "a loss such as mean_squared_error"
        )
    numeric = all(map(WHOLE_NUMBER.fullmatch, dataset.class_names))
    # Of numbers, less than two rows a class are more likely measurements.
    if classes > FEW_ROWS and (classes == rows or (numeric and 2 * classes > rows)):
        raise DataError(
            f"{dataset.name}: {rows:,} rows have {classes:,} different labels; expected several "
            f"rows of each class; {REGRESSION if numeric else ROW_NAMES}"
        )
