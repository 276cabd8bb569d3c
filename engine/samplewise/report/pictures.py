"""The figures of one run that both parts of a report show: its confusions and its predictions."""

from __future__ import annotations

import numpy as np

from samplewise.experiment.run import ExperimentResult
from samplewise.plots import figures
from samplewise.report.document import Picture
from samplewise.report.wording import class_names, percent

PREDICTED_IMAGES = 10
# Both fit side by side on a page.
PAIR_WIDTH = 60


def confusion_picture(run: ExperimentResult, name: str, file: str) -> Picture:
    """Return the confusion matrix on the test rows of a run.

    Args:
        run: that learnt classes.
        name: of the run, as in "final-1, run 1".
        file: of the picture.
    """
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


def predictions_picture(run: ExperimentResult, name: str, file: str) -> Picture | None:
    """Return the first test images with what a run makes of them; None for a table."""
    test = run.data.test
    if test.image_shape is None:
        return None
    X, labels = test.X[:PREDICTED_IMAGES], test.labels[:PREDICTED_IMAGES]
    probabilities = run.model.probabilities(X)
    predicted = probabilities.argmax(axis=1)
    names, label = class_names(test), test.title
    captions = []
    for of_row, true, guess in zip(probabilities, labels, predicted, strict=True):
        text = f"{names[guess]} · {percent(float(of_row[guess]))}"
        captions.append(text if guess == true else f"{text}\nis {names[true]}")
    wrong = (predicted != labels).tolist()
    images = X.reshape(-1, *test.image_shape)
    return Picture(
        file=file,
        png=figures.predicted_images(images, captions, f"Test images · {label}", wrong),
        alt="; ".join(caption.replace("\n", ", but ") for caption in captions),
        caption=f"The first {len(X)} test images of {label}, each with the class predicted by row "
        f"{name}, and its probability. {_count(sum(wrong))} wrong"
        f"{', marked in orange' if any(wrong) else ''}.",
        width=PAIR_WIDTH - _confusion_width(len(names)),
    )


def _confusion_width(classes: int) -> int:
    return 18 if classes == 2 else 24


def _count(wrong: int) -> str:
    return "None is" if wrong == 0 else "One is" if wrong == 1 else f"{wrong} are"
