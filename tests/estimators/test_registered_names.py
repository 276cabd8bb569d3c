"""Estimators take activations, losses and optimizers of the user's own by their names."""

import numpy as np
import pytest
from sklearn.base import clone
from small_data import NAMES, NUMBER, QUICK, TWO, X

from samplewise import (
    CNNClassifier,
    MLPClassifier,
    MLPRegressor,
    register_activation,
    register_loss,
    register_optimizer,
)
from samplewise.network import LOSSES, OPTIMIZERS
from samplewise.network.activations import CUSTOM

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NOT_KNOWN = "must be a str among"


@pytest.fixture(autouse=True)
def nothing_of_one_s_own():
    """Leave nothing registered behind."""
    losses, optimizers = dict(LOSSES), dict(OPTIMIZERS)
    yield
    CUSTOM.clear()
    for table, kept in ((LOSSES, losses), (OPTIMIZERS, optimizers)):
        table.clear()
        table.update(kept)


def own_tanh():
    register_activation("own_tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2)


def half_square():
    register_loss("half_square", lambda z, y: ((z - y) ** 2).sum(axis=1) / 2, lambda z, y: z - y)


def own_entropy():
    def shares(z):
        exponentials = np.exp(z - z.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    register_loss(
        "own_entropy",
        lambda z, y: -(y * np.log(shares(z))).sum(axis=1),
        lambda z, y: shares(z) - y,
        classes=True,
    )


def plain_steps():
    register_optimizer("plain_steps", lambda g, v, t: (g, v))


def assert_same_losses(built_in, own, y):
    """Fit an estimator with a built-in name, and one with the user's for the same thing."""
    wanted, got = (clone(one).fit(X, y).loss_curve_ for one in (built_in, own))
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_an_own_activation_trains_as_the_built_in_one():
    own_tanh()
    assert_same_losses(
        *(MLPClassifier(activation=name, **QUICK) for name in ("tanh", "own_tanh")), NAMES
    )
    images = np.zeros((6, 4, 4))
    cnn = CNNClassifier((4, 4), filters=(2,), activation="own_tanh", max_iter=1)
    assert cnn.fit(images, [0, 1] * 3).n_iter_ == 1


def test_an_own_loss_of_numbers_trains_as_the_built_in_one():
    half_square()
    assert_same_losses(
        *(MLPRegressor(loss, **QUICK) for loss in ("squared_error", "half_square")), NUMBER
    )


def test_an_own_loss_of_classes_trains_as_the_built_in_one():
    own_entropy()
    assert_same_losses(
        *(MLPClassifier(**loss, **QUICK) for loss in ({}, {"loss": "own_entropy"})), NAMES
    )
    estimator = MLPClassifier(loss="own_entropy", **QUICK).fit(X, NAMES)
    assert estimator.out_activation_ == "softmax"


def test_an_own_optimizer_trains_as_the_built_in_one():
    plain_steps()
    usual = QUICK | {"momentum": 0, "learning_rate_init": 0.05}
    assert_same_losses(
        *(MLPClassifier(solver=name, **usual) for name in ("sgd", "plain_steps")), TWO
    )


@pytest.mark.parametrize(
    ("estimator", "wanted"),
    [
        (MLPClassifier(activation="own_tanh"), "'logistic', 'relu'"),
        (MLPClassifier(solver="plain_steps"), "{'adam', 'lbfgs', 'sgd'}"),
        (MLPRegressor(loss="own_entropy"), "'mean_squared_error'"),
        (MLPClassifier(loss="half_square"), "{'log_loss'}"),
    ],
)
def test_one_that_is_not_registered_is_refused(estimator, wanted):
    with pytest.raises(ValueError, match=NOT_KNOWN) as refusal:
        estimator.fit(X, TWO)
    assert wanted in str(refusal.value)


def test_a_loss_of_the_other_kind_is_refused():
    half_square()
    own_entropy()
    for estimator in (MLPRegressor(loss="own_entropy"), MLPClassifier(loss="half_square")):
        with pytest.raises(ValueError, match=NOT_KNOWN):
            estimator.fit(X, TWO)
