"""The figures of Part 1."""

from __future__ import annotations

import numpy as np

from samplewise.plots import figures
from samplewise.report.document import Picture
from samplewise.report.part_one.measured import Measured
from samplewise.report.part_one.tables import by_experiment, curve_name
from samplewise.report.pictures import confusion_picture, predictions_picture
from samplewise.report.wording import runs


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


def confusion(measured: Measured) -> Picture:
    """Return the confusion matrix of the chosen run."""
    return confusion_picture(measured.chosen, f"{measured.chosen_id}, run 1", "confusion.png")


def predictions(measured: Measured) -> Picture | None:
    """Return the first test images with what the chosen run makes of them; None for a table."""
    return predictions_picture(measured.chosen, f"{measured.chosen_id}, run 1", "predictions.png")
