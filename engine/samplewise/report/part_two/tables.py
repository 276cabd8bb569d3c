"""The tables of Part 2."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.experiment.scores import classification_report
from samplewise.report.document import Cell, Column, Row, Table, beside_published, spread_cell
from samplewise.report.part_two.measured import MeasuredRow
from samplewise.report.spread import Spread
from samplewise.report.wording import class_names
from samplewise.text import three_digits

COLUMNS = (
    beside_published("test accuracy, %"),
    Column("validation", ("accuracy, %", "loss")),
    Column("training", ("accuracy, %", "loss", "time, ms")),
)
# What Part 2 has no figure for.
NONE = "–"
_MEASURES = ("precision", "recall", "f1-score")
_ALL = ("macro avg", "weighted avg")


def accuracy(row: MeasuredRow) -> Spread:
    """Return the accuracy on the test rows, in [0, 1]."""
    return Spread.of([run.accuracy for run in row.runs])


def train_ms(row: MeasuredRow) -> Spread:
    """Return the time of the training steps, in milliseconds."""
    return Spread.of([run.train_ms for run in row.runs])


def comparison(rows: Sequence[MeasuredRow]) -> Table:
    """Return the published accuracies beside ours, with the measures after the last epoch."""
    return Table("row", COLUMNS, tuple(Row(row.row.id, _cells(row)) for row in rows))


def _cells(row: MeasuredRow) -> tuple[Cell, ...]:
    published, ours = row.row.accuracy, row.runs
    return (
        Cell(NONE if published is None else f"{100 * published:.1f}"),
        _percent([run.accuracy for run in ours]),
        _percent([run.validation_accuracies[-1] for run in ours]),
        _loss([run.validation_losses[-1] for run in ours]),
        _percent([run.accuracies[-1] for run in ours]),
        _loss([run.losses[-1] for run in ours]),
        spread_cell(train_ms(row), three_digits),
    )


def _percent(shares: Sequence[float]) -> Cell:
    return spread_cell(Spread.of(shares).scaled(100), "{:.1f}".format)


def _loss(losses: Sequence[float]) -> Cell:
    return spread_cell(Spread.of(losses), "{:.4f}".format)


def by_class(row: MeasuredRow) -> Table:
    """Return scikit-learn's classification report of the first run, on the test rows."""
    test, model = row.first.data.test, row.first.model
    names = class_names(test)
    decisions = model.probabilities(test.X).argmax(axis=1)
    report = classification_report(test.labels, decisions, names)
    return Table(
        "class",
        tuple(map(Column, (*_MEASURES, "support"))),
        tuple(
            Row(
                name,
                (
                    *(Cell(f"{report[name][measure]:.4f}") for measure in _MEASURES),
                    Cell(f"{report[name]['support']:,.0f}"),
                ),
            )
            for name in (*names, *_ALL)
        ),
    )
