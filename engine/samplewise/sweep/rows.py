"""The rows of a sweep: each dataset is loaded once, and cut and prepared for a group of trials."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence

from samplewise.data.dataset import Dataset
from samplewise.data.loading import load
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import Prepared, prepare
from samplewise.sweep.definition import Trial


class SweepRows:
    """The rows of all trials.

    Args:
        trials: of the sweep.
        dataset: used instead of loading those of the trials.

    Raises:
        DataError, ParameterError: as `load`.
    """

    def __init__(self, trials: Sequence[Trial], dataset: Dataset | None = None) -> None:
        self._loaded: dict[Hashable, Dataset] = {}
        for trial in trials:
            source = _source(trial.experiment)
            if source not in self._loaded:
                self._loaded[source] = dataset or _load(trial.experiment)
        self._cut: tuple[Hashable, ...] = ()
        self._prepared: Prepared | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all datasets, in the order in which the trials name them."""
        prints = [dataset.fingerprint() for dataset in self._loaded.values()]
        return (
            prints[0] if len(prints) == 1 else hashlib.sha256("".join(prints).encode()).hexdigest()
        )

    def of(self, experiment: Experiment) -> Prepared:
        """Return the rows of an experiment, cut and prepared; those of the last call are kept."""
        cut = cut_of(experiment)
        if self._prepared is None or self._cut != cut:
            self._prepared = prepare(experiment, self._loaded[_source(experiment)])
            self._cut = cut
        return self._prepared

    def example(self, experiment: Experiment) -> Prepared:
        """Return rows of the same shape and classes as those of an experiment, cut in any way."""
        if self._prepared is not None and self._cut[0] == _source(experiment):
            return self._prepared
        return self.of(experiment)


def cut_of(experiment: Experiment) -> tuple[Hashable, ...]:
    """Return all that decides which prepared rows an experiment trains on."""
    data = experiment.data
    seed = experiment.training.seed if data.split_seed is None else data.split_seed
    return _source(experiment), data.preprocess, data.split, data.stratify, seed


def _source(experiment: Experiment) -> tuple[Hashable, ...]:
    return experiment.data.source, experiment.data.classes, experiment.source_options()


def _load(experiment: Experiment) -> Dataset:
    return load(experiment.data.source, experiment.data.classes, experiment.source_options())
