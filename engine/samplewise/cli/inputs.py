"""What commands read besides datasets: a model or a run folder, and the one thing to predict."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable, whole_number
from samplewise.cli import console
from samplewise.data.npy_member import read_array
from samplewise.data.pixels import rows_from
from samplewise.errors import DataError, ModelFileError, ParameterError
from samplewise.experiment.config_file import read_config
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run_folder import CONFIG, MODEL
from samplewise.model import Model
from samplewise.model_file import load_model
from samplewise.regular_file import check_bytes, open_unchanged

# A photograph has some million pixels; no input that makes sense is larger.
MAX_INPUT_BYTES = 256 * 2**20
GREY_WHITE = 255.0


@dataclass(frozen=True, eq=False)
class Trained:
    """A model and, where it came in a run folder, the experiment that made it."""

    model: Model
    experiment: Experiment | None


@dataclass(frozen=True, eq=False)
class Input:
    """One row to predict.

    Args:
        row: raw values on the model's scale, shape (1, features).
        name: for messages and titles.
        true_class: where the input came with one.
    """

    row: NDArray[Any]
    name: str
    true_class: str | None = None


def load_trained(path: Path, sha256: str | None = None) -> Trained:
    """Return the model in a file, or in the folder of a run.

    Raises:
        ModelFileError: as `load_model`, or the folder holds no model.
        ConfigError: the folder's configuration cannot be read.
    """
    if not path.is_dir():
        return Trained(load_model(path, sha256=sha256), None)
    if not (path / MODEL).exists():
        raise ModelFileError(
            f"{printable(path)} holds no {MODEL}; expected a model file, or a folder that "
            "samplewise train wrote"
        )
    model = load_model(path / MODEL, sha256=sha256)
    return Trained(model, Experiment(**read_config(path / CONFIG)))


def on_model_scale(
    model: Model, X: NDArray[Any], full_scale: float | None, name: str
) -> NDArray[Any]:
    """Return raw rows with white where the model was trained to find it.

    Args:
        model: scales by its own white, or not at all.
        X: raw rows, (n, features).
        full_scale: the value of white in X, None for a table.
        name: of the rows, for the warning.
    """
    trained_on = model.preprocessing.full_scale
    if trained_on is None or full_scale is None or trained_on == full_scale:
        return X
    console.warning(
        f"white is {full_scale:g} in {name}, but was {trained_on:g} in training; "
        f"values are multiplied by {trained_on / full_scale:g}"
    )
    return np.asarray(X.astype(np.float64) * (trained_on / full_scale))


def read_input(model: Model, given: str, row: str | None) -> Input:
    """Return the row that a user wants predicted.

    Args:
        model: decides the size of an image.
        given: path of an image or of an .npy array, else a dataset as `sources.load` takes it.
        row: number of the dataset's row, from 0.

    Raises:
        DataError, ParameterError: it cannot be read, or does not fit the model.
    """
    from samplewise.data.image_file import FORMATS

    path, suffix = Path(given), Path(given).suffix.lower()
    if path.is_dir() or suffix not in (*FORMATS, ".npy"):
        return _dataset_row(model, given, row)
    if row is not None:
        raise ParameterError(f"--row goes with a dataset, but {printable(given)} is one input")
    return _array(model, path) if suffix == ".npy" else _image(model, path)


def _dataset_row(model: Model, given: str, row: str | None) -> Input:
    from samplewise.data.sources import load

    dataset = load(given)
    if row is None:
        raise ParameterError(
            f"{dataset.name} is a dataset of {len(dataset):,} rows; choose one with --row"
        )
    digits = row.isascii() and row.isdigit() and len(row) <= 18
    index = whole_number("--row", int(row) if digits else row, minimum=0, maximum=len(dataset) - 1)
    X = on_model_scale(model, dataset.X[index : index + 1], dataset.full_scale, dataset.name)
    true_class = dataset.class_names[int(dataset.labels[index])]
    return Input(X, f"row {index} of {dataset.name}", true_class)


def _array(model: Model, path: Path) -> Input:
    name = printable(path)
    with open_unchanged(path) as file:
        size = os.fstat(file.fileno()).st_size
        check_bytes(size, MAX_INPUT_BYTES, name)
        values = read_array(file, size, name, text=False)
    if values.size != model.network.inputs:
        raise DataError(
            f"{name} has shape {values.shape}, {values.size:,} values; this model takes one input "
            f"of {_wanted(model)}"
        )
    # As an image where the model knows images, so that the white of this one is found.
    rows = rows_from(values.reshape(1, *(model.image_shape or (-1,))), name)
    return Input(on_model_scale(model, rows.X, rows.full_scale, name), name)


def _wanted(model: Model) -> str:
    if model.image_shape is None:
        return f"{model.network.inputs:,} values"
    height, width = model.image_shape
    return f"{height} x {width} pixels"


def _image(model: Model, path: Path) -> Input:
    from PIL.Image import Resampling

    from samplewise.data.image_file import read_grey

    name = printable(path)
    if model.image_shape is None:
        raise DataError(
            f"{name} is an image, but this model takes {_wanted(model)} of a table; give it a "
            "dataset and --row, or an .npy array"
        )
    with open_unchanged(path) as file:
        check_bytes(os.fstat(file.fileno()).st_size, MAX_INPUT_BYTES, name)
        content = file.readall()
    height, width = model.image_shape
    grey = read_grey(content, name)
    if grey.size != (width, height):
        grey = grey.resize((width, height), Resampling.LANCZOS)
    # An image's white is 255 whatever the model's is: no surprise, so no warning.
    white = model.preprocessing.full_scale or GREY_WHITE
    pixels = np.asarray(grey, dtype=np.float64) * (white / GREY_WHITE)
    return Input(pixels.reshape(1, -1), name)
