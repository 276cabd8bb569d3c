"""Optimizers of the user's own: checked, and trained like those that are built in."""

import pickle

import numpy as np
import pytest

from samplewise import Dense, Network, TrainingSettings, register_optimizer, train
from samplewise.errors import CombinationError, ParameterError, UnavailableBackendError
from samplewise.network import OPTIMIZERS
from samplewise.testing.tolerances import tolerance

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 5))
LABELS = (X[:, 0] > 0).astype(int)
NETWORK = Network((5,), (Dense(4, "tanh"), Dense(1)))
BACKENDS = ("reference", "vectorized")
REGISTER = "register a custom one with samplewise.register_optimizer first,"


@pytest.fixture(autouse=True)
def nothing_of_one_s_own():
    """Leave no rule behind."""
    kept = dict(OPTIMIZERS)
    yield
    OPTIMIZERS.clear()
    OPTIMIZERS.update(kept)


def plain(g, v, t):
    return g, v


def momentum(g, v, t):
    v = 0.9 * v + g
    return v[0], v


def adam(g, v, t):
    m, s = 0.9 * v[0] + 0.1 * g, 0.999 * v[1] + 0.001 * g * g
    return (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8), np.stack([m, s])


def sign(g, v, t):
    return np.sign(g), v


def trained(**settings):
    usual = {"epochs": 2, "learning_rate": 0.05, "batch_size": 7, "init": "glorot_uniform"}
    return train(NETWORK, X, LABELS, TrainingSettings.from_options(**{**usual, **settings}))


def assert_close(got, want, dtype="float64"):
    allowed = tolerance("adaptive", dtype).relative * np.abs(want).max()
    np.testing.assert_allclose(got, want, rtol=0, atol=allowed)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("rule", "slots", "twin"),
    [
        (plain, 0, {"optimizer": "sgd"}),
        (momentum, 1, {"optimizer": "sgd", "momentum": 0.9}),
        (adam, 2, {"optimizer": "adam"}),
    ],
)
def test_a_built_in_rule_under_another_name_trains_the_same(backend, rule, slots, twin):
    register_optimizer("mine", rule, slots=slots)
    penalties = {"l2": 0.01, "clip_value": 0.5, "weight_decay": 0.001, "schedule": "cosine"}
    for options in ({}, penalties):
        own = trained(backend=backend, optimizer="mine", **options)
        built_in = trained(backend=backend, **twin, **options)
        assert_close(own.parameters, built_in.parameters)
        assert_close(own.history.losses, built_in.history.losses)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_backends_agree_on_a_rule_of_one_s_own(dtype):
    register_optimizer("mine", adam, slots=2)
    found = [trained(backend=name, optimizer="mine", dtype=dtype).parameters for name in BACKENDS]
    assert found[0].dtype == found[1].dtype == dtype
    assert_close(*found, dtype)


def test_a_rule_without_slots_that_is_not_linear_is_learnt_with():
    register_optimizer("sign", sign)
    losses = trained(optimizer="sign", learning_rate=0.01, epochs=5).history.losses
    assert losses[-1] < losses[0]


def test_a_backend_without_it_says_so_and_auto_passes_it_over():
    register_optimizer("mine", adam, slots=2)
    with pytest.raises(UnavailableBackendError, match="lacks optimizer 'mine'"):
        trained(backend="numba_cpu", optimizer="mine")
    history = trained(optimizer="mine").history
    assert history.backend == "vectorized"
    assert history.settings["optimizer"] == "mine"


def test_options_of_other_rules_are_refused():
    register_optimizer("mine", adam, slots=2)
    with pytest.raises(CombinationError, match="mine has no momentum"):
        TrainingSettings.from_options(optimizer="mine", momentum=0.5)


def test_a_rule_of_one_s_own_is_pickled_by_name():
    register_optimizer("mine", adam, slots=2)
    rule = TrainingSettings.from_options(optimizer="mine", l2=0.5).optimizer
    twin = pickle.loads(pickle.dumps(rule))
    assert twin == rule
    assert (twin.l2, twin.slots) == (0.5, 2)
    # As in a worker of Python 3.14 and later, which is not a fork.
    packed = pickle.dumps(rule)
    del OPTIMIZERS["mine"]
    with pytest.raises(ParameterError, match=rf"got 'mine'; {REGISTER} in each process"):
        pickle.loads(packed)


@pytest.mark.parametrize(
    ("rule", "slots", "message"),
    [
        (lambda g, v, t: (-g, v), 0, "leads uphill: 20 steps"),
        (lambda g, v, t: (0 * g, v), 0, "leads uphill"),
        (lambda g, v, t: (g / np.abs(g).sum(), v), 0, "another step 1 when other entries"),
        (lambda g, v, t: (g, v + g.mean()), 1, "another step 1 when other entries"),
        (lambda g, v, t: (g[:3], v), 0, r"the direction .* returns shape \(3,\) where \(24,\)"),
        (lambda g, v, t: (g, g), 1, r"the state .* returns shape \(24,\) where \(1, 24\)"),
        (lambda g, v, t: (g / (t - 3), v), 0, "the direction .* is not finite"),
        (lambda g, v, t: (g, v / 0), 1, "the state .* is not finite"),
        (lambda g, v, t: g, 0, "the direction .* raised"),
        (lambda g, v, t: (np.multiply(g, 2, out=g), v), 0, "writes to its arguments"),
        (lambda g: (g, g), 0, "raised TypeError"),
        (3, 0, "raised TypeError"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_rule_that_is_wrong_is_refused(rule, slots, message):
    with pytest.raises(ParameterError, match=message):
        register_optimizer("wrong", rule, slots=slots)
    assert "wrong" not in OPTIMIZERS


@pytest.mark.parametrize("slots", [-1, 17, 1.5, True, "2"])
def test_slots_are_a_small_whole_number(slots):
    with pytest.raises(ParameterError, match="slots"):
        register_optimizer("wrong", plain, slots=slots)


def test_a_taken_name_is_refused_unless_it_is_one_s_own_to_replace():
    with pytest.raises(ParameterError, match="is built in"):
        register_optimizer("adam", adam, slots=2, replace=True)
    for _ in range(2):
        register_optimizer("mine", adam, slots=2, replace=True)
    with pytest.raises(ParameterError, match="registered already"):
        register_optimizer("mine", adam, slots=2)
    with pytest.raises(ParameterError, match="a name that is not allowed"):
        register_optimizer("Mine", adam, slots=2)
