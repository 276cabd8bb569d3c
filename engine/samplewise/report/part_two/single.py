"""One row as a file, and what the saved models make of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.report.part_two.measured import Measured, MeasuredRow
from samplewise.report.wording import class_names, percent

IMAGE = "image.npy"


def model_file(identifier: str) -> str:
    """Return the name of the file of a row's saved model."""
    return f"{identifier}.safetensors"


def first_test_row(measured: Measured) -> NDArray[Any]:
    """Return the raw values of the first test row, in the shape of an image where it is one."""
    test = measured.data.test
    return test.X[0].reshape(test.image_shape or (-1,))


def single_prediction(row: MeasuredRow) -> str:
    """Return what a row's first run makes of the first test row, as a text."""
    test = row.first.data.test
    names, (probabilities,) = class_names(test), row.first.model.probabilities(test.X[:1])
    guess = int(np.argmax(probabilities))
    right = "right" if guess == test.labels[0] else f"it is {names[test.labels[0]]}"
    return f"class {names[guess]} with {percent(float(probabilities[guess]))}: {right}"
