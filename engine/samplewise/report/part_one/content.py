"""What the report of Part 1 says, in words and tables."""

from __future__ import annotations

import math
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
from samplewise.report.part_one.measured import Measured
from samplewise.report.part_one.pictures import confusion, loss_pictures, predictions
from samplewise.report.part_one.published import FINAL, LEARNING_RATE, TITLE, TRAINING_ROWS
from samplewise.report.part_one.remarks import learning_rate_one, reading, what_differs
from samplewise.report.part_one.tables import (
    by_experiment,
    fixed_settings,
    summarize,
    table,
    title,
)
from samplewise.report.spread import Spread, mean_text
from samplewise.report.wording import class_names, percent, runs, times
from samplewise.text import three_digits


def document(measured: Measured) -> Document:
    """Return what the report of these measurements says."""
    label = measured.dataset.title
    first, second = class_names(measured.dataset)
    return Document(
        title=f"The report again: {first} against {second}, {label}",
        lead=f"The {len(measured.rows)} training runs of “{TITLE}”, run again with samplewise on "
        f"{label}, beside the published figures.",
        warning=warning(measured.dataset),
        headlines=_headlines(measured),
        blocks=(
            Heading("The tables"),
            *map(Paragraph, reading(measured)),
            *(block for section in _sections(measured) for block in section),
            Heading("The final network"),
            Pictures(tuple(filter(None, (confusion(measured), predictions(measured))))),
            Heading("What differs from the report"),
            Bullets(what_differs(measured)),
            Heading("What was run"),
            FactList(_conditions(measured)),
            Heading("The data"),
            FactList(statistics(measured.dataset)),
            Heading("The machine"),
            FactList(machine(measured.chosen.history, measured.settings.threads)),
        ),
    )


def _sections(measured: Measured) -> Iterator[Sequence[Block]]:
    """Yield each experiment: its table, a remark where there is one, and its loss curves."""
    losses = loss_pictures(measured)
    remarks = {LEARNING_RATE: learning_rate_one(measured)}
    for experiment, rows in by_experiment(measured.rows):
        remark = remarks.get(experiment, "")
        yield (
            Heading(title(experiment), 3),
            Paragraph(
                f"{fixed_settings(rows[0].published)}; here on {measured.dataset.title}", True
            ),
            table(rows, len(measured.data.training)),
            *([Paragraph(remark)] if remark else []),
            Pictures((losses[experiment],)),
        )


def _headlines(measured: Measured) -> tuple[Headline, ...]:
    training_rows = len(measured.data.training)
    summaries = [summarize(row, training_rows) for row in measured.rows]
    theirs = math.fsum(row.published.train_ms for row in measured.rows)
    ours = math.fsum(summary.train_ms.mean for summary in summaries)
    speed_up = theirs / TRAINING_ROWS * training_rows / ours
    of_rows = Spread.of([summary.speed_up for summary in summaries])
    chosen = [row for row in measured.rows if row.published.experiment == FINAL] or [
        row for row in measured.rows if row.published.id == measured.chosen_id
    ]
    accuracy = Spread.of([run.accuracy for row in chosen for run in row.runs])
    published = Spread.of([row.published.accuracy for row in chosen])
    return (
        Headline(
            f"Training all {len(measured.rows)} rows",
            f"{three_digits(ours)} ms",
            f"each once{_together(measured)}; published: {three_digits(theirs)} ms"
            f"{_sizes(training_rows)}",
        ),
        Headline(
            "Speed-up of a training step",
            times(speed_up),
            f"over all rows; by row {times(of_rows.low)} to {times(of_rows.high)}; another "
            "machine, so not like for like",
        ),
        Headline(
            "Final network, test accuracy",
            percent(accuracy.mean),
            f"mean of {runs(sum(len(row.runs) for row in chosen))} on "
            f"{measured.dataset.title}, from {percent(accuracy.low)} to "
            f"{percent(accuracy.high)}; published: {percent(published.mean)}",
        ),
    )


def _together(measured: Measured) -> str:
    if measured.at_once is None:
        return ""
    ms = Spread.of(measured.at_once.train_ms).mean
    return f" by itself; all {measured.at_once.networks} together: {three_digits(ms)} ms"


def _sizes(training_rows: int) -> str:
    if training_rows == TRAINING_ROWS:
        return ""
    return f" for {TRAINING_ROWS} training rows; here {training_rows:,}"


def _conditions(measured: Measured) -> Facts:
    experiment, history = measured.chosen.experiment, measured.chosen.history
    data, seed = measured.data, measured.settings.seed
    last_seed = seed + len(measured.rows) * measured.repeats - 1
    return [
        ("network", f"{data.training.features} inputs, sigmoid neurons, 1 sigmoid output"),
        ("loss", "binary cross-entropy; class 1 where the output exceeds 0.5"),
        ("training", "batch size 1 in a fixed order; weights from N(0, 1), biases from 0"),
        ("repeats", f"{runs(measured.repeats)} of each row"),
        ("seeds", f"{seed} for the split, {seed} to {last_seed} for the weights, one a run"),
        ("backend", f"{history.backend} ({history.backend_reason})"),
        *_plans(measured),
        ("arithmetic", f"{experiment.dtype}, {threads_text(experiment.threads)}"),
        ("preprocessing", preprocessing_text(data.preprocessing)),
        ("split", f"{len(data.training):,} rows for training, {len(data.test):,} for testing"),
    ]


def _plans(measured: Measured) -> Facts:
    plans = sorted({run.plan for row in measured.rows for run in row.runs})
    at_once = measured.at_once
    if at_once is None:
        return [("plan", ", ".join(plans))]
    spread = mean_text(Spread.of(at_once.train_ms), three_digits)
    total = three_digits(math.fsum(at_once.train_ms))
    networks, every = at_once.networks, at_once.networks * measured.repeats
    return [
        ("plan", f"{', '.join(plans)} by itself, {at_once.plan} together"),
        (
            "together",
            f"the {networks} networks of a repeat in {spread} ms; all {every} in {total} ms",
        ),
    ]
