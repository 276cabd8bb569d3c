"""`samplewise predict --worst`: the labelled rows whose predictions are furthest from the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.errors import ParameterError
from samplewise.options.kinds import whole

if TYPE_CHECKING:
    from samplewise.cli.prediction_table import Predictions

MOST_DRAWN = 100


def worst_number(said: str, *, drawn: bool) -> int:
    """Return the number of rows that --worst gives.

    Args:
        said: on the command line.
        drawn: whether a picture shows them.

    Raises:
        ParameterError: not a whole number from 1, or more than a picture shows.
    """
    number: int = whole(minimum=1).from_text("--worst", said)
    if drawn and number > MOST_DRAWN:
        raise ParameterError(f"--worst: --picture draws at most {MOST_DRAWN} rows, got {number:,}")
    return number


def worst_rows(found: Predictions, number: int) -> NDArray[np.int64]:
    """Return the positions of up to `number` rows, the one furthest from the truth first.

    A row is the further off, the less probable its true class is; or, of numbers and labels, the
    larger its largest error. Rows without the truth, or of a class that the model does not know,
    are left out.

    Raises:
        ParameterError: no row has it.
    """
    far = _distances(found)
    known = np.flatnonzero(~np.isnan(far))
    if not len(known):
        truth = "their true numbers" if found.classes is None else "a class that the model knows"
        raise ParameterError(f"--worst needs rows with {truth}; {printable(found.name)} has none")
    return known[np.argsort(-far[known], kind="stable")][:number]


def taken(found: Predictions, rows: NDArray[np.int64]) -> Predictions:
    """Return the predictions of these rows, in this order."""

    def of(values: list[Any] | None) -> Any:
        return None if values is None else [values[row] for row in rows]

    return replace(
        found,
        keys=of(found.keys),
        values=found.values[rows],
        classes=of(found.classes),
        true_classes=of(found.true_classes),
        true_values=None if found.true_values is None else found.true_values[rows],
    )


def captions(found: Predictions) -> tuple[list[str], list[bool]]:
    """Return a caption for the picture of each row, and whether its class is wrong."""
    texts, wrong = [], []
    for record in found.records():
        key = record["file"].rpartition("/")[2] if found.key == "file" else f"row {record['row']}"
        decided, true = record["class"], record["true_class"]
        probability = record["probabilities"][decided]
        # The figure first: a long name is cut at its end.
        texts.append(f"{key}\n{probability:.1%} {decided}\ntrue: {true}")
        wrong.append(decided != true)
    return texts, wrong


def _distances(found: Predictions) -> NDArray[np.float64]:
    """Return how far each row is from the truth, (rows,); NaN where that is unknown."""
    if found.classes is None:
        if found.true_values is None:
            return np.full(len(found.keys), np.nan)
        return np.asarray(np.abs(found.values - found.true_values).max(axis=1), np.float64)
    column: dict[str | None, int] = {name: k for k, name in enumerate(found.outputs)}
    far = np.full(len(found.keys), np.nan)
    for row, true in enumerate(found.true_classes or ()):
        if true in column:
            far[row] = 1 - found.values[row, column[true]]
    return far
