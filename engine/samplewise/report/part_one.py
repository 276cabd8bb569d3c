"""Part 1 of the report: two classes, one hidden layer, one sample at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from samplewise.report.content import Content, Texts, run_values
from samplewise.report.document import (
    BESIDE,
    Block,
    Cell,
    Column,
    Heading,
    Paragraph,
    Pictures,
    Table,
    TableRow,
)
from samplewise.report.measure import Measured, MeasuredRow
from samplewise.report.pictures import loss_picture, outcome_pictures
from samplewise.report.published import (
    EXPERIMENTS,
    FINAL,
    IMAGES_PER_CLASS,
    INPUTS,
    LEARNING_RATE,
    TRAINING_ROWS,
    PublishedRow,
)
from samplewise.report.wording import Spread
from samplewise.text import counted, percent, tenths, three_digits, times

COLUMNS = (
    Column("initial loss", BESIDE),
    Column("final loss", BESIDE),
    Column("training time, ms", BESIDE),
    Column("test accuracy, %", BESIDE),
    Column("speed-up", accent=True),
)
# Title of each table, and the setting in which its rows differ.
TABLES = {
    "epochs": ("Number of epochs", "epochs"),
    "neurons": ("Number of neurons", "neurons"),
    LEARNING_RATE: ("Learning rate", "rate"),
    FINAL: ("The final network, three times", "row"),
}
# The published final network is right on 99.5 % and more. Below this it has hardly learned.
HARDLY_LEARNED = 0.75

Measurements = Measured[PublishedRow]
Row = MeasuredRow[PublishedRow]


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


def summarize(row: Row, training_rows: int) -> Summary:
    """Return means, ranges and speed-up of a row's runs on so many training rows."""
    train_ms = row.spread("train_ms")
    steps = training_rows / TRAINING_ROWS
    return Summary(
        initial_loss=row.spread("losses", 0),
        final_loss=row.spread("losses", -1),
        train_ms=train_ms,
        accuracy=row.spread("accuracy"),
        speed_up=row.row.train_ms * steps / train_ms.mean,
    )


def facts(measured: Measurements) -> dict[str, Any]:
    """Return the values that the texts of this part name."""
    training_rows = len(measured.data.training)
    speed_ups = Spread.of([summarize(row, training_rows).speed_up for row in measured.rows])
    published_ms = sum(row.row.train_ms for row in measured.rows)
    ours_ms = sum(row.spread("train_ms").mean for row in measured.rows)
    final = [row for row in measured.rows if row.row.experiment == FINAL]
    best = final or [measured.chosen]
    accuracies = [run.accuracy for row in best for run in row.runs]
    accuracy = Spread.of(accuracies)
    dataset = measured.dataset
    of_size = dataset.features == INPUTS and set(dataset.counts()) == {IMAGES_PER_CLASS}
    return {
        "published_ms": published_ms,
        "speed_up": published_ms / TRAINING_ROWS * training_rows / ours_ms,
        "speed_ups": speed_ups,
        "final_runs": len(accuracies),
        "accuracy": accuracy,
        "published_accuracy": Spread.of([row.row.accuracy for row in best]).mean,
        "loss_difference": max(run.loss_difference for row in measured.rows for run in row.runs),
        "rate_of_one": measured.named("rate-1"),
        "may_be_own": of_size and not dataset.synthetic,
        "hardly_learned": bool(final) and accuracy.mean < HARDLY_LEARNED,
    }


def body(measured: Measurements, written: Texts) -> tuple[Block, ...]:
    """Return each experiment's table, remark and loss curves, then the final network's outcome."""
    label = measured.dataset.title
    blocks: list[Block] = [Heading("The tables"), *map(Paragraph, written["reading"])]
    for experiment, rows in by_experiment(measured.rows):
        losses = {curve_name(row.row): [run.losses for run in row.runs] for row in rows}
        remarks = [written["rate_of_one"]] if experiment == LEARNING_RATE else []
        blocks += [
            Heading(TABLES[experiment][0], 3),
            Paragraph(f"{fixed_settings(rows[0].row)}; here on {label}", quiet=True),
            table(rows, len(measured.data.training)),
            *map(Paragraph, filter(None, remarks)),
            Pictures((loss_picture(experiment, losses, label),)),
        ]
    return (*blocks, Heading("The final network"), Pictures(outcome_pictures(measured.chosen)))


def by_experiment(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yield each experiment that has rows, with its rows."""
    for experiment in EXPERIMENTS:
        found = [row for row in rows if row.row.experiment == experiment]
        if found:
            yield experiment, found


def table(rows: Sequence[Row], training_rows: int) -> Table:
    """Return the table of one experiment, measured on so many training rows."""
    label = TABLES[rows[0].row.experiment][1]
    return Table(label, COLUMNS, tuple(_table_row(row, training_rows) for row in rows))


def _table_row(row: Row, training_rows: int) -> TableRow:
    ours, theirs = summarize(row, training_rows), row.row
    cells = (
        *_pair(theirs.initial_loss, ours.initial_loss, "{:.4f}".format),
        *_pair(theirs.final_loss, ours.final_loss, "{:.4f}".format),
        *_pair(theirs.train_ms, ours.train_ms, three_digits),
        *_pair(theirs.accuracy, ours.accuracy, tenths),
        Cell(times(ours.speed_up)),
    )
    return TableRow(setting(theirs), cells)


def _pair(published: float, ours: Spread, written: Callable[[float], str]) -> tuple[Cell, Cell]:
    return Cell(written(published)), Cell.of(ours, written)


def setting(row: PublishedRow) -> str:
    """Return the setting in which a row differs in its table: "20", "0.01", "final-2"."""
    value = {"epochs": row.epochs, "neurons": row.hidden, LEARNING_RATE: row.learning_rate}
    return row.id if row.experiment == FINAL else f"{value[row.experiment]:g}"


def curve_name(row: PublishedRow) -> str:
    """Return a row's name where it stands by itself: "20 epochs", "learning rate 0.01"."""
    if row.experiment in (FINAL, LEARNING_RATE):
        return f"{'learning rate ' if row.experiment == LEARNING_RATE else ''}{setting(row)}"
    noun = TABLES[row.experiment][1]
    return f"{setting(row)} {noun if setting(row) != '1' else noun[:-1]}"


def fixed_settings(row: PublishedRow) -> str:
    """Return the settings that all rows of a table share, as a text."""
    settings = {
        "neurons": counted(row.hidden, "hidden neuron"),
        LEARNING_RATE: f"learning rate {row.learning_rate:g}",
        "epochs": f"{row.epochs} epochs",
    }
    return ", ".join(text for name, text in settings.items() if name != row.experiment)


def results(measured: Measurements) -> dict[str, Any]:
    """Return the measured values that only this part has, as JSON values."""
    training_rows, at_once = len(measured.data.training), measured.at_once
    untracked = ("accuracies", "validation_losses", "validation_accuracies")
    return {
        "at_once": None if at_once is None else asdict(at_once),
        "rows": [
            {
                "published": asdict(row.row),
                "here": asdict(summarize(row, training_rows)),
                "runs": [run_values(run, untracked) for run in row.runs],
            }
            for row in measured.rows
        ],
        "confusion": {
            "row": measured.chosen.row.id,
            "run": 1,
            "counts": measured.chosen.first.on_classes[1].tolist(),
        },
    }


def note(row: Row) -> str:
    """Return the line on a measured row."""
    return (
        f"{row.row.id:<11} loss {row.spread('losses', -1).mean:.4f}  "
        f"accuracy {percent(row.spread('accuracy').mean)}  "
        f"{three_digits(row.spread('train_ms').mean)} ms"
    )


def cells(measured: Measurements, row: Row) -> list[str]:
    """Return a row of the terminal's table."""
    theirs, ours = row.row, summarize(row, len(measured.data.training))
    return [
        theirs.id,
        f"{theirs.final_loss:.4f}",
        f"{ours.final_loss.mean:.4f}",
        three_digits(theirs.train_ms),
        three_digits(ours.train_ms.mean),
        tenths(theirs.accuracy),
        ours.accuracy.text(tenths),
        times(ours.speed_up),
    ]


CONTENT = Content(
    facts=facts,
    body=body,
    results=results,
    files=(
        *(f"loss-{name.replace('_', '-')}.png" for name in EXPERIMENTS),
        "confusion.png",
        "predictions.png",
    ),
    note=note,
    # Short enough for a terminal of 80 columns.
    header=("row", "loss", "here", "ms", "here", "acc %", "here", "faster"),
    cells=cells,
)
