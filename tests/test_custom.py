"""Activations and losses of the user's own: checked, and trained like those that are built in."""

import pickle

import numpy as np
import pytest

import samplewise
from samplewise import Dense, Network, TrainingSettings, register_activation, register_loss, train
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import (
    CombinationError,
    ModelFileError,
    ParameterError,
    UnavailableBackendError,
)
from samplewise.network import LOSSES, Conv2D, loss_named
from samplewise.network.activations import ACTIVATIONS, CUSTOM
from samplewise.testing.tolerances import after_steps

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 5))
LABELS = (X[:, 0] > 0).astype(int)
VALUES = X[:, :2] ** 2
CALM = {"epochs": 2, "learning_rate": 0.05, "init": "glorot_uniform"}
BACKENDS = ("reference", "vectorized")


@pytest.fixture(autouse=True)
def nothing_of_one_s_own():
    """Leave no activation or loss behind."""
    kept = dict(LOSSES)
    yield
    CUSTOM.clear()
    LOSSES.clear()
    LOSSES.update(kept)


def sine(z):
    return z + np.sin(z) ** 2


def sine_slope(z):
    return 1 + np.sin(2 * z)


def log_cosh(z, y):
    return np.log(np.cosh(z - y)).sum(axis=1)


def log_cosh_slope(z, y):
    return np.tanh(z - y)


def assert_close(got, want, dtype="float64"):
    allowed = after_steps(100, dtype)
    atol = allowed.relative * np.abs(want).max() + allowed.absolute
    np.testing.assert_allclose(got, want, rtol=0, atol=atol)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_a_built_in_activation_under_another_name_trains_the_same(backend, batch_size):
    register_activation("own_tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    settings = TrainingSettings.from_options(backend=backend, batch_size=batch_size, **CALM)
    networks = [Network((5,), (Dense(4, name), Dense(1))) for name in ("tanh", "own_tanh")]
    built_in, own = (train(network, X, LABELS, settings) for network in networks)
    assert_close(own.parameters, built_in.parameters)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_backends_agree_on_an_activation_of_one_s_own(dtype):
    register_activation("sine", sine, sine_slope)
    network = Network((1, 5, 1), (Conv2D(3, (2, 1), activation="sine"), Dense(4, "sine"), Dense(1)))
    found = [
        train(
            network, X, LABELS, TrainingSettings.from_options(backend=name, dtype=dtype, **CALM)
        ).parameters
        for name in BACKENDS
    ]
    assert found[0].dtype == found[1].dtype == dtype
    assert_close(*found, dtype)


def test_a_backend_without_it_says_so_and_auto_passes_it_over():
    register_activation("sine", sine, sine_slope)
    network = Network((5,), (Dense(4, "sine"), Dense(1)))
    with pytest.raises(UnavailableBackendError, match="lacks activation 'sine'"):
        train(network, X, LABELS, TrainingSettings.from_options(backend="numba_cpu", **CALM))
    history = train(network, X, LABELS, TrainingSettings.from_options(**CALM)).history
    assert history.backend == "vectorized"
    assert "lacks activation 'sine'" in history.backend_reason


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_built_in_loss_under_another_name_trains_the_same(backend):
    register_loss(
        "own_poisson",
        lambda z, y: (np.exp(z) - y * z).mean(axis=1),
        lambda z, y: (np.exp(z) - y) / z.shape[1],
        link=np.exp,
    )
    network = Network((5,), (Dense(3, "tanh"), Dense(2)))
    own, built_in = (
        train(network, X, VALUES, TrainingSettings.from_options(backend=backend, loss=name, **CALM))
        for name in ("own_poisson", "poisson")
    )
    assert_close(own.parameters, built_in.parameters)
    assert_close(own.history.losses, built_in.history.losses)
    logits = np.array([[0.5, -1.0]])
    np.testing.assert_array_equal(own.loss.predictions(logits), np.exp(logits))


def test_a_model_of_one_s_own_is_saved_pickled_and_needs_what_it_was_made_of(tmp_path):
    register_activation("sine", sine, sine_slope)
    register_loss("log_cosh", log_cosh, log_cosh_slope)
    network = Network((5,), (Dense(4, "sine"), Dense(2)))
    result = train(network, X, VALUES, TrainingSettings.from_options(loss="log_cosh", **CALM))
    model = samplewise.Model(
        network, result.loss, result.parameters, (), Preprocessing("none"), None, "drawn"
    )
    path = tmp_path / "model.safetensors"
    samplewise.save_model(model, path)
    for twin in (samplewise.load_model(path), pickle.loads(pickle.dumps(model))):
        assert twin.loss == result.loss
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    CUSTOM.clear()
    with pytest.raises(
        ModelFileError, match="register a custom one with samplewise.register_activation"
    ):
        samplewise.load_model(path)


@pytest.mark.parametrize(
    ("value", "derivative", "message"),
    [
        (
            np.sin,
            lambda z: 1.001 * np.cos(z),
            r"derivative .* is -?\d.* at z = .*differences .* 481",
        ),
        (
            lambda z: np.where(z > 3, 2 * z - 3, z),
            np.ones_like,
            "is 1 at z = 3.00314.* give 2, and",
        ),
        (np.sin, lambda z: np.cos(z)[:1], r"the derivative .* returns shape \(1,\) where \(481,\)"),
        (lambda z: z / z.sum(), np.ones_like, "depends on the other entries or on the shape"),
        (np.log, lambda z: 1 / z, "the value .* is not finite"),
        (lambda z: z.nope, np.ones_like, "the value .* raised AttributeError"),
        (lambda z: np.sin(z, out=z), np.cos, "writes to its arguments"),
        (3, np.cos, "raised TypeError"),
    ],
)
def test_an_activation_that_is_wrong_is_refused(value, derivative, message):
    with pytest.raises(ParameterError, match=message):
        register_activation("wrong", value, derivative)
    assert "wrong" not in CUSTOM


@pytest.mark.parametrize(
    ("value", "gradient", "message"),
    [
        (log_cosh, lambda z, y: -np.tanh(z - y), "gradient .* for output 0 of 1 at logits"),
        (log_cosh, lambda z, y: np.tanh(z - y) / z.shape[1], "output 0 of 3"),
        (lambda z, y: ((z - y) ** 2).mean(), log_cosh_slope, r"returns shape \(\)"),
        (
            lambda z, y: ((z - y) ** 2).sum(axis=1) / len(z),
            lambda z, y: 2 * (z - y) / len(z),
            "differs for a row alone",
        ),
    ],
)
def test_a_loss_that_is_wrong_is_refused(value, gradient, message):
    with pytest.raises(ParameterError, match=message):
        register_loss("wrong", value, gradient)
    assert "wrong" not in LOSSES


def test_a_link_that_is_wrong_is_refused():
    with pytest.raises(ParameterError, match="the link of loss 'wrong' returns shape"):
        register_loss("wrong", log_cosh, log_cosh_slope, link=lambda z: z[:, 0])


@pytest.mark.parametrize("name", ["", "Tanh", "own tanh", "1st", "auto", 3, "a" * 65])
def test_a_name_that_does_not_do_is_refused(name):
    with pytest.raises(ParameterError, match="has a name that is not allowed"):
        register_activation(name, sine, sine_slope)
    with pytest.raises(ParameterError, match="has a name that is not allowed"):
        register_loss(name, log_cosh, log_cosh_slope)


def test_a_taken_name_is_refused_unless_it_is_one_s_own_to_replace():
    for name in ACTIVATIONS:
        with pytest.raises(ParameterError, match="is built in"):
            register_activation(name, sine, sine_slope, replace=True)
    with pytest.raises(ParameterError, match="is built in"):
        register_loss("huber", log_cosh, log_cosh_slope, replace=True)
    for _ in range(2):
        register_activation("sine", sine, sine_slope, replace=True)
        register_loss("log_cosh", log_cosh, log_cosh_slope, replace=True)
    with pytest.raises(ParameterError, match="registered already"):
        register_activation("sine", sine, sine_slope)
    with pytest.raises(ParameterError, match="registered already"):
        register_loss("log_cosh", log_cosh, log_cosh_slope)
    assert loss_named("log_cosh").name == "log_cosh"


def test_an_unknown_activation_hints_at_registering():
    with pytest.raises(
        ParameterError, match="register a custom one with samplewise.register_activation"
    ):
        Dense(3, "sine")


@pytest.mark.parametrize("name", ["softmax", "LogSoftmax"])
def test_a_softmax_is_left_to_the_loss(name):
    with pytest.raises(
        ParameterError, match="; leave it out, since a loss of classes takes logits"
    ):
        Dense(3, name)


def focal(z, y):
    """Lin et al. (2017), with gamma 2: (1 - p)^2 log(1/p) of the true class."""
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return (y * (1 - p) ** 2 * -np.log(p)).sum(axis=1)


def focal_slope(z, y):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    by_p = y * (2 * (1 - p) * np.log(p) - (1 - p) ** 2 / p)
    return p * (by_p - (by_p * p).sum(axis=1, keepdims=True))


def cross_entropy(z, y):
    top = z.max(axis=1)
    return top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - (y * z).sum(axis=1)


def cross_entropy_slope(z, y):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True) * y.sum(axis=1, keepdims=True) - y


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("smoothing", [None, 0.1])
def test_a_loss_of_classes_under_another_name_trains_the_same(backend, smoothing):
    register_loss("mine", cross_entropy, cross_entropy_slope, classes=True)
    network = Network((5,), (Dense(4, "tanh"), Dense(3)))
    labels = np.arange(len(X)) % 3
    own, built_in = (
        train(
            network,
            X,
            labels,
            TrainingSettings.from_options(
                backend=backend, loss=name, label_smoothing=smoothing, **CALM
            ),
        )
        for name in ("mine", "categorical_cross_entropy")
    )
    assert_close(own.parameters, built_in.parameters)
    assert_close(own.history.losses, built_in.history.losses)
    assert own.history.epochs[-1].accuracy == built_in.history.epochs[-1].accuracy


def test_a_loss_in_float64_gives_values_and_gradients_in_the_dtype_of_the_logits():
    register_loss(
        "wide",
        lambda z, y: log_cosh(z.astype(np.float64), y),
        lambda z, y: log_cosh_slope(z.astype(np.float64), y),
    )
    logits, targets = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)
    loss = loss_named("wide")
    assert loss.values(logits, targets).dtype == np.float32
    assert loss.gradient(logits, targets).dtype == np.float32


def test_a_loss_of_classes_makes_a_model_that_tells_classes(tmp_path):
    register_loss("focal", focal, focal_slope, classes=True)
    experiment = samplewise.Experiment.from_options(
        data="iris",
        loss="focal",
        optimizer="adam",
        learning_rate=0.01,
        init="glorot_uniform",
        label_smoothing=0.05,
        epochs=30,
    )
    result = samplewise.run(experiment)
    assert result.test_accuracy > 0.8
    samplewise.save_model(result.model, tmp_path / "model.safetensors")
    twins = (
        samplewise.load_model(tmp_path / "model.safetensors"),
        pickle.loads(pickle.dumps(result.model)),
    )
    for twin in twins:
        assert twin.loss == result.model.loss
        assert twin.loss.label_smoothing == 0.05
        np.testing.assert_array_equal(
            twin.probabilities(result.data.test.X), result.model.probabilities(result.data.test.X)
        )


def test_a_wrong_loss_of_classes_is_refused():
    with pytest.raises(ParameterError, match="the gradient of loss 'wrong' .* of 2 at"):
        register_loss("wrong", focal, cross_entropy_slope, classes=True)
    with pytest.raises(CombinationError, match="leave out the link"):
        register_loss("wrong", focal, focal_slope, classes=True, link=np.exp)
    assert "wrong" not in LOSSES
