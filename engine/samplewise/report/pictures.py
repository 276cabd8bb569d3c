"""The pictures of both parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from samplewise.experiment.run import ExperimentResult
from samplewise.plots import figures
from samplewise.plots.training_curves import Runs, training_curves
from samplewise.report.document import Picture
from samplewise.report.measure import MeasuredRow, Run
from samplewise.report.published import FINAL
from samplewise.report.wording import class_names
from samplewise.text import counted, percent

PREDICTED_IMAGES = 10
# Both fit side by side on a page.
PAIR_WIDTH = 60


def loss_picture(
    experiment: str, losses: Mapping[str, list[tuple[float, ...]]], label: str
) -> Picture:
    """Return the loss curves of one table of part 1."""
    words = experiment.replace("_", " ")
    subject = "the final network" if experiment == FINAL else f"{words} compared"
    means = {name: np.mean(of_runs, axis=0).tolist() for name, of_runs in losses.items()}
    ends = ", ".join(f"{name} at {mean[-1]:.3f}" for name, mean in means.items())
    repeats = max(map(len, losses.values()))
    return Picture(
        file=f"loss-{words.replace(' ', '-')}.png",
        png=figures.loss_curves(
            means, f"Loss: {subject} · {label}", losses if repeats > 1 else None
        ),
        alt=f"Line chart of the training loss, {subject}. The curves end: {ends}.",
        caption=f"Training loss of each epoch on {label}: {_drawn(repeats)}.",
    )


def curves_picture(row: MeasuredRow[Any], file: str, label: str) -> Picture:
    """Return losses and accuracies of the runs of a row of part 2, epoch by epoch."""
    name = row.row.id
    mean = percent(row.spread("validation_accuracies", -1).mean)
    return Picture(
        file=file,
        png=training_curves(
            _curves(row.runs, "losses"), _curves(row.runs, "accuracies"), f"{name} · {label}"
        ),
        alt=f"Loss and accuracy of {name} over {len(row.runs[0].losses)} epochs; the accuracy on "
        f"the validation rows ends at {mean}.",
        caption=f"Row {name} on {label}: loss and accuracy of training and validation, "
        f"{_drawn(len(row.runs))}. On the validation rows the accuracy ends at {mean}.",
        width=52,
    )


def outcome_pictures(row: MeasuredRow[Any], suffix: str = "") -> tuple[Picture, ...]:
    """Return confusions of a row's first run and, where rows are images, its predictions."""
    name = f"{row.row.id}, run 1"
    confusion = confusion_picture(row.first, name, f"confusion{suffix}.png")
    if row.first.data.test.image_shape is None:
        return (confusion,)
    return (confusion, predictions_picture(row.first, name, f"predictions{suffix}.png"))


def confusion_picture(run: ExperimentResult, name: str, file: str) -> Picture:
    """Return the confusion matrix on the test rows of a run; `name` is "final-1, run 1"."""
    test, label = run.data.test, run.data.test.title
    accuracy, counts = run.on_classes
    right = int(np.trace(counts))
    return Picture(
        file=file,
        png=figures.confusion(counts, class_names(test), f"{name} · {label}"),
        alt=f"Confusion matrix: {right} of {counts.sum()} test rows are predicted right.",
        caption=f"Confusion matrix of row {name}: {right} of {counts.sum()} test rows right, "
        f"{percent(accuracy)}, on {label}.",
        width=_confusion_width(len(counts)),
    )


def predictions_picture(run: ExperimentResult, name: str, file: str) -> Picture:
    """Return the first test images with the class and probability that a run gives each."""
    test = run.data.test
    X, labels = test.X[:PREDICTED_IMAGES], test.labels[:PREDICTED_IMAGES]
    probabilities = run.model.probabilities(X)
    predicted = probabilities.argmax(axis=1)
    names, label = class_names(test), test.title
    captions = []
    for of_row, true, guess in zip(probabilities, labels, predicted, strict=True):
        text = f"{names[guess]} · {percent(float(of_row[guess]))}"
        captions.append(text if guess == true else f"{text}\nis {names[true]}")
    wrong = (predicted != labels).tolist()
    images = X.reshape(-1, *(test.image_shape or ()))
    return Picture(
        file=file,
        png=figures.predicted_images(images, captions, f"Test images · {label}", wrong),
        alt="; ".join(caption.replace("\n", ", but ") for caption in captions),
        caption=f"The first {len(X)} test images of {label}, each with the class predicted by row "
        f"{name}, and its probability. {_count(sum(wrong))} wrong"
        f"{', marked in orange' if any(wrong) else ''}.",
        width=PAIR_WIDTH - _confusion_width(len(names)),
    )


def _curves(runs: tuple[Run, ...], measure: str) -> dict[str, Runs]:
    names = {"training": measure, "validation": f"validation_{measure}"}
    return {rows: [getattr(run, name) for run in runs] for rows, name in names.items()}


def _drawn(runs: int) -> str:
    return f"mean of {counted(runs, 'run')}, each run a thin line" if runs > 1 else "one run"


def _confusion_width(classes: int) -> int:
    return 18 if classes == 2 else 24


def _count(wrong: int) -> str:
    return "None is" if wrong == 0 else "One is" if wrong == 1 else f"{wrong} are"
