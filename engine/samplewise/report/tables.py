"""Tables of the published figures beside ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from samplewise.report.measured import MeasuredRow
from samplewise.report.published import (
    EXPERIMENTS,
    FINAL,
    LEARNING_RATE,
    TRAINING_ROWS,
    PublishedRow,
)
from samplewise.report.wording import three_digits, times

HEADINGS = ("initial loss", "final loss", "training time, ms", "test accuracy, %")
_TITLES = {
    "epochs": ("Number of epochs", "epochs"),
    "neurons": ("Number of neurons", "neurons"),
    LEARNING_RATE: ("Learning rate", "rate"),
    FINAL: ("The final network, three times", "row"),
}


@dataclass(frozen=True)
class Spread:
    """Mean and range of repeats. A standard deviation of three runs would say less than these."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(math.fsum(values) / len(values), min(values), max(values))

    def scaled(self, factor: float) -> Spread:
        """Return the spread in another unit."""
        return Spread(factor * self.mean, factor * self.low, factor * self.high)


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


@dataclass(frozen=True)
class Cell:
    """A published figure and ours, as text; `spread` as `spread_text` gives it."""

    published: str
    mean: str
    spread: str


@dataclass(frozen=True)
class TableRow:
    """A row of a table: a cell for each of `HEADINGS`."""

    label: str
    cells: tuple[Cell, ...]
    speed_up: str


@dataclass(frozen=True)
class Table:
    """One of the report's tables.

    Args:
        experiment: one of `EXPERIMENTS`.
        title: of the table.
        setting: what the first column holds.
        fixed: the settings that all rows share, as a text.
        rows: in the report's order.
    """

    experiment: str
    title: str
    setting: str
    fixed: str
    rows: tuple[TableRow, ...]


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


def tables(rows: Sequence[MeasuredRow], training_rows: int) -> tuple[Table, ...]:
    """Return a table for each experiment that has rows, measured on so many training rows."""
    return tuple(
        Table(
            experiment,
            *_TITLES[experiment],
            _fixed(own[0].published),
            tuple(_table_row(row, training_rows) for row in own),
        )
        for experiment, own in by_experiment(rows)
    )


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


def _fixed(row: PublishedRow) -> str:
    settings = {
        "neurons": f"{row.hidden} hidden {'neuron' if row.hidden == 1 else 'neurons'}",
        LEARNING_RATE: f"learning rate {row.learning_rate:g}",
        "epochs": f"{row.epochs} epochs",
    }
    return ", ".join(text for name, text in settings.items() if name != row.experiment)


def _table_row(row: MeasuredRow, training_rows: int) -> TableRow:
    ours, theirs = summarize(row, training_rows), row.published
    cells = (
        _cell(theirs.initial_loss, ours.initial_loss, "{:.4f}".format),
        _cell(theirs.final_loss, ours.final_loss, "{:.4f}".format),
        _cell(theirs.train_ms, ours.train_ms, three_digits),
        _cell(100 * theirs.accuracy, ours.accuracy.scaled(100), "{:.1f}".format),
    )
    return TableRow(setting(theirs), cells, times(ours.speed_up))


def _cell(published: float, ours: Spread, shown: Callable[[float], str]) -> Cell:
    return Cell(shown(published), shown(ours.mean), spread_text(ours, shown))


def spread_text(spread: Spread, shown: Callable[[float], str]) -> str:
    """Return a range as text; empty where its ends read the same."""
    low, high = shown(spread.low), shown(spread.high)
    return "" if low == high else f"{low}–{high}"


def mean_text(spread: Spread, shown: Callable[[float], str]) -> str:
    """Return a mean as text, and behind it the range where there is one."""
    text = spread_text(spread, shown)
    return f"{shown(spread.mean)} ({text})" if text else shown(spread.mean)
