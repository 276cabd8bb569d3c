"""What the report of Part 2 says, in words, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from samplewise.data.statistics import statistics
from samplewise.report.conditions import machine, preprocessing_text, threads_text, warning
from samplewise.report.document import (
    Block,
    Bullets,
    Document,
    FactList,
    Facts,
    Heading,
    Headline,
    Paragraph,
    Pictures,
)
from samplewise.report.part_two import pictures
from samplewise.report.part_two.measured import Measured, MeasuredRow
from samplewise.report.part_two.remarks import reading, what_differs
from samplewise.report.part_two.rows import CNN, OPTIMAL, VALIDATION_FRACTION
from samplewise.report.part_two.single import IMAGE, model_file, single_prediction
from samplewise.report.part_two.tables import accuracy, by_class, comparison, train_ms
from samplewise.report.wording import percent, runs
from samplewise.text import three_digits


def document(measured: Measured) -> Document:
    """Return what the report of these measurements says."""
    label, classes = measured.dataset.title, len(measured.dataset.class_names)
    return Document(
        title=f"Part 2 again: {classes} classes, {label}",
        lead="The networks with which the report's authors went on, in Keras, trained again with "
        f"samplewise on {label}, beside the published accuracies.",
        warning=warning(measured.dataset),
        headlines=_headlines(measured),
        blocks=(
            Heading("The networks"),
            *map(Paragraph, reading(measured)),
            comparison(measured.rows),
            FactList([(row.row.id, _network(row)) for row in measured.rows]),
            Heading("Training and validation"),
            *(Pictures((pictures.curves(measured, row),)) for row in measured.rows),
            *(block for section in _outcomes(measured) for block in section),
            *_one_image(measured),
            Heading("What differs from Part 2"),
            Bullets(what_differs(measured)),
            Heading("What was run"),
            FactList(_conditions(measured)),
            Heading("The data"),
            FactList(statistics(measured.dataset)),
            Heading("The machine"),
            FactList(machine(measured.rows[0].first.history, measured.settings.threads)),
        ),
    )


def _headlines(measured: Measured) -> tuple[Headline, ...]:
    label = measured.dataset.title
    shown = []
    for name, identifier in (("Optimal network", OPTIMAL), ("Small CNN", CNN)):
        row = measured.named(identifier)
        if row is None:
            continue
        ours, published = accuracy(row), row.row.accuracy
        beside = "not in Part 2" if published is None else f"published: {percent(published)}"
        of_runs = f"one run on {label}"
        if len(row.runs) > 1:
            of_runs = (
                f"mean of {runs(len(row.runs))} on {label}, from {percent(ours.low)} to "
                f"{percent(ours.high)}"
            )
        shown.append(Headline(f"{name}, test accuracy", percent(ours.mean), f"{of_runs}; {beside}"))
    ms = sum(train_ms(row).mean for row in measured.rows)
    everything = Headline(
        f"Training all {len(measured.rows)} networks",
        f"{three_digits(ms / 1e3)} s",
        "each once, without the rows kept for validation and testing; no times are published",
    )
    return (*shown, everything)


def _network(row: MeasuredRow) -> str:
    network, way = row.first.model.network, row.row
    rate = f"learning rate {way.learning_rate:g}, {way.schedule}"
    return (
        f"{way.layers(network.outputs)}; {network.layout.parameters:,} parameters; batch size "
        f"{way.batch_size}, {way.epochs} epochs, {rate}"
    )


def _outcomes(measured: Measured) -> Iterator[Sequence[Block]]:
    """Yield confusions, predictions and the classification report of the rows shown in full."""
    for title, identifier in (("The optimal network", OPTIMAL), ("The small CNN", CNN)):
        row = measured.named(identifier)
        if row is not None:
            yield (
                Heading(title),
                Pictures(pictures.outcome(row)),
                Paragraph(
                    f"Precision, recall and f1-score of row {identifier}, run 1, on the test rows "
                    f"of {measured.dataset.title}; support counts the rows of a class.",
                    quiet=True,
                ),
                by_class(row),
            )


def _one_image(measured: Measured) -> Sequence[Block]:
    """Return what the saved models make of one row, as Part 2 shows it for an uploaded image."""
    told = (
        f"Run 1 of each row is saved beside this report. {IMAGE} holds the first test row, raw; "
        f"samplewise predict {model_file(measured.rows[-1].row.id)} {IMAGE} tells its class again."
    )
    facts = [(model_file(row.row.id), single_prediction(row)) for row in measured.rows]
    return (Heading("One row, by the saved models"), Paragraph(told), FactList(facts))


def _conditions(measured: Measured) -> Facts:
    experiment, history = measured.rows[0].first.experiment, measured.rows[0].first.history
    data, seed = measured.data, measured.settings.seed
    held_out = f"{history.validation_rows:,} of {len(data.training):,} training rows"
    last_seed = seed + len(measured.rows) * measured.repeats - 1
    return [
        ("loss", "categorical cross-entropy"),
        ("optimizer", f"Adam, beta 0.9 and 0.999, epsilon {experiment.epsilon:g}"),
        ("training", "a new order for every epoch; weights after Glorot and Bengio, uniform"),
        ("validation", f"{held_out}, {VALIDATION_FRACTION:.0%} of each class to the nearest row"),
        ("training rows", f"{history.rows:,}, without those for validation"),
        ("repeats", f"{runs(measured.repeats)} of each row"),
        ("seeds", f"{seed} for the split, {seed} to {last_seed} for all else, one a run"),
        ("backend", f"{history.backend} ({history.backend_reason})"),
        ("plan", ", ".join(sorted({row.first.history.plan["name"] for row in measured.rows}))),
        ("arithmetic", f"{experiment.dtype}, {threads_text(experiment.threads)}"),
        ("preprocessing", preprocessing_text(data.preprocessing)),
        ("split", f"{len(data.training):,} rows for training, {len(data.test):,} for testing"),
        *(("note", text) for text in measured.notes),
    ]
