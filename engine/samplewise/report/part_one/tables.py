"""Tables of the published figures beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from samplewise.report.document import Cell, Column, Row, Table, beside_published, spread_cell
from samplewise.report.part_one.measured import MeasuredRow
from samplewise.report.part_one.published import (
    EXPERIMENTS,
    FINAL,
    LEARNING_RATE,
    TRAINING_ROWS,
    PublishedRow,
)
from samplewise.report.spread import Spread
from samplewise.report.wording import times
from samplewise.text import three_digits

COLUMNS = (
    *map(
        beside_published,
        ("initial loss", "final loss", "training time, ms", "test accuracy, %"),
    ),
    Column("speed-up", accent=True),
)
_TITLES = {
    "epochs": ("Number of epochs", "epochs"),
    "neurons": ("Number of neurons", "neurons"),
    LEARNING_RATE: ("Learning rate", "rate"),
    FINAL: ("The final network, three times", "row"),
}


@dataclass(frozen=True)
class Summary:
    """A row's runs, drawn together.

    Args:
        initial_loss, final_loss: mean loss of the first and the last epoch.
        train_ms: milliseconds.
        accuracy: in [0, 1].
        speed_up: published time of a training step by our mean time of one. The report trains on
            `TRAINING_ROWS` rows; with as many here, this is published time by our mean time.
    """

    initial_loss: Spread
    final_loss: Spread
    train_ms: Spread
    accuracy: Spread
    speed_up: float


def summarize(row: MeasuredRow, training_rows: int) -> Summary:
    """Return means, ranges and speed-up of a row's runs on so many training rows."""
    train_ms = Spread.of([run.train_ms for run in row.runs])
    steps = training_rows / TRAINING_ROWS
    return Summary(
        initial_loss=Spread.of([run.losses[0] for run in row.runs]),
        final_loss=Spread.of([run.losses[-1] for run in row.runs]),
        train_ms=train_ms,
        accuracy=Spread.of([run.accuracy for run in row.runs]),
        speed_up=row.published.train_ms * steps / train_ms.mean,
    )


def table(rows: Sequence[MeasuredRow], training_rows: int) -> Table:
    """Return the table of one experiment, measured on so many training rows."""
    _, label = _TITLES[rows[0].published.experiment]
    return Table(label, COLUMNS, tuple(_table_row(row, training_rows) for row in rows))


def title(experiment: str) -> str:
    """Return the title of an experiment's table."""
    return _TITLES[experiment][0]


def by_experiment(rows: Sequence[MeasuredRow]) -> Iterator[tuple[str, list[MeasuredRow]]]:
    """Yield each experiment that has rows, with its rows."""
    for experiment in EXPERIMENTS:
        own = [row for row in rows if row.published.experiment == experiment]
        if own:
            yield experiment, own


def setting(row: PublishedRow) -> str:
    """Return what sets a row apart from the others of its table: "20", "0.01", "final-2"."""
    if row.experiment == FINAL:
        return row.id
    value = {"epochs": row.epochs, "neurons": row.hidden, LEARNING_RATE: row.learning_rate}
    return f"{value[row.experiment]:g}"


def curve_name(row: PublishedRow) -> str:
    """Return a row's name where it stands by itself: "20 epochs", "learning rate 0.01"."""
    if row.experiment == FINAL:
        return row.id
    if row.experiment == LEARNING_RATE:
        return f"learning rate {setting(row)}"
    noun = _TITLES[row.experiment][1]
    return f"{setting(row)} {noun if setting(row) != '1' else noun[:-1]}"


def fixed_settings(row: PublishedRow) -> str:
    """Return the settings that all rows of a table share, as a text."""
    settings = {
        "neurons": f"{row.hidden} hidden {'neuron' if row.hidden == 1 else 'neurons'}",
        LEARNING_RATE: f"learning rate {row.learning_rate:g}",
        "epochs": f"{row.epochs} epochs",
    }
    return ", ".join(text for name, text in settings.items() if name != row.experiment)


def _table_row(row: MeasuredRow, training_rows: int) -> Row:
    ours, theirs = summarize(row, training_rows), row.published
    cells = (
        *_pair(theirs.initial_loss, ours.initial_loss, "{:.4f}".format),
        *_pair(theirs.final_loss, ours.final_loss, "{:.4f}".format),
        *_pair(theirs.train_ms, ours.train_ms, three_digits),
        *_pair(100 * theirs.accuracy, ours.accuracy.scaled(100), "{:.1f}".format),
        Cell(times(ours.speed_up)),
    )
    return Row(setting(theirs), cells)


def _pair(published: float, ours: Spread, shown: Callable[[float], str]) -> tuple[Cell, Cell]:
    return Cell(shown(published)), spread_cell(ours, shown)
