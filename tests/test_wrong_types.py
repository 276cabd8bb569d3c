"""Every public name, given an obviously wrong type, answers with an error of the project's own."""

from types import SimpleNamespace

import numpy as np
import pytest

import samplewise
from samplewise import Dense, Network, TrainingSettings
from samplewise.errors import SamplewiseError


def not_text(value):
    """A number instead of a text, where a text is right."""
    return 3 if isinstance(value, str) else value


X, Y = np.eye(4, 2), np.array([0, 1, 0, 1])
NETWORK = Network((2,), (Dense(1),))
SETTINGS = TrainingSettings(epochs=1, backend="vectorized")
SWEEP = samplewise.Sweep({"epochs": [1]}, {"backend": "vectorized"})
DATASET = samplewise.Dataset("d", X, Y, ("a", "b"), "made by the test")
DRAWN = SimpleNamespace(coefs_=[np.ones((4, 2))])


def train_from(*parts):
    """Train from a state of these parts."""
    samplewise.train(NETWORK, X, Y, SETTINGS, initial=samplewise.TrainingState(*parts))


MODEL = samplewise.train(NETWORK, X, Y, SETTINGS).model()

# What each public name is called with; the wrong value takes the place of one argument.
CALLS = {
    "Adagrad": [lambda x: samplewise.Adagrad(epsilon=x)],
    "Adam": [lambda x: samplewise.Adam(beta1=x), lambda x: samplewise.Adam(l2=x)],
    "AvgPool2D": [samplewise.AvgPool2D],
    "BinaryCrossEntropy": [lambda x: samplewise.BinaryCrossEntropy(label_smoothing=x)],
    "CategoricalCrossEntropy": [lambda x: samplewise.CategoricalCrossEntropy(label_smoothing=x)],
    "Checkpoint": [
        lambda x: samplewise.Checkpoint(not_text(x)),
        lambda x: samplewise.Checkpoint("folder", x or 0),
    ],
    "Constant": [lambda x: samplewise.Constant(warmup_steps=x)],
    "Conv2D": [lambda x: samplewise.Conv2D(x, 3), lambda x: samplewise.Conv2D(3, x)],
    "Cosine": [lambda x: samplewise.Cosine(final_rate=x)],
    "DataSettings": [
        lambda x: samplewise.DataSettings(source=not_text(x)),
        lambda x: samplewise.DataSettings(split=x or "half"),
        lambda x: samplewise.DataSettings(validation_data=not_text(x) or 3),
        lambda x: samplewise.DataSettings(test_data=not_text(x) or 3),
    ],
    "Dataset": [
        lambda x: samplewise.Dataset(not_text(x), X, Y),
        lambda x: samplewise.Dataset("d", x, Y),
        lambda x: samplewise.Dataset("d", X, x),
        lambda x: samplewise.Dataset("d", X, Y, x or 3),
        lambda x: samplewise.Dataset("d", X, Y, (), not_text(x)),
    ],
    "Dense": [
        samplewise.Dense,
        lambda x: samplewise.Dense(2, x),
        lambda x: samplewise.Dense(2, trainable=x),
    ],
    "Dropout": [samplewise.Dropout],
    "EarlyStopping": [
        lambda x: samplewise.EarlyStopping(min_delta=x),
        lambda x: samplewise.EarlyStopping(patience=x or 0),
    ],
    "Experiment": [
        lambda x: samplewise.Experiment.from_options(data=not_text(x)),
        lambda x: samplewise.Experiment.from_options(classes=x or 3),
        lambda x: samplewise.Experiment.from_options(hidden=x),
        lambda x: samplewise.Experiment.from_options(layers=x or 3),
    ],
    "Exponential": [lambda x: samplewise.Exponential(decay=x)],
    "from_sklearn": [samplewise.from_sklearn],
    "from_torch": [
        lambda x: samplewise.from_torch(x, NETWORK, loss="poisson"),
        lambda x: samplewise.from_torch({}, x, loss="poisson"),
        lambda x: samplewise.from_torch({}, NETWORK, loss=x),
        lambda x: samplewise.from_torch({}, NETWORK, loss="poisson", class_names=x or 3),
    ],
    "Huber": [lambda x: samplewise.Huber(delta=x)],
    "InverseRows": [
        lambda x: samplewise.InverseRows(power=x),
        lambda x: samplewise.InverseRows(rows_seen=x or "1"),
    ],
    "InverseScaling": [lambda x: samplewise.InverseScaling(power=x)],
    "MaxPool2D": [samplewise.MaxPool2D],
    "Model": [
        lambda x: samplewise.Model(x, None, np.zeros(3), (), None, None, "d").predict(X),
    ],
    "Network": [
        lambda x: Network(x, (Dense(1),)),
        lambda x: Network((2,), x),
    ],
    "NetworkSettings": [
        lambda x: samplewise.NetworkSettings(hidden=x),
        lambda x: samplewise.NetworkSettings(activation=x),
    ],
    "OneCycle": [lambda x: samplewise.OneCycle(warmup_steps=x)],
    "Plateau": [lambda x: samplewise.Plateau(plateau_epochs=x)],
    "RMSprop": [lambda x: samplewise.RMSprop(rho=x)],
    "ResumableTraining": [
        lambda x: samplewise.ResumableTraining(x, SETTINGS, "folder"),
        lambda x: samplewise.ResumableTraining(NETWORK, x, "folder"),
        lambda x: samplewise.ResumableTraining(NETWORK, SETTINGS, not_text(x)),
        lambda x: samplewise.ResumableTraining(NETWORK, SETTINGS, "folder", x or 0),
    ],
    "SGD": [lambda x: samplewise.SGD(momentum=x), lambda x: samplewise.SGD(nesterov=x)],
    "SourceOptions": [
        lambda x: samplewise.SourceOptions(label=not_text(x) or 3),
        lambda x: samplewise.SourceOptions(drop=x),
        lambda x: samplewise.SourceOptions(image_size=x),
        lambda x: samplewise.SourceOptions(fit=x),
        lambda x: samplewise.SourceOptions(full_scale=x or "wide"),
    ],
    "Snapshot": [
        lambda x: samplewise.Snapshot.from_parts(x, {}),
        lambda x: samplewise.Snapshot.from_parts({}, x),
    ],
    "Step": [lambda x: samplewise.Step(every=x)],
    "Sweep": [
        samplewise.Sweep,
        lambda x: samplewise.Sweep({"epochs": x or 3}),
        lambda x: samplewise.Sweep({"epochs": [1]}, x or 3),
        lambda x: samplewise.Sweep({"epochs": [1]}, seeds=x or 0),
        lambda x: samplewise.Sweep({"epochs": [1]}, samples=x or 0),
        lambda x: samplewise.Sweep({"epochs": [1]}, sample_seed=x),
        lambda x: samplewise.Sweep({"epochs": [1]}, own_splits=x),
        lambda x: samplewise.Sweep({"epochs": [1]}, own_seeds=x),
        lambda x: samplewise.Sweep({"momentum": [0.5]}, rungs=x or 0),
        lambda x: samplewise.Sweep({"epochs": [1]}, samples=1, sampler=x or 0),
    ],
    "read_results": [samplewise.read_results],
    "run_sweep": [
        lambda x: samplewise.run_sweep(x, "folder"),
        lambda x: samplewise.run_sweep(SWEEP, not_text(x), data=DATASET),
        lambda x: samplewise.run_sweep(SWEEP, "folder", data=x or 3),
        lambda x: samplewise.run_sweep(SWEEP, "folder", data=DATASET, stop=x or 3),
        lambda x: samplewise.run_sweep(SWEEP, "folder", data=DATASET, n_jobs=x or 0),
    ],
    "TrainingState": [
        lambda x: train_from(x, np.zeros(0)),
        lambda x: train_from(np.zeros(3), x),
        lambda x: train_from(np.zeros(3), np.zeros(0), x or "1"),
    ],
    "TrainingSettings": [
        lambda x: TrainingSettings(epochs=x),
        lambda x: TrainingSettings(loss=x),
        lambda x: TrainingSettings(optimizer=x),
        lambda x: TrainingSettings(class_weight=[x]),
        lambda x: TrainingSettings(augment=x or 3),
        lambda x: samplewise.train(NETWORK, X, Y, TrainingSettings(backend=x or 3)),
    ],
    "TrainingCurveDisplay": [
        samplewise.TrainingCurveDisplay.from_estimator,
        samplewise.TrainingCurveDisplay.from_history,
        lambda x: samplewise.TrainingCurveDisplay.from_history([{"epoch": 1}], figure=x),
    ],
    "WeightsDisplay": [
        samplewise.WeightsDisplay.from_estimator,
        lambda x: samplewise.WeightsDisplay.from_estimator(DRAWN, image_shape=x or 3),
        lambda x: samplewise.WeightsDisplay.from_estimator(DRAWN, units=x or 3),
        lambda x: samplewise.WeightsDisplay.from_estimator(DRAWN, ax=x or 3),
    ],
    "lr_range_test": [
        lambda x: samplewise.lr_range_test(x, X, Y, SETTINGS),
        lambda x: samplewise.lr_range_test(NETWORK, x, Y, SETTINGS),
        lambda x: samplewise.lr_range_test(NETWORK, X, x, SETTINGS),
        lambda x: samplewise.lr_range_test(NETWORK, X, Y, x),
        lambda x: samplewise.lr_range_test(NETWORK, X, Y, SETTINGS, lowest=x),
        lambda x: samplewise.lr_range_test(NETWORK, X, Y, SETTINGS, callbacks=x or [3]),
    ],
    "load_dataset": [
        samplewise.load_dataset,
        lambda x: samplewise.load_dataset("iris", options=x),
    ],
    "load_inputs": [samplewise.load_inputs],
    "load_model": [samplewise.load_model],
    "multilayer_perceptron": [
        lambda x: samplewise.multilayer_perceptron(x, (3,), 1),
        lambda x: samplewise.multilayer_perceptron(2, x, 1),
        lambda x: samplewise.multilayer_perceptron(2, (3,), x),
        lambda x: samplewise.multilayer_perceptron(2, (3,), 1, x),
    ],
    "prepare": [
        samplewise.prepare,
        lambda x: samplewise.prepare(samplewise.Experiment(), x or 3),
    ],
    "register_activation": [
        lambda x: samplewise.register_activation(not_text(x), np.sin, np.cos),
        lambda x: samplewise.register_activation("wrong_types", x, np.cos),
    ],
    "register_loss": [
        lambda x: samplewise.register_loss(x, np.sin, np.cos),
        lambda x: samplewise.register_loss("wrong_types", x, np.cos),
    ],
    "register_optimizer": [
        lambda x: samplewise.register_optimizer(x, np.sin),
        lambda x: samplewise.register_optimizer("wrong_types", x),
    ],
    "run": [
        samplewise.run,
        lambda x: samplewise.run(samplewise.Experiment(), x or 3),
        lambda x: samplewise.run(samplewise.Experiment(), callbacks=x or [3]),
    ],
    "run_many": [
        lambda x: samplewise.run_many(x, None),
        lambda x: samplewise.run_many([samplewise.Experiment()], x),
    ],
    "save_model": [lambda x: samplewise.save_model(x, "never-written")],
    "save_torch": [lambda x: samplewise.save_torch(x, "never-written")],
    "to_sklearn": [samplewise.to_sklearn],
    "to_torch": [samplewise.to_torch],
    "torch_code": [samplewise.torch_code],
    "train": [
        lambda x: samplewise.train(x, X, Y, SETTINGS),
        lambda x: samplewise.train(NETWORK, x, Y, SETTINGS),
        lambda x: samplewise.train(NETWORK, X, x, SETTINGS),
        lambda x: samplewise.train(NETWORK, X, Y, x),
        lambda x: samplewise.train(NETWORK, X, Y, SETTINGS, validation=x or 3),
        lambda x: samplewise.train(NETWORK, X, Y, SETTINGS, sample_weight=x or 3),
        lambda x: samplewise.train(NETWORK, X, Y, SETTINGS, callbacks=x or [3]),
        lambda x: samplewise.train(NETWORK, X, Y, SETTINGS, stop=x or 3),
        lambda x: samplewise.train(NETWORK, X, Y, SETTINGS, initial=x or 3),
        lambda x: samplewise.train(NETWORK, X, Y, SETTINGS, metrics=x or 3),
        lambda x: samplewise.train(NETWORK, X, Y, SETTINGS, figures=x or 3),
    ],
    "train_many": [
        lambda x: samplewise.train_many(x, X, Y, SETTINGS),
        lambda x: samplewise.train_many([NETWORK], x, Y, SETTINGS),
        lambda x: samplewise.train_many([NETWORK], X, x, SETTINGS),
        lambda x: samplewise.train_many([NETWORK], X, Y, x),
        lambda x: samplewise.train_many([NETWORK], X, Y, SETTINGS, callbacks=x or [3]),
        lambda x: samplewise.train_many([NETWORK], X, Y, SETTINGS, stop=x or 3),
        lambda x: samplewise.train_many([NETWORK], X, Y, SETTINGS, initial=x or 3),
        lambda x: samplewise.train_many([NETWORK], X, Y, SETTINGS, metrics=x or 3),
        lambda x: samplewise.train_many([NETWORK], X, Y, SETTINGS, figures=x or 3),
        lambda x: samplewise.train_many([NETWORK], X, Y, SETTINGS, ensemble=x or 3),
    ],
    "transfer": [
        lambda x: samplewise.transfer(x, NETWORK, layers=1),
        lambda x: samplewise.transfer(MODEL, x, layers=1),
        lambda x: samplewise.transfer(MODEL, NETWORK, layers=x),
        lambda x: samplewise.transfer(MODEL, NETWORK, layers=1, seed=x),
        lambda x: samplewise.transfer(MODEL, NETWORK, layers=1, init=x),
    ],
    "warm_up": [
        samplewise.warm_up,
        lambda x: samplewise.warm_up([], measure=x),
    ],
}
# Results, errors and bases: made by the project, not by callers; and layers without settings.
MADE_BY_THE_PROJECT = {
    "Callback",
    "ExperimentResult",
    "Flatten",
    "GlobalAvgPool",
    "History",
    "LayerNorm",
    "LearningRateRangeTest",
    "SamplewiseError",
    "SamplewiseWarning",
    "SomeDivergedError",
    "SweepResult",
    "TrainingResult",
    "__version__",
}


# Their errors are scikit-learn's: tests/estimators/test_bad_arguments.py.
AS_SCIKIT_LEARN = {
    "CNNClassifier",
    "MLPClassifier",
    "MLPRegressor",
    "NeuralNetClassifier",
    "NeuralNetRegressor",
    "SweepSearchCV",
}


def test_every_public_name_is_in_the_table():
    assert CALLS.keys() | MADE_BY_THE_PROJECT | AS_SCIKIT_LEARN == set(samplewise.__all__)


@pytest.mark.parametrize(
    "wrong",
    [None, "wrong", -7.5, [object()], {"a": 1}],
    ids=["none", "text", "number", "list", "dict"],
)
@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_type_is_an_error_of_the_projects_own(name, wrong, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for call in CALLS[name]:
        with pytest.raises(SamplewiseError):
            call(wrong)
