"""Learning one row at a time."""

import copy
import pickle

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X

from samplewise.errors import DataError, DivergenceError, ParameterError
from samplewise.network import Conv2D, Dense, Dropout, Flatten, Network, multilayer_perceptron
from samplewise.network.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    MeanSquaredError,
    MultiLabelCrossEntropy,
    Poisson,
)
from samplewise.training.learner import Learner
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

BACKENDS = ("reference", "vectorized", "numba_cpu")
IMAGES = Network((1, 4, 4), (Conv2D(2, 3, activation="relu"), Flatten(), Dense(3)))
PIXELS = np.random.default_rng(2).random((12, 16))


def settings(**changes):
    plain = {"backend": "vectorized", "epochs": 1, "plan": "direct"}
    return TrainingSettings.from_options(**{**plain, **changes})


def learner(chosen=None, loss=None, network=NETWORK, state=None):
    return Learner(network, loss or BinaryCrossEntropy(), chosen or settings(), state)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"momentum": 0.9, "nesterov": True, "l2": 0.01},
        {"optimizer": "adam", "dtype": "float32", "clip_norm": 0.1},
        {"batch_l2": 0.02, "gradient_scale": 2.0, "momentum": 0.5},
    ],
    ids=str,
)
def test_rows_learnt_one_by_one_have_the_bits_of_a_training(backend, changes):
    chosen = settings(backend=backend, **changes)
    online, rows = learner(chosen), X.astype(chosen.dtype)
    losses = [online.learn(row, int(label)) for row, label in zip(rows, LABELS, strict=True)]
    result = train(NETWORK, rows, LABELS, chosen)
    np.testing.assert_array_equal(online.state.parameters, result.parameters)
    np.testing.assert_array_equal(online.state.optimizer_state, result.state.optimizer_state)
    assert online.state.step == result.state.step == 50
    assert np.mean(losses) == pytest.approx(result.history.losses[0], rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_images_of_several_classes_are_learnt(backend):
    chosen, labels = settings(backend=backend, optimizer="rmsprop"), np.arange(12) % 3
    online = learner(chosen, CategoricalCrossEntropy(), IMAGES)
    for row, label in zip(PIXELS, labels, strict=True):
        online.learn(row.reshape(1, 4, 4), label)
    result = train(IMAGES, PIXELS, labels, chosen)
    np.testing.assert_array_equal(online.state.parameters, result.parameters)
    found = result.model().probabilities(PIXELS[:1])[0]
    np.testing.assert_allclose(online.predict(PIXELS[0]), found, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_predictions_are_of_the_weights_that_were_learnt_last(backend):
    online = learner(settings(backend=backend, learning_rate=1.0))
    before = online.predict(X[0])
    for _ in range(20):
        online.learn(X[0], 1)
    after = online.predict(X[0])
    assert after[1] > before[1]
    assert after.sum() == pytest.approx(1)


def test_numbers_are_learnt_in_every_form():
    network = multilayer_perceptron(4, (3,), 2)
    targets = X[:, :2] * 2
    online = learner(settings(), MeanSquaredError(), network)
    for row, target in zip(X, targets, strict=True):
        online.learn(row, target)
    result = train(network, X, targets, settings(loss="mean_squared_error"))
    np.testing.assert_array_equal(online.state.parameters, result.parameters)
    assert online.predict(X[0]).shape == (2,)
    forms = [learner(settings(), MeanSquaredError()) for _ in range(4)]
    losses = [
        one.learn(row, target)
        for one, row, target in zip(
            *(forms, [X[0], X[0].tolist(), X[0].astype("f4").astype("f8"), tuple(X[0])]),
            [2.0, 2, [2], np.float32(2)],
            strict=True,
        )
    ]
    assert losses == pytest.approx([losses[0]] * 4)


def test_learning_goes_on_from_a_state_and_leaves_that_alone():
    first = train(NETWORK, X, LABELS, settings(optimizer="adam"))
    before = first.state.parameters.copy()
    online = learner(settings(optimizer="adam"), state=first.state)
    for row, label in zip(X, LABELS, strict=True):
        online.learn(row, bool(label))
    np.testing.assert_array_equal(first.state.parameters, before)
    whole = train(NETWORK, X, LABELS, settings(optimizer="adam", epochs=2))
    np.testing.assert_array_equal(online.state.parameters, whole.parameters)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_goes_its_own_way_from_the_same_state(duplicate):
    online = learner(settings(backend="numba_cpu", optimizer="adam"))
    online.learn(X[0], 1)
    other = duplicate(online)
    kept = online.state.parameters.copy()
    other.learn(X[1], 0)
    np.testing.assert_array_equal(online.state.parameters, kept)
    online.learn(X[1], 0)
    np.testing.assert_array_equal(other.state.parameters, online.state.parameters)
    assert other.state.step == 2


class Bare:
    """The members of a program that does not inherit those of the contract."""

    def __init__(self, program):
        self.plan, self.run_epoch = program.plan, program.run_epoch
        self.predictor, self.warm_up = program.predictor, program.warm_up


def test_a_program_without_a_learner_learns_all_the_same(monkeypatch):
    from samplewise import registry

    backend = registry.load("vectorized")
    compiled = backend.compile
    monkeypatch.setattr(backend, "compile", lambda *parts: Bare(compiled(*parts)))
    assert not hasattr(Bare, "learner")
    online = learner(settings())
    assert online.learn(X[0], 1) > 0


WIDE = 1e300


@pytest.mark.parametrize(
    ("x", "target", "message"),
    [
        (X[0, :3], 1, r"x has shape \(3,\)"),
        (X[:1], 1, r"x has shape \(1, 4\)"),
        ("abcd", 1, "x"),
        ([np.nan] * 4, 1, "X: 4 values are NaN or inf"),
        (np.full(4, np.inf), 1, "X: 4 values are NaN or inf"),
        (X[0], 2, "target: must be a class index from 0 to 1, got '2'"),
        (X[0], -1, "target: must be a class index"),
        (X[0], 0.5, "target: must be a class index"),
        (X[0], "1", "target: must be a class index"),
        (X[0], None, "target: must be a class index"),
    ],
)
@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
def test_a_row_that_does_not_fit_is_refused_and_not_learnt(backend, x, target, message):
    online = learner(settings(backend=backend, optimizer="adam"))
    online.learn(X[0], 1)
    kept = online.state.parameters.copy()
    with pytest.raises(DataError, match=message):
        online.learn(x, target)
    np.testing.assert_array_equal(online.state.parameters, kept)
    assert online.state.step == 1


@pytest.mark.parametrize(
    ("loss", "target", "error", "message"),
    [
        (MeanSquaredError(), [1.0, 2.0], DataError, r"target has shape \(2,\); expected \(1,\)"),
        (MeanSquaredError(), np.nan, DataError, "target: must be finite in float32, got nan"),
        (MeanSquaredError(), WIDE, DataError, "target: must be finite in float32, got 1e"),
        (MeanSquaredError(), [WIDE], DataError, "target: must be finite in float32"),
        (MeanSquaredError(), "x", DataError, "target"),
        (Poisson(), -1.0, ParameterError, "poisson"),
        (MultiLabelCrossEntropy(), 1.5, ParameterError, "multi_label"),
    ],
    ids=str,
)
def test_numbers_that_a_loss_cannot_learn_are_refused(loss, target, error, message):
    online = learner(settings(dtype="float32"), loss)
    kept = online.state.parameters.copy()
    with pytest.raises((error, DataError), match=message):
        online.learn(X[0], target)
    np.testing.assert_array_equal(online.state.parameters, kept)


def test_a_loss_that_explodes_is_an_error():
    online = learner(settings(learning_rate=1e200), MeanSquaredError())
    online.learn(X[0], 1e150)
    with pytest.raises(DivergenceError, match="learn: the loss became .* in step 2"):
        online.learn(X[0], 1e150)


def test_what_a_learner_cannot_take_is_refused():
    with pytest.raises(ParameterError, match="Learner: the network drops other units"):
        learner(network=Network((4,), (Dense(3), Dropout(0.5), Dense(1))))
    with pytest.raises(ParameterError, match="the last layer has activation"):
        learner(network=Network((4,), (Dense(1, "relu"),)))
    with pytest.raises(ParameterError, match="loss"):
        learner(loss="what")
    state = train(NETWORK, X, LABELS, settings()).state
    with pytest.raises(ParameterError, match="optimizer_state must be 128"):
        learner(settings(optimizer="adam"), state=state)
