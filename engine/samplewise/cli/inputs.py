"""What commands read besides datasets: a model or a run folder, and the one thing to predict."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from samplewise.checks import printable, whole_number
from samplewise.data.npy_member import read_array
from samplewise.data.pixels import Scale, on_scale, rows_from
from samplewise.errors import DataError, ModelFileError, ParameterError
from samplewise.experiment.config_file import read_config
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run_folder import CONFIG, MODEL, RESULT
from samplewise.model import Model
from samplewise.model_file import load_model
from samplewise.network.losses import VALUES
from samplewise.regular_file import check_bytes, open_unchanged
from samplewise.strict_json import parse

# A photograph has some million pixels; no input that makes sense is larger.
MAX_INPUT_BYTES = 256 * 2**20
MAX_RESULT_BYTES = 2**24


@dataclass(frozen=True, eq=False)
class Trained:
    """A model and, where it came in a run folder, the configuration that made it."""

    model: Model
    config: Path | None

    def experiment(self) -> Experiment | None:
        """Return what the configuration says, None for a model without one.

        Raises:
            ConfigError: it cannot be read.
        """
        return None if self.config is None else Experiment(**read_config(self.config))

    def training_fingerprint(self) -> str | None:
        """Return the fingerprint of the rows trained on, None where no run folder tells it."""
        try:
            with open_unchanged((self.config or Path()).with_name(RESULT)) as file:
                result = parse(file.read(MAX_RESULT_BYTES).decode("utf-8"))
            return str(result["data"]["training_fingerprint"])
        except (DataError, ValueError, LookupError, TypeError):
            return None


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
    """
    try:
        is_folder = path.is_dir()
        if is_folder and not (path / MODEL).exists():
            raise ModelFileError(
                f"{printable(path)} holds no {MODEL}; expected a model file, or a folder that "
                "samplewise train wrote"
            )
    except OSError as error:  # a name too long, or a folder that may not be looked into
        raise ModelFileError(
            f"cannot read {printable(path)}: {error.strerror}; check the path and its permissions"
        ) from error
    if not is_folder:
        return Trained(load_model(path, sha256=sha256), None)
    return Trained(load_model(path / MODEL, sha256=sha256), path / CONFIG)


def on_model_scale(
    model: Model,
    X: NDArray[Any],
    full_scale: float | None,
    name: str,
    *,
    array_dtype: str | None = None,
    said: bool = False,
) -> NDArray[Any]:
    """Return raw rows with white where the model was trained to find it, by `pixels.on_scale`.

    Args:
        model: knows its white, where it was trained on pixels.
        X: raw rows, (n, features).
        full_scale: the value of white in X, None where nothing says it.
        name: of the rows, for warnings.
        array_dtype: of the array that X came as, by name.
        said: whether the user gave `full_scale`.

    Raises:
        DataError: the rows have more or fewer values than the model takes.
    """
    if X.shape[1] != model.network.inputs:
        raise DataError(
            f"the rows of {name} have {X.shape[1]:,} values, but this model takes {_wanted(model)}"
        )
    trained_on = Scale(_white(model), model.array_dtype)
    return on_scale(X, Scale(full_scale, array_dtype), trained_on, name, said=said)


def _white(model: Model) -> float | None:
    """Return the value of white that a model was trained to find; older files have one of two."""
    return model.full_scale or model.preprocessing.full_scale


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
    if suffix not in (*FORMATS, ".npy") or _is_folder(path):
        return _dataset_row(model, given, row)
    if row is not None:
        raise ParameterError(f"--row goes with a dataset, but {printable(given)} is one input")
    return _array(model, path) if suffix == ".npy" else _image(model, path)


def _is_folder(path: Path) -> bool:
    with suppress(OSError):  # which reading the file then reports
        return path.is_dir()
    return False


def _dataset_row(model: Model, given: str, row: str | None) -> Input:
    from samplewise.data.image_file import FORMATS
    from samplewise.data.source_options import SourceOptions
    from samplewise.data.sources import load

    try:
        dataset = load(given, options=SourceOptions(numbers=model.loss.learns == VALUES))
    except DataError as error:
        # Without a row, an image or an array may well have been meant.
        if row is None and Path(given).suffix.lower() not in (".npz", ".csv"):
            raise DataError(
                f"{error}; or one image ({', '.join(FORMATS)}) or an .npy array"
            ) from error
        raise
    if row is None:
        raise ParameterError(
            f"{dataset.name} is a dataset of {len(dataset):,} rows; choose one with --row"
        )
    digits = row.isascii() and row.isdigit() and len(row) <= 18
    index = whole_number("--row", int(row) if digits else row, minimum=0, maximum=len(dataset) - 1)
    X = on_model_scale(
        model,
        dataset.X[index : index + 1],
        dataset.full_scale,
        dataset.name,
        array_dtype=dataset.array_dtype,
    )
    true_class = None
    if dataset.values is None:
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
    rows = rows_from(values.reshape(1, *(model.image_shape or (-1,))), name)
    X = on_model_scale(model, rows.X, rows.full_scale, name, array_dtype=rows.array_dtype)
    return Input(X, name)


def _wanted(model: Model) -> str:
    if model.image_shape is None:
        return f"{model.network.inputs:,} values"
    height, width = model.image_shape
    return f"{height} x {width} pixels"


def _image(model: Model, path: Path) -> Input:
    from samplewise.data.grey_levels import warn_of_few_bits
    from samplewise.data.image_file import WHITE, read_pixels

    name = printable(path)
    if model.image_shape is None:
        raise DataError(
            f"{name} is an image, but this model takes {_wanted(model)} of a table; give it a "
            "dataset and --row, or an .npy array"
        )
    with open_unchanged(path) as file:
        check_bytes(os.fstat(file.fileno()).st_size, MAX_INPUT_BYTES, name)
        content = file.readall()
    pixels, found = read_pixels(content, name, model.image_shape, model.fit)
    if found.peak is not None:
        warn_of_few_bits(found.peak, name)
    # An image's white is 255 whatever the model's is: no surprise, so no warning.
    scaled = on_scale(pixels.reshape(1, -1), Scale(WHITE), Scale(_white(model)), name)
    return Input(scaled, name)
