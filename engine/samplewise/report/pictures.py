"""The figures of a report."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from samplewise.plots import figures
from samplewise.report.measured import Measured
from samplewise.report.tables import by_experiment, curve_name
from samplewise.report.wording import class_names, percent, runs

PREDICTED_IMAGES = 10


@dataclass(frozen=True)
class Picture:
    """A figure with its words.

    Args:
        file: its name in the report's folder.
        png: its bytes.
        alt: what it shows, for those who do not see it.
        caption: the line below it.
    """

    file: str
    png: bytes
    alt: str
    caption: str


def loss_pictures(measured: Measured) -> dict[str, Picture]:
    """Return the loss curves of each experiment, by its name."""
    pictures = {}
    for experiment, rows in by_experiment(measured.rows):
        words = experiment.replace("_", " ")
        subject = "the final network" if experiment == "final" else f"{words} compared"
        losses = {curve_name(row.published): [run.losses for run in row.runs] for row in rows}
        means = {name: np.mean(of_runs, axis=0).tolist() for name, of_runs in losses.items()}
        ends = ", ".join(f"{name} at {mean[-1]:.3f}" for name, mean in means.items())
        title = f"Loss: {subject} · {measured.dataset.title}"
        many = measured.repeats > 1
        drawn = f"mean of {runs(measured.repeats)}, each run a thin line" if many else "one run"
        pictures[experiment] = Picture(
            file=f"loss-{words.replace(' ', '-')}.png",
            png=figures.loss_curves(means, title, losses if many else None),
            alt=f"Line chart of the training loss, {subject}. The curves end: {ends}.",
            caption=f"Training loss of each epoch on {measured.dataset.title}: {drawn}.",
        )
    return pictures


def confusion_picture(measured: Measured) -> Picture:
    """Return the confusion matrix of the chosen run."""
    chosen, label = measured.chosen, measured.dataset.title
    accuracy, counts = chosen.on_classes
    right = int(np.trace(counts))
    return Picture(
        file="confusion.png",
        png=figures.confusion(
            counts, class_names(measured.dataset), f"{measured.chosen_id}, run 1 · {label}"
        ),
        alt=f"Confusion matrix: {right} of {counts.sum()} test rows are predicted right.",
        caption=f"Confusion matrix of row {measured.chosen_id}, run 1: {right} of {counts.sum()} "
        f"test rows right, {percent(accuracy)}, on {label}.",
    )


def predictions_picture(measured: Measured) -> Picture | None:
    """Return the first test images with what the chosen run makes of them; None for a table."""
    test, model = measured.data.test, measured.chosen.model
    if test.image_shape is None:
        return None
    X, labels = test.X[:PREDICTED_IMAGES], test.labels[:PREDICTED_IMAGES]
    probabilities = model.probabilities(X)
    predicted = probabilities.argmax(axis=1)
    names, label = class_names(measured.dataset), measured.dataset.title
    captions = []
    for row, true, guess in zip(itertools.count(), labels, predicted, strict=False):
        text = f"{names[guess]} · {percent(float(probabilities[row, guess]))}"
        captions.append(text if guess == true else f"{text}\nis {names[true]}")
    wrong = (predicted != labels).tolist()
    images = X.reshape(-1, *test.image_shape)
    return Picture(
        file="predictions.png",
        png=figures.predicted_images(images, captions, f"Test images · {label}", wrong),
        alt="; ".join(caption.replace("\n", ", but ") for caption in captions),
        caption=f"The first {len(X)} test images of {label}, each with the class predicted by row "
        f"{measured.chosen_id}, run 1, and its probability. {_count(sum(wrong))} wrong"
        f"{', marked in orange' if any(wrong) else ''}.",
    )


def _count(wrong: int) -> str:
    return "None is" if wrong == 0 else "One is" if wrong == 1 else f"{wrong} are"
