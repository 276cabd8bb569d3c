"""Part 2 of the report, with Keras: ten classes, deeper networks, Adam, mini-batches."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from samplewise.experiment.scores import classification_report
from samplewise.io.writing import write_bytes
from samplewise.model.model_file import save_model
from samplewise.report.content import Content, Texts, run_values
from samplewise.report.document import (
    BESIDE,
    Block,
    Cell,
    Column,
    FactList,
    Heading,
    Paragraph,
    Pictures,
    Table,
    TableRow,
)
from samplewise.report.measure import Measured, MeasuredRow
from samplewise.report.pictures import curves_picture, outcome_pictures
from samplewise.report.published import CNN, OPTIMAL, SMALL_CNN, FollowUpRow, follow_up_rows
from samplewise.report.wording import class_names
from samplewise.text import counted, percent, tenths, three_digits

IMAGE = "image.npy"
SHOWN = {OPTIMAL: "optimal network", CNN: "small CNN"}
COLUMNS = (
    Column("test accuracy, %", BESIDE),
    Column("validation", ("accuracy, %", "loss")),
    Column("training", ("accuracy, %", "loss", "time, ms")),
)
# In place of a figure that is not published.
NONE = "–"
MEASURES = ("precision", "recall", "f1-score")

Measurements = Measured[FollowUpRow]
Row = MeasuredRow[FollowUpRow]


def curves_file(identifier: str) -> str:
    """Return the name of the picture of a row's curves."""
    return f"curves-{identifier}.png"


def model_file(identifier: str) -> str:
    """Return the name of the file of a row's saved model."""
    return f"{identifier}.safetensors"


def facts(measured: Measurements) -> dict[str, Any]:
    """Return the values that the texts of this part name."""
    return {
        "optimal": measured.named(OPTIMAL),
        "cnn": measured.named(CNN),
        "beside": lambda row: "" if row is None else _beside(measured, row),
        "least_side": SMALL_CNN.least_side,
    }


def _beside(measured: Measurements, row: Row) -> str:
    """Return the source of a row's accuracy, and the published accuracy."""
    ours, published = row.spread("accuracy"), row.row.accuracy
    source = f"one run on {measured.dataset.title}"
    if measured.repeats > 1:
        source = (
            f"mean of {counted(measured.repeats, 'run')} on {measured.dataset.title}, from "
            f"{percent(ours.low)} to {percent(ours.high)}"
        )
    beside = "not in Part 2" if published is None else f"published: {percent(published)}"
    return f"{source}; {beside}"


def body(measured: Measurements, written: Texts) -> tuple[Block, ...]:
    """Return the table of the networks, their curves, and the outcome of those shown in full."""
    label, rows = measured.dataset.title, measured.rows
    blocks: list[Block] = [
        Heading("The networks"),
        *map(Paragraph, written["reading"]),
        comparison(rows),
        FactList([(row.row.id, _network(row)) for row in rows]),
        Heading("Training and validation"),
        *(Pictures((curves_picture(row, curves_file(row.row.id), label),)) for row in rows),
    ]
    for identifier, name in SHOWN.items():
        row = measured.named(identifier)
        if row is None:
            continue
        blocks += [
            Heading(f"The {name}"),
            Pictures(outcome_pictures(row, f"-{identifier}")),
            Paragraph(
                f"Precision, recall and f1-score of row {identifier}, run 1, on the test rows "
                f"of {label}; support counts the rows of a class.",
                quiet=True,
            ),
            by_class(row),
        ]
    predictions = FactList([(model_file(row.row.id), _prediction(row)) for row in rows])
    one_row = (Heading("One row, by the saved models"), Paragraph(written["one_row"]), predictions)
    return (*blocks, *one_row)


def comparison(rows: Sequence[Row]) -> Table:
    """Return the published accuracies beside ours, with the measures after the last epoch."""
    return Table("row", COLUMNS, tuple(TableRow(row.row.id, _cells(row)) for row in rows))


def _cells(row: Row) -> tuple[Cell, ...]:
    loss = "{:.4f}".format
    return (
        Cell(published_text(row)),
        Cell.of(row.spread("accuracy"), tenths),
        Cell.of(row.spread("validation_accuracies", -1), tenths),
        Cell.of(row.spread("validation_losses", -1), loss),
        Cell.of(row.spread("accuracies", -1), tenths),
        Cell.of(row.spread("losses", -1), loss),
        Cell.of(row.spread("train_ms"), three_digits),
    )


def published_text(row: Row) -> str:
    """Return the published accuracy in percent, or a dash."""
    return NONE if row.row.accuracy is None else tenths(row.row.accuracy)


def _network(row: Row) -> str:
    network, of_row = row.first.model.network, row.row
    return (
        f"{of_row.layers(network.outputs)}; {network.layout.parameters:,} parameters; batch size "
        f"{of_row.batch_size}, {of_row.epochs} epochs, learning rate {of_row.learning_rate:g}, "
        f"{of_row.schedule}"
    )


def by_class(row: Row) -> Table:
    """Return scikit-learn's classification report of the first run, on the test rows."""
    test, model = row.first.data.test, row.first.model
    names = class_names(test)
    decisions = model.probabilities(test.X).argmax(axis=1)
    report = classification_report(test.labels, decisions, names)

    def cells(name: str) -> Iterator[Cell]:
        yield from (Cell(f"{report[name][measure]:.4f}") for measure in MEASURES)
        yield Cell(f"{report[name]['support']:,.0f}")

    return Table(
        "class",
        tuple(map(Column, (*MEASURES, "support"))),
        tuple(TableRow(name, tuple(cells(name))) for name in (*names, "macro avg", "weighted avg")),
    )


def _prediction(row: Row) -> str:
    test = row.first.data.test
    names, (probabilities,) = class_names(test), row.first.model.probabilities(test.X[:1])
    guess = int(np.argmax(probabilities))
    right = "right" if guess == test.labels[0] else f"it is {names[test.labels[0]]}"
    return f"class {names[guess]} with {percent(float(probabilities[guess]))}: {right}"


def results(measured: Measurements) -> dict[str, Any]:
    """Return the measured values that only this part has, as JSON values."""
    return {"rows": [_row_results(row) for row in measured.rows]}


def _row_results(row: Row) -> dict[str, Any]:
    network = row.first.model.network
    return {
        "published": row.row.accuracy,
        "row": asdict(row.row),
        "layers": row.row.layers(network.outputs),
        "parameters": network.layout.parameters,
        "confusion": row.first.on_classes[1].tolist(),
        "runs": [run_values(run, ("plan", "loss_difference")) for run in row.runs],
    }


def save(measured: Measurements, folder: Path) -> None:
    """Save the model of each row's first run, and the first test row, raw."""
    for row in measured.rows:
        save_model(row.first.model, folder / model_file(row.row.id))
    test, image = measured.data.test, io.BytesIO()
    np.save(image, test.X[0].reshape(test.image_shape or (-1,)), allow_pickle=False)
    write_bytes(folder / IMAGE, image.getvalue())


def note(row: Row) -> str:
    """Return the line on a measured row."""
    return (
        f"{row.row.id:<12} accuracy {percent(row.spread('accuracy').mean)}  "
        f"{three_digits(row.spread('train_ms').mean)} ms"
    )


def cells(_measured: Measurements, row: Row) -> list[str]:
    """Return a row of the terminal's table."""
    return [
        row.row.id,
        published_text(row),
        row.spread("accuracy").text(tenths),
        tenths(row.spread("validation_accuracies", -1).mean),
        tenths(row.spread("accuracies", -1).mean),
        three_digits(row.spread("train_ms").mean),
    ]


CONTENT = Content(
    facts=facts,
    body=body,
    results=results,
    files=(
        *(file(row.id) for row in follow_up_rows() for file in (curves_file, model_file)),
        *(f"{kind}-{name}.png" for name in SHOWN for kind in ("confusion", "predictions")),
        IMAGE,
    ),
    note=note,
    header=("row", "test %", "here", "validation %", "training %", "ms"),
    cells=cells,
    save=save,
)
