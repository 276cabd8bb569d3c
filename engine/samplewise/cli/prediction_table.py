"""The predictions of many rows: as a table on a terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.cli import console
from samplewise.data.inputs import Inputs
from samplewise.model.model import Model
from samplewise.network import ClassLoss
from samplewise.text import counted, six_digits

SHOWN_ROWS = 20
"""On a terminal; everything else gets all."""
SHOWN_CLASSES = 20
"""Maximum classes: with more, a table shows the probability of the predicted class only."""
_VALUES_AT_ONCE = 2**22


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of a model for rows.

    Args:
        name: of their source.
        key: "row" or "file".
        keys: the number from 0, or the file's name, of each row.
        outputs: name of each class, label or number.
        values: probabilities or numbers, (rows, outputs).
        classes: predicted class of each row; None where numbers or labels are predicted.
        true_classes: true class of each row, None where it is missing; None where none are known.
        true_values: true numbers (rows, outputs), NaN where they are missing; None likewise.
    """

    name: str
    key: str
    keys: list[int] | list[str]
    outputs: tuple[str, ...]
    values: NDArray[Any]
    classes: list[str] | None
    true_classes: list[str | None] | None = None
    true_values: NDArray[np.float64] | None = None

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the figures of each row, as JSON values."""
        for index, key in enumerate(self.keys):
            values = dict(zip(self.outputs, self.values[index].tolist(), strict=True))
            if self.classes is not None:
                true = None if self.true_classes is None else self.true_classes[index]
                decided = {"class": self.classes[index], "true_class": true}
                yield {self.key: key, **decided, "probabilities": values}
            elif self.true_values is not None:
                true_values = zip(self.outputs, self.true_values[index].tolist(), strict=True)
                known = {name: None if np.isnan(value) else value for name, value in true_values}
                yield {self.key: key, "values": values, "true_values": known}
            else:
                yield {self.key: key, "values": values}


def predictions(model: Model, inputs: Inputs, keys: list[int] | None = None) -> Predictions:
    """Return the predictions of raw rows, computed in parts of bounded size.

    Args:
        model: trained.
        inputs: raw rows on its scale.
        keys: number of each row that has no file; None counts from 0.
    """
    X, files, true = inputs.rows.X, inputs.files, inputs.classes
    predict = model.probabilities if model.loss.gives_probabilities else model.predict
    step = max(1, _VALUES_AT_ONCE // X.shape[1])
    parts = [predict(X[start : start + step]) for start in range(0, len(X), step)]
    found = np.concatenate([part.reshape(len(part), -1) for part in parts])
    decided = None
    if isinstance(model.loss, ClassLoss):
        decided = [model.class_names[index] for index in model.loss.decisions(found)]
    return Predictions(
        name=inputs.name,
        key="row" if files is None else "file",
        keys=list(files) if files is not None else keys or list(range(len(X))),
        outputs=model.output_names,
        values=found,
        classes=decided,
        true_classes=None if decided is None or true is None else list(true),
        true_values=inputs.values if decided is None else None,
    )


def json_of(found: Predictions) -> dict[str, Any]:
    """Return the predictions as a JSON value."""
    return {"input": found.name, "rows": list(found.records())}


def csv_of(found: Predictions) -> str:
    """Return the predictions as CSV, a line for each row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_header(found, "probability_", "true_"))
    for record in found.records():
        values = record.get("probabilities") or record["values"]
        line = [record[found.key]]
        if found.classes is not None:
            line.append(record["class"])
        if found.true_classes is not None:
            line.append(record["true_class"] or "")
        line += [repr(value) for value in values.values()]
        if found.true_values is not None:
            true = record["true_values"].values()
            line += ["" if value is None else repr(value) for value in true]
        writer.writerow(line)
    return text.getvalue()


def _header(found: Predictions, probability: str, true: str) -> list[str]:
    header = [found.key]
    if found.classes is not None:
        header.append("class")
    if found.true_classes is not None:
        header.append(f"{true}class")
    prefix = probability if found.classes is not None else ""
    header += [f"{prefix}{name}" for name in found.outputs]
    if found.true_values is not None:
        header += [f"{true}{name}" for name in found.outputs]
    return header


def show(found: Predictions) -> None:
    """Write the predictions to stdout in columns: all, or the first on a terminal."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    limit = SHOWN_ROWS if terminal else len(found.keys)
    shown = list(itertools.islice(found.records(), limit))
    brief = found.classes is not None and len(found.outputs) > SHOWN_CLASSES
    header = _header(found, "", "true ")
    if brief:
        header = [*header[: -len(found.outputs)], "probability"]
    console.table([_cells(found, record, brief) for record in shown], header, numbers=True)
    more = len(found.keys) - len(shown)
    if more > 0:
        console.note(f"... {counted(more, 'more row')}; --csv, --json or --out FILE gives all")


def _cells(found: Predictions, record: dict[str, Any], brief: bool) -> list[str]:
    cells = [str(record[found.key])]
    if found.classes is None:
        cells += [six_digits(value) for value in record["values"].values()]
        true = record.get("true_values", {}).values()
        return cells + ["" if value is None else six_digits(value) for value in true]
    cells.append(record["class"])
    if found.true_classes is not None:
        cells.append(record["true_class"] or "")
    probabilities = record["probabilities"]
    chosen = [probabilities[record["class"]]] if brief else probabilities.values()
    return cells + [f"{value:.4f}" for value in chosen]
