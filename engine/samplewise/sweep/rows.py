"""The rows of a sweep: each dataset is loaded once, and cut and prepared for a group of trials."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable
from typing import Any

from samplewise.data.dataset import Dataset
from samplewise.experiment.data_settings import DataSettings
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.held_rows import HeldRows, held_rows
from samplewise.experiment.prepared import Prepared, of_chosen_classes, prepared_with
from samplewise.experiment.source_rows import load_source
from samplewise.options.words import words_of
from samplewise.sweep.trials import Trial

DATA_WORDS = {*words_of(DataSettings), "loss"}
"""The words of the settings that decide which rows are loaded, and how."""


class SweepRows:
    """The rows of all trials.

    Args:
        trials: of the sweep; of those that differ in no word of `DATA_WORDS`, one is enough.
        dataset: used instead of loading those of the trials.

    Raises:
        DataError, ParameterError: as `load`.
    """

    def __init__(self, trials: Iterable[Trial], dataset: Dataset | None = None) -> None:
        self._loaded: dict[Hashable, Dataset] = {}
        self._held: dict[Hashable, HeldRows] = {}
        for trial in trials:
            source, held = _source(trial.experiment), _held(trial.experiment)
            if source not in self._loaded:
                self._loaded[source] = dataset or load_source(
                    trial.experiment, trial.experiment.data.classes
                )
            if held not in self._held:
                name = None if dataset else trial.experiment.data.source
                rows = of_chosen_classes(trial.experiment, self._loaded[source])
                self._held[held] = held_rows(trial.experiment, rows, name)
        self._last: tuple[tuple[Hashable, ...], Prepared] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the rows prepared last: a worker prepares them anew."""
        return self.__dict__ | {"_last": None}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all datasets, in the order in which the trials name them."""
        prints = [dataset.fingerprint() for dataset in self._loaded.values()]
        for held in self._held.values():
            prints += held.fingerprints
        return (
            prints[0] if len(prints) == 1 else hashlib.sha256("".join(prints).encode()).hexdigest()
        )

    def of(self, experiment: Experiment) -> Prepared:
        """Return the rows of an experiment, cut and prepared; those of the last call are kept."""
        cut, last = cut_of(experiment), self._last
        if last is None or last[0] != cut:
            dataset = of_chosen_classes(experiment, self._loaded[_source(experiment)])
            last = cut, prepared_with(experiment, dataset, self._held[_held(experiment)])
            # At once, as threads of a worker share this object.
            self._last = last
        return last[1]

    def example(self, experiment: Experiment) -> Prepared:
        """Return rows of the same shape and classes as those of an experiment, cut in any way."""
        if self._last is not None and self._last[0][0] == _source(experiment):
            return self._last[1]
        return self.of(experiment)


def cut_of(experiment: Experiment) -> tuple[Hashable, ...]:
    """Return all that decides which prepared rows an experiment trains on."""
    data = experiment.data
    seed = experiment.training.seed if data.split_seed is None else data.split_seed
    steps = data.preprocess, data.standardize_targets
    return *_held(experiment), *steps, data.split, data.stratify, seed


def _source(experiment: Experiment) -> tuple[Any, ...]:
    return experiment.data.source, experiment.data.classes, experiment.source_options()


def _held(experiment: Experiment) -> tuple[Any, ...]:
    """Return all that decides which rows are validated and tested on, beside the split."""
    data = experiment.data
    return *_source(experiment), data.validation_data, data.test_data
