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
from samplewise.data.columns import Columns
from samplewise.data.dataset import Dataset
from samplewise.data.loading import options_read
from samplewise.data.named_rows import note_on_order
from samplewise.data.pixels import RawRows, Scale, on_scale
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import CombinationError, DataError, ModelFileError, ParameterError
from samplewise.experiment.config_file import read_config
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.held_rows import options_like
from samplewise.experiment.prepared import Prepared
from samplewise.experiment.run_folder import CONFIG, RESULT
from samplewise.io.reading import exists, is_folder, open_unchanged
from samplewise.io.strict_json import parse
from samplewise.model.model import Model
from samplewise.model.model_file import MODEL_OF_RUN, load_model
from samplewise.network import ClassLoss
from samplewise.text import counted

MAX_RESULT_BYTES = 2**24


@dataclass(frozen=True, eq=False)
class TrainedModel:
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

    def has_changed(self, part: str, rows: Dataset) -> bool:
        """Return True if rows are not those of the run; False where no run folder tells.

        Args:
            part: that they are, training or test.
            rows: as the run had them, before preprocessing.
        """
        return _differs(self.config or Path(), part, rows)


def _differs(config: Path, part: str, rows: Dataset) -> bool:
    """Return True where the result beside a configuration is of other rows."""
    try:
        with open_unchanged(config.with_name(RESULT)) as file:
            result = parse(file.read(MAX_RESULT_BYTES).decode("utf-8"))
        return str(result["data"][f"{part}_fingerprint"]) != rows.fingerprint()
    except (DataError, ValueError, LookupError, TypeError):
        return False


def warn_of_other_rows(config: Path, experiment: Experiment, data: Prepared) -> None:
    """Warn where a run is repeated by its configuration, on data that have changed since.

    Args:
        config: the file of settings, maybe in the folder of a run.
        experiment: made of it; one whose data are chosen anew repeats no run.
        data: of the experiment.
    """
    try:
        run = Experiment.from_options(**read_config(config))
    except (ParameterError, CombinationError):
        # Settings of which flags make an experiment, and no run.
        return
    if (run.data, run.training.seed) != (experiment.data, experiment.training.seed):
        return
    parts = {"training": data.training, "test": data.test}
    changed = [part for part, rows in parts.items() if _differs(config, part, rows)]
    if changed:
        console.warning(
            f"the {' and '.join(changed)} rows of {printable(experiment.data.source)} have changed "
            f"since the run of {printable(config)}: its figures do not come out again"
        )


def load_trained(path: Path, sha256: str | None = None) -> TrainedModel:
    """Return the model in a file, or in the folder of a run.

    Raises:
        ModelFileError: as `load_model`, or the folder holds no model.
    """
    try:
        of_run = is_folder(path)
        if of_run and not exists(path / MODEL_OF_RUN):
            raise ModelFileError(
                f"{printable(path)} holds no {MODEL_OF_RUN}; expected a model file, or a folder "
                "that samplewise train wrote"
            )
    except OSError as error:  # a name too long, or a folder that may not be looked into
        raise ModelFileError(
            f"cannot read {printable(path)}: {error.strerror}; check the path and its permissions"
        ) from error
    if not of_run:
        return TrainedModel(load_model(path, sha256=sha256), None)
    return TrainedModel(load_model(path / MODEL_OF_RUN, sha256=sha256), path / CONFIG)


def source_options(trained: TrainedModel, given: Mapping[str, Any], source: str) -> SourceOptions:
    """Return the options that rows for a model are read with.

    Labels and columns that are not given are as in the run that the model came from. Images get
    the size and fit of those that it was trained on, and image files the white.

    Raises:
        ParameterError: an option is given that is not read for this source.
    """
    model, run = trained.model, (trained.experiment_if_there() or Experiment()).data
    known = options_like(
        source, run, image_shape=model.image_shape, full_scale=model.full_scale, fit=model.fit
    )
    said = {word: given[word] for word in READING if word in given}
    options = SourceOptions(
        numbers=not isinstance(model.loss, ClassLoss),
        **known | said,
    )
    options.check_read(source, options_read(source))
    return options


def on_model_scale(model: Model, rows: RawRows | Dataset, name: str, *, said: bool) -> NDArray[Any]:
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
    of_images = model.image_shape is not None
    note = note_on_order(model.columns, columns, name, of_images=of_images)
    if note:
        console.note(f"note: {note}")


def wanted(model: Model) -> str:
    """Return the size of a row that a model takes, for messages."""
    if model.image_shape is None:
        return counted(model.network.inputs, "value")
    height, width = model.image_shape
    return f"{height} x {width} pixels"
