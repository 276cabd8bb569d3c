"""What a report says, in words and tables, whatever it is rendered as."""

from __future__ import annotations

import math
from dataclasses import dataclass

from samplewise.data.statistics import statistics
from samplewise.report.measured import Measured
from samplewise.report.pictures import (
    Picture,
    confusion_picture,
    loss_pictures,
    predictions_picture,
)
from samplewise.report.published import FINAL, LEARNING_RATE, TITLE, TRAINING_ROWS
from samplewise.report.remarks import learning_rate_one, reading, what_differs
from samplewise.report.tables import Spread, Table, mean_text, summarize, tables
from samplewise.report.wording import (
    class_names,
    percent,
    runs,
    three_digits,
    times,
)

Facts = list[tuple[str, str]]
_PREPROCESSING = {
    "scale": "each pixel divided by that of white, as in the report",
    "standardize": "zero mean and unit variance, of each image or of each column of a table",
    "none": "values as they are",
}


@dataclass(frozen=True)
class Headline:
    """A figure worth reading first: ours large, a line above and a line below."""

    name: str
    value: str
    detail: str


@dataclass(frozen=True)
class Section:
    """A table with its loss curves, and a remark or an empty text."""

    table: Table
    losses: Picture
    remark: str


@dataclass(frozen=True)
class Content:
    """A whole report. Texts are plain: a renderer escapes them.

    Args:
        title: holds the data's name.
        label: the data's name, to stand beside every table.
        lead: the opening sentence.
        warning: that the data is synthetic, else empty.
        headlines: the figures in brief.
        reading: how to read the tables, in paragraphs.
        sections: one an experiment.
        confusion, predictions: pictures of the chosen run; None where rows are no images.
        differences: what differs from the report.
        conditions, data, machine: facts as (name, value).
    """

    title: str
    label: str
    lead: str
    warning: str
    headlines: tuple[Headline, ...]
    reading: tuple[str, ...]
    sections: tuple[Section, ...]
    confusion: Picture
    predictions: Picture | None
    differences: tuple[str, ...]
    conditions: Facts
    data: Facts
    machine: Facts

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, in the order of the report."""
        last = (self.confusion, self.predictions)
        return tuple(
            picture
            for picture in (*(s.losses for s in self.sections), *last)
            if picture is not None
        )


def content(measured: Measured) -> Content:
    """Return what the report of these measurements says."""
    label, losses = measured.dataset.title, loss_pictures(measured)
    remarks = {LEARNING_RATE: learning_rate_one(measured)}
    first, second = class_names(measured.dataset)
    return Content(
        title=f"The report again: {first} against {second}, {label}",
        label=label,
        lead=f"The {len(measured.rows)} training runs of “{TITLE}”, run again with samplewise on "
        f"{label}, beside the published figures.",
        warning=_warning(measured),
        headlines=_headlines(measured),
        reading=reading(measured),
        sections=tuple(
            Section(table, losses[table.experiment], remarks.get(table.experiment, ""))
            for table in tables(measured.rows, len(measured.data.training))
        ),
        confusion=confusion_picture(measured),
        predictions=predictions_picture(measured),
        differences=what_differs(measured),
        conditions=_conditions(measured),
        data=statistics(measured.dataset),
        machine=_machine(measured),
    )


def _warning(measured: Measured) -> str:
    if not measured.dataset.synthetic:
        return ""
    return (
        "The images are synthetic: a program drew them. Losses and accuracies on them say nothing "
        "about photographs of hands; the times are as good as on any data of this size."
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
        ("arithmetic", f"{experiment.dtype}, {_threads(experiment.threads)}"),
        ("preprocessing", f"{data.preprocessing.name}: {_PREPROCESSING[data.preprocessing.name]}"),
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


def _machine(measured: Measured) -> Facts:
    environment = measured.chosen.history.environment
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    return [
        ("processor", environment["processor"]),
        ("cores", f"{environment['cores']} usable, {_threads(measured.settings.threads)} used"),
        ("system", environment["platform"]),
        ("versions", versions),
        ("libraries", "; ".join(environment["libraries"]) or "none found"),
    ]


def _threads(count: int) -> str:
    return f"{count} thread{'' if count == 1 else 's'}"
