"""What commands read besides datasets: a model or a run folder, and the one thing to predict."""

from __future__ import annotations

import dataclasses
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from samplewise.checks import printable, whole_number
from samplewise.cli import console
from samplewise.data.columns import CATEGORY, Columns, feature_names
from samplewise.data.inputs import Inputs, read_npy
from samplewise.data.pixels import Scale, on_scale, rows_from
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError, ModelFileError
from samplewise.experiment.config_file import KINDS, read_config
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run_folder import CONFIG, MODEL, RESULT
from samplewise.io.reading import check_bytes, open_unchanged
from samplewise.io.strict_json import parse
from samplewise.model.model import Model
from samplewise.model.model_file import load_model
from samplewise.network.losses import VALUES

# A photograph has some million pixels; no input that makes sense is larger.
MAX_INPUT_BYTES = 256 * 2**20
MAX_RESULT_BYTES = 2**24
_SHOWN = 5


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

    def experiment_if_there(self) -> Experiment | None:
        """Return what the configuration says, None where there is no such file.

        Raises:
            ConfigError: it cannot be read.
        """
        return self.experiment() if self.config is not None and self.config.exists() else None

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
        true_values: likewise, float64 (1, outputs), NaN where they are missing.
    """

    row: NDArray[Any]
    name: str
    true_class: str | None = None
    true_values: NDArray[Any] | None = None


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


def read_one(trained: Trained, given: str, said: Said) -> Input | None:
    """Return the one input that a path names: an image, or an .npy array of as many values.

    None where it names rows: another array, a folder, or a dataset as `load_inputs` takes it.

    Args:
        trained: decides the size of an image.
        given: the path.
        said: how it is read.

    Raises:
        DataError: an image or an array cannot be read, or an image does not fit the model.
        ParameterError: what is said cannot be.
    """
    from samplewise.data.sources.image_file import FORMATS

    path, suffix = Path(given), Path(given).suffix.lower()
    if suffix not in (*FORMATS, ".npy") or is_folder(given):
        return None
    full_scale = source_options(trained, said, of_files=suffix != ".npy").full_scale
    read = _array if suffix == ".npy" else _image
    return read(trained.model, path, full_scale)


def read_rows(trained: Trained, given: str, said: Said) -> Inputs:
    """Return the rows that a user wants predicted, on the model's scale.

    Args:
        trained: decides the size of images, and which column is where.
        given: as `load_inputs` takes it.
        said: how it is read.

    Raises:
        DataError, ParameterError: it cannot be read, or does not fit the model.
    """
    from samplewise.data.inputs import load_inputs
    from samplewise.data.sources.image_file import FORMATS

    model = trained.model
    options = source_options(trained, said, of_files=is_folder(given))
    try:
        found = load_inputs(given, options, model.columns)
    except DataError as error:
        # An image or an array may well have been meant.
        if Path(given).suffix.lower() in (".npz", ".csv", ".npy") or is_folder(given):
            raise
        raise DataError(f"{error}; or one image ({', '.join(FORMATS)}) or an .npy array") from error
    note_on_columns(model, found.columns, found.name)
    rows = found.rows
    X = on_model_scale(
        model,
        rows.X,
        rows.full_scale,
        found.name,
        array_dtype=rows.array_dtype,
        said=said.full_scale is not None,
    )
    return dataclasses.replace(found, rows=dataclasses.replace(rows, X=X))


def row_number(row: str, rows: int) -> int:
    """Return the number that --row gives.

    Raises:
        ParameterError: not a whole number from 0, or beyond the rows.
    """
    digits = row.isascii() and row.isdigit() and len(row) <= 18
    return whole_number("--row", int(row) if digits else row, minimum=0, maximum=rows - 1)


@dataclass(frozen=True)
class Said:
    """Options of reading a source, as given on the command line; None where they were not."""

    label: str | None = None
    drop: str | None = None
    full_scale: str | None = None


def source_options(trained: Trained, said: Said, *, of_files: bool) -> SourceOptions:
    """Return how rows are read that a model shall be used on.

    What is not said of labels and columns is as in the run that the model came from. Images get
    the size and fit of those that it was trained on, and image files the white.

    Args:
        trained: the model.
        said: what the user says now.
        of_files: whether the rows are made of image files.
    """
    model, run = trained.model, trained.experiment_if_there() or Experiment()
    options = SourceOptions(
        numbers=model.loss.learns == VALUES, label=run.label, drop=run.drop, fit=model.fit
    )
    if model.image_shape is not None:
        options = dataclasses.replace(options, image_size=model.image_shape)
    # Of an array or a table, it was the white of the rows; those of image files have 255.
    if of_files and run.full_scale not in (None, model.full_scale):
        options = dataclasses.replace(options, full_scale=run.full_scale)
    given = {
        field: KINDS[field].from_text(field, text)
        for field, text in dataclasses.asdict(said).items()
        if text is not None
    }
    return dataclasses.replace(options, **given)


def note_on_columns(model: Model, columns: Columns | None, name: str) -> None:
    """Say where columns are taken by their position, though some have names.

    Raises:
        DataError: some hold text, whose categories only a model with names would know.
    """
    if model.columns is None and columns is not None:
        text = [column.name for column in columns if column.kind == CATEGORY]
        if text:
            raise DataError(
                f"{name}: the column '{printable(text[0])}' holds text, but this model knows no "
                "names of columns and no categories; train one on such a table"
            )
        console.note(
            f"note: this model knows no names of columns; those of {name} are taken in their order"
        )
    elif model.columns is not None and columns is None and model.image_shape is None:
        known = ", ".join(printable(feature) for feature in feature_names(model.columns)[:_SHOWN])
        more = ", ..." if model.network.inputs > _SHOWN else ""
        console.note(
            f"note: the values of {name} have no names; they are taken in the order {known}{more}"
        )


def is_folder(given: str) -> bool:
    """Return whether a path names a folder that can be looked at."""
    with suppress(OSError):  # which reading the file then reports
        return Path(given).is_dir()
    return False


def _array(model: Model, path: Path, full_scale: float | None) -> Input | None:
    name = printable(path)
    values = read_npy(path)
    if values.size != model.network.inputs:
        if values.ndim > 1:
            return None
        raise DataError(
            f"{name} has shape {values.shape}, {values.size:,} values; this model takes one input "
            f"of {_wanted(model)}, or rows of them"
        )
    rows = rows_from(values.reshape(1, *(model.image_shape or (-1,))), name, full_scale)
    X = on_model_scale(
        model,
        rows.X,
        rows.full_scale,
        name,
        array_dtype=rows.array_dtype,
        said=full_scale is not None,
    )
    return Input(X, name)


def _wanted(model: Model) -> str:
    if model.image_shape is None:
        return f"{model.network.inputs:,} values"
    height, width = model.image_shape
    return f"{height} x {width} pixels"


def _image(model: Model, path: Path, full_scale: float | None) -> Input:
    from samplewise.data.sources.grey_levels import warn_of_few_bits
    from samplewise.data.sources.image_file import WHITE, read_pixels

    name = printable(path)
    if model.image_shape is None:
        raise DataError(
            f"{name} is an image, but this model takes {_wanted(model)} of a table; give it a "
            "dataset and --row, or an .npy array"
        )
    with open_unchanged(path) as file:
        check_bytes(os.fstat(file.fileno()).st_size, MAX_INPUT_BYTES, name)
        content = file.readall()
    pixels, found = read_pixels(content, name, model.image_shape, model.fit, full_scale)
    if full_scale is None and found.peak is not None:
        warn_of_few_bits(found.peak, name)
    # An image's white is 255 whatever the model's is: no surprise, so no warning.
    scaled = on_scale(pixels.reshape(1, -1), Scale(WHITE), Scale(_white(model)), name)
    return Input(scaled, name)
