"""Data that are cut and preprocessed as an experiment says."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import instance_of, printable
from samplewise.data.columns import feature_names
from samplewise.data.dataset import Dataset
from samplewise.data.labels import FEW_ROWS, REGRESSION, ROW_NAMES, WHOLE_NUMBER
from samplewise.data.pixels import warn_of_scale
from samplewise.data.preprocessing import NONE, STANDARDIZE, UNCHANGED, Preprocessing
from samplewise.data.split import shuffled, split
from samplewise.errors import DataError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.held_rows import HeldRows, held_rows
from samplewise.experiment.source_rows import load_source
from samplewise.streams import Streams
from samplewise.text import counted

_FAR_FROM_OVERFLOW = 1e30
WANTED_DATA = "data: must be a samplewise.Dataset or a result of samplewise.prepare"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A dataset cut and preprocessed, ready for any number of runs.

    Args:
        training, test: raw rows.
        preprocessing: fitted on the training rows.
        X: float64, the training rows as the network sees them.
        target_preprocessing: fitted on the targets of the training rows.
        validation: raw rows of validation_data; None where training holds rows out, or none.
    """

    training: Dataset
    test: Dataset
    preprocessing: Preprocessing
    X: NDArray[np.float64] = field(repr=False)
    target_preprocessing: Preprocessing = UNCHANGED
    validation: Dataset | None = None

    @property
    def inputs(self) -> NDArray[np.float64]:
        """The training rows in the shape that `train` takes; images keep height and width."""
        return self._shaped(self.X)

    @cached_property
    def validation_pair(self) -> tuple[NDArray[np.float64], NDArray[Any]] | None:
        """The validation rows and their targets as `train` takes them; None where there are none.

        The networks of a sweep share them.
        """
        held = self.validation
        if held is None:
            return None
        return self._shaped(self.preprocessing.apply(held.X)), self._learnt(held.targets)

    def _shaped(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = self.training.image_shape
        return X if shape is None else X.reshape(-1, *shape)

    @cached_property
    def targets(self) -> NDArray[Any]:
        """The targets of the training rows as the network learns them."""
        return self._learnt(self.training.targets)

    def _learnt(self, targets: NDArray[Any]) -> NDArray[Any]:
        return self.target_preprocessing.apply(targets) if self.standardizes_targets else targets

    @property
    def standardizes_targets(self) -> bool:
        """True where losses of training and validation rows are those of standardized targets."""
        return self.target_preprocessing.name != NONE

    def check_dtype(self, dtype: str) -> None:
        """Refuse a dtype whose numbers do not tell standardized targets apart in the data's units.

        Raises:
            DataError: an output's targets overflow, or differ by less than the numbers beside them.
        """
        step, targets = self.target_preprocessing, self.training.targets
        if step.mean is None or step.deviation is None:
            return
        largest, apart = np.abs(targets).max(axis=0), np.abs(targets - step.mean).max(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            spacing = np.spacing(largest.astype(dtype))
        # Targets that do not differ have a deviation of 1, and are right as far as they are finite.
        differ = apart >= step.deviation
        lost = np.flatnonzero(~np.isfinite(spacing) | (differ & (spacing >= step.deviation)))
        if len(lost):
            place = lost[0]
            raise DataError(
                f"standardize_targets: {dtype} must tell the targets of {self.training.name} "
                f"apart, got values up to {largest[place]:.3g} with a deviation of "
                f"{step.deviation[place]:.3g} in output {place} (counted from 0); train in "
                "float64, or subtract and divide them first"
            )

    def check_test_rows(self, dtype: str) -> None:
        """Refuse test rows whose values overflow once they are preprocessed.

        Raises:
            DataError: one does, in float64 or in a dtype.
        """
        with np.errstate(over="ignore"):
            if np.isfinite(np.dtype(dtype).type(self._largest_to_test)):
                return
            found = self.preprocessing.apply(self.test.X).astype(dtype)
        row, place = np.argwhere(~np.isfinite(found))[0]
        columns, name = self.test.columns, f"{place} (counted from 0)"
        if columns is not None:
            name = f"'{printable(feature_names(columns)[place])}'"
        raise DataError(
            f"test rows: the values of {self.test.name} must stay within {dtype} once "
            f"preprocessed ({self.preprocessing.name}), got {self.test.X[row, place]:.4g} in "
            f"column {name}; correct it or remove the row, or give the column in larger units"
        )

    @cached_property
    def _largest_to_test(self) -> float:
        """The most that a value of the test rows is as the network sees them; NaN of some."""
        step, X = self.preprocessing, self.test.X
        # Other steps keep the order of a column's values, or reverse it.
        if step.name != STANDARDIZE or step.mean is not None:
            X = np.stack([X.min(axis=0), X.max(axis=0)])
        elif max(float(X.max()), -float(X.min())) < _FAR_FROM_OVERFLOW:
            # n numbers of mean 0 and deviation 1 are below the root of n; those of a constant image
            # are rounding errors. So no row is prepared for this.
            return _FAR_FROM_OVERFLOW
        return float(np.abs(step.apply(X)).max())

    @property
    def title(self) -> str:
        """The name to show above figures of the training."""
        return self.training.title + ", targets standardized" * self.standardizes_targets


def prepare(experiment: Experiment, dataset: Dataset | None = None) -> Prepared:
    """Load, split and preprocess the data of an experiment.

    Args:
        experiment: the configuration; its data are loaded and split.
        dataset: used instead of loading that of `experiment.data`.

    Raises:
        DataError, ParameterError: the data cannot be used.
    """
    instance_of("experiment", experiment, Experiment)
    source = None
    if dataset is not None:
        instance_of("dataset", dataset, Dataset)
        dataset = of_chosen_classes(experiment, dataset)
    else:
        source = experiment.data.source
        dataset = load_source(experiment, experiment.data.classes)
    check_learnable(dataset)
    return prepared_with(experiment, dataset, held_rows(experiment, dataset, source))


def of_chosen_classes(experiment: Experiment, dataset: Dataset) -> Dataset:
    """Return the rows of a dataset that are of the classes which an experiment chooses.

    Raises:
        DataError: as `Dataset.select`.
    """
    if experiment.data.classes in (None, dataset.class_names):
        return dataset
    return dataset.select(experiment.data.classes or ())


def prepared_with(experiment: Experiment, dataset: Dataset, held: HeldRows) -> Prepared:
    """Split and preprocess the rows of an experiment, of which `held` are loaded.

    Raises:
        DataError, ParameterError: as `prepare`.
    """
    check_learnable(dataset)
    warn_of_scale(dataset)
    if held.test is None:
        training, test = cut(experiment, dataset)
    else:
        training, test = uncut(experiment, dataset), held.test
    step = Preprocessing.fit(experiment.data.preprocess, training)
    wanted = experiment.data.standardize_targets and training.values is not None
    of_targets = Preprocessing.fit_targets(training) if wanted else UNCHANGED
    return Prepared(training, test, step, step.apply(training.X), of_targets, held.validation)


def as_prepared(experiment: Experiment, data: Prepared | Dataset | None) -> Prepared:
    """Return data ready for an experiment: prepared already, a dataset, or the experiment's own.

    Raises:
        ParameterError: it is none of these.
        SamplewiseError: as `prepare`.
    """
    if data is None or isinstance(data, Dataset):
        return prepare(experiment, data)
    if not isinstance(data, Prepared):
        raise ParameterError(f"{WANTED_DATA}, got {type(data).__name__}")
    return data


def cut(experiment: Experiment, dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Return the rows to train on and those to test on, drawn as the experiment says."""
    data, stream = experiment.data, _streams(experiment).of_run("split")
    return split(dataset, data.test_fraction, stream, stratify=data.stratify)


def uncut(experiment: Experiment, dataset: Dataset) -> Dataset:
    """Return all rows to train on, in an order drawn as `cut` draws it: files may be sorted."""
    return shuffled(dataset, _streams(experiment).of_run("split"))


def _streams(experiment: Experiment) -> Streams:
    data, seed = experiment.data, experiment.training.seed
    return Streams(seed if data.split_seed is None else data.split_seed)


def check_learnable(dataset: Dataset) -> None:
    """Refuse labels that cannot be learnt as classes; a trained network may be tried on them.

    Raises:
        DataError: there is one class only, or so many for the rows that the labels look like
            measurements or names of the rows.
    """
    if dataset.values is not None:
        return
    classes, rows = len(dataset.class_names), len(dataset)
    if classes < 2:
        raise DataError(
            f"{dataset.name} has one class only ('{printable(dataset.class_names[0])}', "
            f"{counted(rows, 'sample')}); classification needs at least two classes; add rows of "
            "others, or learn numbers with a loss such as mean_squared_error"
        )
    numeric = all(map(WHOLE_NUMBER.fullmatch, dataset.class_names))
    # Of numbers, less than two rows a class are more likely measurements.
    if classes > FEW_ROWS and (classes == rows or (numeric and 2 * classes > rows)):
        raise DataError(
            f"{dataset.name}: {rows:,} rows have {classes:,} different labels; expected several "
            f"rows of each class; {REGRESSION if numeric else ROW_NAMES}"
        )
