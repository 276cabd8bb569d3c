"""A trained model, where it came from, and how rows are read for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.cli import console
from samplewise.cli.options import READING
from samplewise.data.columns import CATEGORY, Columns, feature_names
from samplewise.data.dataset import Dataset
from samplewise.data.loading import options_read
from samplewise.data.pixels import Rows, Scale, on_scale
from samplewise.data.sources.options import FOLDER_OPTIONS, SourceOptions
from samplewise.errors import DataError, ModelFileError
from samplewise.experiment.config_file import read_config
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run_folder import CONFIG, MODEL, RESULT
from samplewise.io.reading import open_unchanged
from samplewise.io.strict_json import parse
from samplewise.model.model import Model
from samplewise.model.model_file import load_model
from samplewise.network import ClassLoss
from samplewise.text import counted

MAX_RESULT_BYTES = 2**24
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Trained:
    """A model and, where it came in a run folder, the configuration that made it."""

    model: Model
    config: Path | None

    def experiment(self) -> Experiment | None:
        """Return the value in the configuration, None for a model without one.

        Raises:
            ConfigError: it cannot be read.
        """
        return None if self.config is None else Experiment.from_options(**read_config(self.config))

    def experiment_if_there(self) -> Experiment | None:
        """Return the value in the configuration, None without such a file.

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


def source_options(trained: Trained, given: Mapping[str, Any], source: str) -> SourceOptions:
    """Return the options that rows for a model are read with.

    Labels and columns that are not given are as in the run that the model came from. Images get
    the size and fit of those that it was trained on, and image files the white.

    Raises:
        ParameterError: an option is given that is not read for this source.
    """
    from samplewise.data.sources.image_file import FORMATS

    model, run = trained.model, (trained.experiment_if_there() or Experiment()).data
    read = options_read(source)
    known: dict[str, Any] = {"label": run.label, "drop": run.drop, "fit": model.fit}
    if model.image_shape is not None:
        known["image_size"] = model.image_shape
    # Of an array or a table, it was the white of the rows; those of image files have 255.
    of_files = read == FOLDER_OPTIONS or Path(source).suffix.lower() in FORMATS
    if of_files and run.full_scale not in (None, model.full_scale):
        known["full_scale"] = run.full_scale
    said = {word: given[word] for word in READING if word in given}
    options = SourceOptions(
        numbers=not isinstance(model.loss, ClassLoss),
        **{word: value for word, value in known.items() if word in read} | said,
    )
    options.check_read(source, read)
    return options


def on_model_scale(model: Model, rows: Rows | Dataset, name: str, *, said: bool) -> NDArray[Any]:
    """Return raw rows with white where the model was trained to find it, by `pixels.on_scale`.

    Args:
        model: knows its white, where it was trained on pixels.
        rows: raw values, (n, features), and where white lies in them.
        name: of the rows, for warnings.
        said: whether the user gave the value of white.

    Raises:
        DataError: the rows have more or fewer values than the model takes.
    """
    values = rows.X.shape[1]
    if values != model.network.inputs:
        raise DataError(
            f"the rows of {name} have {counted(values, 'value')}, but this model takes "
            f"{wanted(model)}"
        )
    given = Scale(rows.full_scale, rows.array_dtype)
    return on_scale(rows.X, given, Scale(white(model), model.array_dtype), name, said=said)


def white(model: Model) -> float | None:
    """Return the value of white that a model was trained to find; older files have one of two."""
    return model.full_scale or model.preprocessing.full_scale


def note_on_columns(model: Model, columns: Columns | None, name: str) -> None:
    """Say where columns are taken by their position, though some have names.

    Raises:
        DataError: some hold text, whose categories only a model with names would know.
    """
    if model.columns is None and columns is not None:
        text = [column.name for column in columns if column.kind == CATEGORY]
        if text:
            raise DataError(
                f"{name}: the column '{printable(text[0])}' holds text, but this model has no "
                "column names and no categories; train one on such a table"
            )
        console.note(
            f"note: this model has no column names; the columns of {name} are taken in their order"
        )
    elif model.columns is not None and columns is None and model.image_shape is None:
        known = ", ".join(printable(feature) for feature in feature_names(model.columns)[:_SHOWN])
        more = ", ..." if model.network.inputs > _SHOWN else ""
        console.note(
            f"note: the values of {name} have no names; they are taken in the order {known}{more}"
        )


def wanted(model: Model) -> str:
    """Return the size of a row that a model takes, for messages."""
    if model.image_shape is None:
        return counted(model.network.inputs, "value")
    height, width = model.image_shape
    return f"{height} x {width} pixels"
