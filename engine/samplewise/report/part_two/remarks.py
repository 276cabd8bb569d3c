"""The prose of Part 2: how to read its table, and what keeps it from being like for like."""

from __future__ import annotations

from samplewise.report.part_two.measured import Measured
from samplewise.report.part_two.rows import CLASSES, CNN, TRAINING_ROWS, rows
from samplewise.report.wording import runs


def reading(measured: Measured) -> tuple[str, ...]:
    """Return how to read the table, in paragraphs."""
    ours = "one run"
    if measured.repeats > 1:
        ours = (
            f"the mean of {runs(measured.repeats)}, each from weights, order and validation rows "
            "of its own, with the lowest and the highest beside it where they read differently"
        )
    columns = (
        f"“Published” is one run of Part 2; “here” and all other columns are ours, {ours}. Losses "
        "and accuracies but that of the test rows are those of the last epoch; a training loss is "
        "the mean of the samples' losses before each one's update. Training time is that of the "
        "training steps alone."
    )
    return (columns, _cnn(measured))


def _cnn(measured: Measured) -> str:
    if measured.named(CNN) is not None:
        return (
            f"Row {CNN} is ours: two convolutions in front of one dense layer, which Part 2 leaves "
            "as future work."
        )
    (cnn,) = (row for row in rows() if row.id == CNN)
    return (
        f"A small convolutional network of ours is left out: it takes images of at least "
        f"{cnn.least_side} x {cnn.least_side} pixels."
    )


def what_differs(measured: Measured) -> tuple[str, ...]:
    """Return what differs from Part 2, a sentence or two each."""
    return tuple(filter(None, (_data(measured), _size(measured), *_settings(measured))))


def _data(measured: Measured) -> str:
    return (
        f"The data: Part 2 used its authors' own file, which is shared with their course only, and "
        f"here it is {measured.dataset.title}. Accuracies need not agree."
    )


def _size(measured: Measured) -> str:
    count, classes = len(measured.data.training), len(measured.dataset.class_names)
    if (count, classes) == (TRAINING_ROWS, CLASSES):
        return ""
    return (
        f"The size: {count:,} training rows of {classes} classes here, {TRAINING_ROWS:,} of "
        f"{CLASSES} in Part 2."
    )


def _settings(measured: Measured) -> tuple[str, ...]:
    dtype = measured.settings.training.dtype
    held_out = (
        "The validation rows: drawn here, in the proportion of the classes; Keras takes the last."
    )
    preprocessing = (
        f"The preprocessing: {measured.data.preprocessing.name}. Part 2 does not tell its own."
    )
    if dtype == "float32":
        return (held_out, preprocessing)
    return (held_out, preprocessing, f"The arithmetic: {dtype}; Keras computes in float32.")
