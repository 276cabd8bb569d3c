"""The prose of a report: how to read it, and what keeps it from being like for like."""

from __future__ import annotations

from samplewise.data.preprocessing import SCALE
from samplewise.report.part_one.measured import Measured
from samplewise.report.part_one.published import (
    FINAL,
    IMAGES_PER_CLASS,
    INPUTS,
    LEARNING_RATE,
    TRAINING_ROWS,
)
from samplewise.report.part_one.tables import summarize
from samplewise.report.spread import Spread, mean_text
from samplewise.report.wording import percent, runs

# The published final network is right on 99.5 % and more. Below this it has hardly learned.
HARDLY_LEARNED = 0.75


def reading(measured: Measured) -> tuple[str, ...]:
    """Return how to read the tables, in paragraphs."""
    ours = "one run"
    if measured.repeats > 1:
        ours = (
            f"the mean of {runs(measured.repeats)}, each from weights of its own, with the lowest "
            "and the highest beside it where they read differently"
        )
    columns = (
        f"“Published” is one run of the report; “here” is {ours}. Losses are means over an epoch, "
        "of the first (initial) and of the last (final). Training time is that of the training "
        "steps alone. Speed-up is the published time of a training step divided by our mean time "
        "of one."
    )
    chaos = (
        "Training can be chaotic: then another backend or processor, which rounds differently, "
        "changes a row's last figures as much as other weights do."
    )
    return tuple(filter(None, (columns, _together(measured), chaos)))


def _together(measured: Measured) -> str:
    if measured.at_once is None:
        return ""
    difference = max(run.loss_difference for row in measured.rows for run in row.runs)
    return (
        f"The {measured.at_once.networks} networks of a repeat, one of each row, trained together; "
        "losses, accuracies and pictures are of them. How long one of them took cannot be told, so "
        "each was trained by itself too: the training times are of that. The losses of an epoch "
        f"{f'differ by at most {difference:.0e}' if difference else 'are the same'}."
    )


def learning_rate_one(measured: Measured) -> str:
    """Return why a learning rate of 1 fails; empty where no row has it."""
    for row in measured.rows:
        if row.published.experiment == LEARNING_RATE and row.published.learning_rate == 1:
            break
    else:
        return ""
    ours = summarize(row, len(measured.data.training))
    return (
        f"At a learning rate of 1 the report's single neuron learns nothing: its loss ends at "
        f"{row.published.final_loss:.4f}, above the ln 2 = 0.6931 of a coin toss, with an accuracy "
        f"of {percent(row.published.accuracy)}. The steps are too large. After a few of them the "
        "hidden neuron is usually saturated: its output sticks at 0 or 1, the same for nearly "
        "every image, and its gradient, which has the sigmoid's slope a(1 - a) as a factor, "
        "vanishes. What still moves is the output neuron, its bias by about one half after every "
        "sample, towards the class seen last. Here this row ends at a loss of "
        f"{mean_text(ours.final_loss, '{:.4f}'.format)} and an accuracy of "
        f"{mean_text(ours.accuracy, percent)}."
    )


def what_differs(measured: Measured) -> tuple[str, ...]:
    """Return what differs from the report, a sentence or two each."""
    return tuple(filter(None, (_data(measured), _machine(measured), *_settings(measured))))


def _data(measured: Measured) -> str:
    dataset, label = measured.dataset, measured.dataset.title
    own = "the report's own file, which is shared with its course only"
    sizes = {IMAGES_PER_CLASS} == set(dataset.counts().tolist()) and dataset.features == INPUTS
    if dataset.synthetic or not sizes:
        return f"The data: {label} is not {own}. Losses and accuracies need not agree."
    return f"The data: unless {label} is {own}, losses and accuracies need not agree."


def _machine(measured: Measured) -> str:
    processor = measured.chosen.history.environment["processor"]
    return (
        "The machine: the published times come from a hosted notebook on an unknown processor, "
        f"ours from this one ({processor}). The speed-up compares two machines as well as two "
        "programs, so it is not like for like."
    )


def _settings(measured: Measured) -> list[str]:
    training, name = measured.data.training, measured.data.preprocessing.name
    sentences = []
    if len(training) != TRAINING_ROWS:
        sentences.append(
            f"The size: an epoch has {len(training):,} training rows here and {TRAINING_ROWS} in "
            "the report, so times do not compare as they stand. The speed-up is that of one step, "
            "which allows for it."
        )
    if training.features != INPUTS:
        sentences.append(
            f"The inputs: a row has {training.features:,} values here and {INPUTS} in the report, "
            "so that a step is another amount of work, also in the speed-up."
        )
    if measured.settings.training.dtype != "float64":
        sentences.append(
            f"The arithmetic: {measured.settings.training.dtype}, the report's is float64."
        )
    if name != SCALE:
        sentences.append(f"The preprocessing: {name}; the report divides pixels by 255.")
    return [*sentences, _hardly_learned(measured)]


def _hardly_learned(measured: Measured) -> str:
    rows = [row for row in measured.rows if row.published.experiment == FINAL]
    accuracies = [run.accuracy for row in rows for run in row.runs]
    if not accuracies or Spread.of(accuracies).mean >= HARDLY_LEARNED:
        return ""
    hint = (
        " With weights from N(0, 1), bright images saturate every neuron from the start; "
        "--preprocess standardize gives each image zero mean and often helps."
    )
    return "The outcome: the final network has hardly learned on this data." + (
        hint if measured.data.preprocessing.name == SCALE else ""
    )
