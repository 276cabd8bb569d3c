"""From an experiment to a trained model."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import instance_of, must_be
from samplewise.contract import Plan
from samplewise.data.dataset import Dataset
from samplewise.errors import ParameterError, SomeDivergedError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import WANTED_DATA, Prepared, as_prepared
from samplewise.experiment.scores import Scores, check_measurable, scores_of_each
from samplewise.model.model import Model
from samplewise.model.unscaled import unscaled
from samplewise.network import Loss, Network, as_class_loss
from samplewise.training.beginning import Initial
from samplewise.training.callbacks import Hook
from samplewise.training.history import History, when_read
from samplewise.training.many import train_many
from samplewise.training.notes import warn_of
from samplewise.training.result import TrainingResult
from samplewise.training.snapshot import Snapshot
from samplewise.training.train import train


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """The result of an experiment.

    Args:
        experiment: as effective: choices left to "auto" are made.
        model: trained.
        history: of the training.
        data: the rows it was trained and tested on.
        test_loss: mean loss of the test rows, in the data's units.
        test_accuracy: in [0, 1], as `training.metrics.accuracy`; None where numbers are learnt.
        test_rmse: root of the mean squared error of the test rows, over all outputs at once, in the
            data's units; None where classes or labels are learnt.
        test_mae: their mean absolute error, likewise.
        test_r2: as `training.metrics.r_squared`, NaN where undefined; None likewise.
        confusion: counts[true, predicted] on the test rows, int64 (classes, classes); None
            without classes.
        trained: as training returned it: on preprocessed rows and targets.
    """

    experiment: Experiment
    model: Model
    history: History = field(repr=False)
    data: Prepared
    test_loss: float
    test_accuracy: float | None
    test_rmse: float | None
    test_mae: float | None
    test_r2: float | None
    confusion: NDArray[np.int64] | None
    trained: TrainingResult = field(repr=False)

    def __repr__(self) -> str:
        """Return network, data and test figures, by the names of the attributes that have them."""
        names = ("test_loss", "test_accuracy", "test_rmse", "test_mae", "test_r2")
        measured = ((name, getattr(self, name)) for name in names)
        figures = "".join(f"{name}={x:.4g}, " for name, x in measured if x is not None)
        what = f"{self.model.network} on {self.data.training.title}"
        return f"ExperimentResult({what}, {figures}history={self.history})"

    @property
    def on_classes(self) -> tuple[float, NDArray[np.int64]]:
        """Accuracy and confusion on the test rows.

        Raises:
            ParameterError: no classes were learnt.
        """
        if self.test_accuracy is None or self.confusion is None:
            raise ParameterError(
                f"{self.model.loss.name} has no classes, and so no confusion matrix"
            )
        return self.test_accuracy, self.confusion


def run(
    experiment: Experiment,
    data: Prepared | Dataset | None = None,
    *,
    initial: Initial | None = None,
    callbacks: Hook | Sequence[Hook] = (),
    stop: threading.Event | None = None,
) -> ExperimentResult:
    """Run an experiment from data to a tested model.

    Args:
        experiment: the configuration to run.
        data: used instead of loading the experiment's own: a dataset, which is cut and preprocessed
            as the experiment says, or a result of `prepare`.
        initial: a snapshot of this experiment to go on from, or what else `train` begins with; a
            model begins with its predictions where the targets are standardized, too.
        callbacks: as `train`.
        stop: as `train`.

    Raises:
        SamplewiseError: as `prepare` and `train`.
    """
    data = as_prepared(experiment, data)
    network, effective = decided(experiment, data)
    trained = train(
        network,
        data.inputs,
        data.targets,
        effective.training,
        class_names=data.training.class_names or None,
        validation=data.validation_pair,
        initial=_beginning(initial, data),
        callbacks=callbacks,
        stop=stop,
    )
    return _tested([(effective, trained)], data)[0]


def run_many(
    experiments: Sequence[Experiment],
    data: Prepared | Dataset,
    *,
    initial: Snapshot | Sequence[Initial | None] | None = None,
    callbacks: Sequence[Hook | Sequence[Hook]] = (),
    stop: threading.Event | None = None,
) -> list[ExperimentResult]:
    """Run experiments on the same data, at once where the backend can, each as `run` would.

    Args:
        experiments: at least one. They may differ where `train_many` lets networks differ, and in
            hidden layers and activation. Their own data settings are ignored: `data` decides.
        data: prepared, for all; a dataset is cut and preprocessed as the first experiment says.
        initial: as `train_many`.
        callbacks: as `train_many`.
        stop: as `train_many`.

    Returns:
        The result of each experiment, in their order.

    Raises:
        SomeDivergedError: once all are done; its results are those of the other experiments.
        SamplewiseError: as `train_many`.
    """
    if not isinstance(experiments, list | tuple) or not experiments:
        raise ParameterError(
            must_be("experiments", "a list of at least one Experiment", experiments)
        )
    if data is None:
        raise ParameterError(f"{WANTED_DATA}, got None")
    data = as_prepared(experiments[0], data)
    pairs = [decided(experiment, data) for experiment in experiments]
    networks, effective = [network for network, _ in pairs], [own for _, own in pairs]
    if isinstance(initial, list | tuple):
        initial = [_beginning(one, data) for one in initial]
    try:
        results = train_many(
            networks,
            data.inputs,
            data.targets,
            [own.training for own in effective],
            class_names=data.training.class_names or None,
            validation=data.validation_pair,
            initial=initial,
            callbacks=callbacks,
            stop=stop,
        )
    except SomeDivergedError as error:
        each = zip(effective, error.results, strict=True)
        tested = iter(_tested([pair for pair in each if pair[1] is not None], data))
        whole = [None if one is None else next(tested) for one in error.results]
        raise SomeDivergedError(whole, error.errors) from error
    return _tested(list(zip(effective, results, strict=True)), data)


def _beginning(initial: Any, data: Prepared) -> Any:
    """Return the beginning of a training: of a model, weights for the targets that it learns."""
    step = data.target_preprocessing
    if step.mean is None or not isinstance(initial, Model):
        return initial
    # Of other numbers of outputs, `train` refuses the network.
    fits = step.mean.shape == (initial.network.outputs,)
    return unscaled(initial, "initial", step) if fits else initial


def decided(experiment: Experiment, data: Prepared) -> tuple[Network, Experiment]:
    """Return the network, and the experiment with its preprocessing and loss chosen.

    Raises:
        DataError, ParameterError: they do not fit the rows.
    """
    data.check_dtype(experiment.training.dtype)
    data.check_test_rows(experiment.training.dtype)
    network, loss = network_and_loss(experiment, data)
    steps = dataclasses.replace(
        experiment.data,
        preprocess=data.preprocessing.name,
        standardize_targets=data.standardizes_targets,
    )
    training = dataclasses.replace(experiment.training, loss=loss)
    experiment = dataclasses.replace(experiment, data=steps, training=training)
    check_measurable(network, loss, data)
    return network, experiment


def network_and_loss(experiment: Experiment, data: Prepared) -> tuple[Network, Loss]:
    """Return the network and the loss of an experiment on these rows."""
    instance_of("experiment", experiment, Experiment)
    loss, outputs = _loss_and_outputs(experiment, data.training)
    training = data.training
    return experiment.network.build(training.features, training.image_shape, outputs), loss


def with_choices(experiment: Experiment, backend: str, plan: Plan) -> Experiment:
    """Return a decided experiment that names its backend and plan, and so has the same bits."""
    chosen = dataclasses.replace(experiment.training, backend=backend, plan=str(plan.spec))
    return dataclasses.replace(experiment, training=chosen)


def _loss_and_outputs(experiment: Experiment, data: Dataset) -> tuple[Loss, int]:
    if data.values is None:
        classes = len(data.class_names)
        loss = as_class_loss(experiment.training.loss_for(1 if classes == 2 else classes))
        return loss, loss.outputs(classes)
    if not experiment.source_options().numbers:
        raise ParameterError(
            f"loss '{experiment.training.loss.name}' learns classes, but {data.name} holds "
            "numbers; use a regression loss such as mean_squared_error"
        )
    return experiment.training.loss_for(1), data.values.shape[1]


def _tested(
    trained: Sequence[tuple[Experiment, TrainingResult]], data: Prepared
) -> list[ExperimentResult]:
    models = [_model(experiment, one, data) for experiment, one in trained]
    each = scores_of_each(models, data.test.X, data.test.targets)
    return [
        _result(*pair, model, found, data)
        for pair, model, found in zip(trained, models, each, strict=True)
    ]


def _model(experiment: Experiment, trained: TrainingResult, data: Prepared) -> Model:
    return Model(
        network=trained.network,
        loss=trained.loss,
        parameters=trained.parameters,
        class_names=data.training.class_names or data.training.target_names,
        preprocessing=data.preprocessing,
        image_shape=data.training.image_shape,
        trained_on=data.training.title,
        backend=trained.history.backend,
        columns=data.training.columns,
        full_scale=data.training.full_scale,
        fit=experiment.data.fit,
        array_dtype=data.training.array_dtype,
        target_preprocessing=data.target_preprocessing,
    )


def _result(
    experiment: Experiment, trained: TrainingResult, model: Model, found: Scores, data: Prepared
) -> ExperimentResult:
    history = trained.history
    history.settings = when_read(experiment.to_options)
    errors = found.errors
    if errors is not None and math.isnan(errors.r2):
        why = "there is one" if len(data.test) == 1 else "their targets do not differ"
        history.notes.append(f"R² of the test rows is undefined: {why}")
        warn_of(history.notes[-1:])
    return ExperimentResult(
        experiment=with_choices(experiment, history.backend, Plan(**history.plan)),
        model=model,
        history=history,
        data=data,
        test_loss=found.loss,
        test_accuracy=found.accuracy,
        test_rmse=None if errors is None else errors.rmse,
        test_mae=None if errors is None else errors.mae,
        test_r2=None if errors is None else errors.r2,
        confusion=found.confusion,
        trained=trained,
    )
