"""From an experiment to a trained model."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.data.dataset import Dataset
from samplewise.data.preprocessing import Preprocessing
from samplewise.data.sources import load
from samplewise.data.split import split
from samplewise.errors import SomeDivergedError
from samplewise.experiment.experiment import Experiment
from samplewise.model import Model
from samplewise.network import Network, class_loss_named
from samplewise.streams import Streams
from samplewise.training.callbacks import Callback
from samplewise.training.control_settings import AUTO
from samplewise.training.history import History
from samplewise.training.loop import TrainingResult, train
from samplewise.training.many import train_many
from samplewise.training.metrics import accuracy, confusion_matrix


@dataclass(frozen=True, eq=False)
class Prepared:
    """A dataset cut and preprocessed, ready for any number of runs.

    Args:
        training, test: raw rows.
        preprocessing: fitted on the training rows.
        X: float64, the training rows as the network sees them.
    """

    training: Dataset
    test: Dataset
    preprocessing: Preprocessing
    X: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """What came of an experiment.

    Args:
        experiment: as effective: choices left to "auto" are made.
        model: trained.
        history: of the training.
        data: the rows it was trained and tested on.
        test_accuracy: in [0, 1].
        confusion: counts[true, predicted] on the test rows, int64 (classes, classes).
    """

    experiment: Experiment
    model: Model
    history: History
    data: Prepared
    test_accuracy: float
    confusion: NDArray[np.int64]


def prepare(experiment: Experiment, dataset: Dataset | None = None) -> Prepared:
    """Load, split and preprocess the data of an experiment.

    Args:
        experiment: what to load, and how to cut it.
        dataset: used instead of loading `experiment.data`; its classes are taken as they are.

    Raises:
        DataError, ParameterError: the data cannot be used.
    """
    if dataset is None:
        dataset = load(experiment.data, experiment.classes)
    stream = Streams(experiment.seed).generator("split")
    training, test = split(dataset, experiment.split, stream, stratify=experiment.stratify)
    step = Preprocessing.fit(experiment.preprocess, training)
    return Prepared(training, test, step, step.apply(training.X))


def run(
    experiment: Experiment,
    data: Prepared | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    stop: threading.Event | None = None,
) -> ExperimentResult:
    """Run an experiment from data to a tested model.

    Args:
        experiment: what to run.
        data: used instead of preparing the experiment's own.
        callbacks: as `train`.
        stop: as `train`.

    Raises:
        SamplewiseError: as `prepare` and `train`.
    """
    data = data or prepare(experiment)
    network, effective = decided(experiment, data)
    trained = train(
        network, data.X, data.training.labels, effective, callbacks=callbacks, stop=stop
    )
    return _tested(effective, network, trained, data)


def run_many(
    experiments: Sequence[Experiment],
    data: Prepared,
    *,
    callbacks: Sequence[Sequence[Callback]] = (),
    stop: threading.Event | None = None,
) -> list[ExperimentResult]:
    """Run experiments on the same data, at once where the backend can, each as `run` would.

    Args:
        experiments: at least one. What `train_many` lets networks differ in they may differ in,
            the hidden layers and their activation too. Their data, preprocess and split are not
            looked at: `data` decides.
        data: prepared, for all.
        callbacks: as `train_many`.
        stop: as `train_many`.

    Returns:
        What came of each experiment, in their order.

    Raises:
        SomeDivergedError: once all are done; its results are those of the other experiments.
        SamplewiseError: as `train_many`.
    """
    pairs = [decided(experiment, data) for experiment in experiments]
    networks, effective = [network for network, _ in pairs], [own for _, own in pairs]

    def tested(index: int, trained: TrainingResult) -> ExperimentResult:
        return _tested(effective[index], networks[index], trained, data)

    try:
        results = train_many(
            networks, data.X, data.training.labels, effective, callbacks=callbacks, stop=stop
        )
    except SomeDivergedError as error:
        whole = [one if one is None else tested(i, one) for i, one in enumerate(error.results)]
        raise SomeDivergedError(whole, error.errors) from error
    return [tested(index, result) for index, result in enumerate(results)]


def decided(experiment: Experiment, data: Prepared) -> tuple[Network, Experiment]:
    """Return the network, and the experiment without what was left to "auto" before training."""
    classes = len(data.training.class_names)
    chosen = _loss_name(experiment, classes)
    outputs = class_loss_named(chosen).outputs(classes)
    network = experiment.network(data.training.features, data.training.image_shape, outputs)
    return network, dataclasses.replace(experiment, loss=chosen, preprocess=data.preprocessing.name)


def _loss_name(experiment: Experiment, classes: int) -> str:
    if experiment.loss != AUTO:
        return experiment.loss
    return "binary_cross_entropy" if classes == 2 else "categorical_cross_entropy"


def _tested(
    experiment: Experiment, network: Network, trained: TrainingResult, data: Prepared
) -> ExperimentResult:
    history = trained.history
    model = Model(
        network=network,
        loss=trained.loss,
        parameters=trained.parameters,
        class_names=data.training.class_names,
        preprocessing=data.preprocessing,
        image_shape=data.training.image_shape,
        trained_on=data.training.title,
        backend=history.backend,
    )
    labels: NDArray[Any] = data.test.labels
    predicted = model.predict(data.test.X)
    return ExperimentResult(
        experiment=dataclasses.replace(experiment, backend=history.backend),
        model=model,
        history=history,
        data=data,
        test_accuracy=accuracy(labels, predicted),
        confusion=confusion_matrix(labels, predicted, len(model.class_names)),
    )
