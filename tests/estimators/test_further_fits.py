"""Trainings that go on after other parameters, targets or weights have been set."""

import copy

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network as original
from sklearn.base import clone
from small_data import LABELS, NUMBER, NUMBERS, QUICK, TWO, X

from samplewise import CNNClassifier, MLPClassifier, MLPRegressor, NeuralNetRegressor, RMSprop
from samplewise.errors import DataError, ParameterError
from samplewise.network import Dense

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_another_optimizer_begins_anew():
    """A velocity is no mean square: its root would be NaN."""
    estimator = MLPRegressor(**QUICK, solver="sgd").partial_fit(X, NUMBER)
    other = MLPRegressor(**QUICK, solver=RMSprop()).partial_fit(X, NUMBER)
    estimator.set_params(solver=RMSprop())
    other.coefs_, other.intercepts_ = estimator.coefs_, estimator.intercepts_
    other._begun = None
    assert estimator._begun is not None
    assert estimator.learn_one(X[0], NUMBER[0]) == other.learn_one(X[0], NUMBER[0])
    for own, new in zip(estimator.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(own, new)


def test_weights_of_another_width_begin_anew():
    wide = MLPRegressor(**{**QUICK, "hidden_layer_sizes": (5,)}).partial_fit(X, NUMBER)
    estimator = MLPRegressor(**QUICK).partial_fit(X, NUMBER).set_params(hidden_layer_sizes=(5,))
    estimator.coefs_, estimator.intercepts_ = wide.coefs_, wide.intercepts_
    assert estimator.partial_fit(X, NUMBER).coefs_[0].shape == wide.coefs_[0].shape
    assert estimator._begun.state.step == 1


def test_a_row_follows_early_stopping_which_has_no_best_loss():
    estimator = MLPRegressor(**QUICK, early_stopping=True).fit(X, NUMBER)
    estimator.set_params(early_stopping=False).partial_fit(X[:1], NUMBER[:1])
    assert (estimator.n_iter_, estimator.best_loss_) == (1, None)


@pytest.mark.parametrize("warm_start", [True, False])
def test_epochs_follow_lbfgs(warm_start):
    estimator = MLPClassifier(**QUICK, solver="lbfgs", warm_start=warm_start).fit(X, TWO)
    reached = estimator.loss_
    estimator.set_params(solver="adam", learning_rate_init=1e-6)
    if warm_start:
        estimator.fit(X, TWO)
    else:
        estimator.partial_fit(X, TWO)
    assert len(estimator.loss_curve_) == estimator.n_iter_ == (4 if warm_start else 1)
    assert estimator.best_loss_ == pytest.approx(reached, rel=1e-2)


@pytest.mark.parametrize(
    ("begun", "change", "y"),
    [
        # One or two outputs: the flat vectors of both are as long.
        (MLPRegressor(**QUICK), {}, NUMBERS),
        (NeuralNetRegressor((Dense(6),), max_iter=2), {}, NUMBERS),
        (MLPRegressor(**QUICK), {"hidden_layer_sizes": 7}, NUMBER),
        (CNNClassifier(max_iter=1), {"filters": (3,)}, TWO),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_weights_of_other_shapes_are_refused(begun, change, y, method):
    begun = clone(begun).fit(X, TWO if y is TWO else NUMBER)
    begun.set_params(**change, warm_start=True)
    with pytest.raises(ParameterError, match="its weights have shapes .* now .* ask for"):
        getattr(begun, method)(X, y)


@pytest.mark.parametrize(("begun", "y"), [(TWO, np.stack([TWO, 1 - TWO], axis=1)), (LABELS, TWO)])
def test_one_label_a_row_does_not_become_several(begun, y):
    """Two columns of 0 and 1 would be taken for the shares of two classes."""
    estimator = MLPClassifier(**QUICK).partial_fit(X, begun, classes=[0, 1])
    with pytest.raises(DataError, match="y: must have .* as in the first fit"):
        estimator.partial_fit(X, y)
    estimator.set_params(warm_start=True)
    with pytest.raises(DataError, match="y: must have .* as in the first fit"):
        estimator.fit(X, y)


def test_a_class_a_row_is_not_validated_by_shares():
    with pytest.raises(DataError, match="y: must have one label a row"):
        MLPClassifier(**QUICK).fit(X, TWO, X_val=X, y_val=np.stack([TWO, 1 - TWO], axis=1))


def test_weights_and_layers_may_be_set_together():
    estimator = MLPRegressor(**QUICK, warm_start=True).fit(X, NUMBER)
    estimator.set_params(hidden_layer_sizes=2, learning_rate_init=1e-9)
    estimator.coefs_ = [np.ones((4, 2)), np.zeros((2, 1))]
    estimator.intercepts_ = [np.zeros(2), np.array([3.0])]
    np.testing.assert_allclose(estimator.fit(X, NUMBER).predict(X), 3.0, atol=1e-6)


def test_weights_of_whole_numbers_keep_the_dtype():
    estimator = MLPRegressor(**QUICK).fit(X.astype(np.float32), NUMBER)
    estimator.coefs_ = [np.zeros(one.shape, int) for one in estimator.coefs_]
    estimator.intercepts_ = [[0] * 6, [5]]
    found = estimator.predict(X)
    np.testing.assert_array_equal(found, np.full(60, 5.0))
    assert found.dtype == np.float32
    assert np.isfinite(estimator.learn_one(X[0], 1.0))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("coefs_", [np.zeros((4, 6))], "coefs_: must be 2 arrays, one for each layer, got 1"),
        ("coefs_", None, "coefs_: must be 2 arrays"),
        ("intercepts_", [np.zeros(6)], "intercepts_: must be 2 arrays"),
        ("coefs_", [np.full((4, 6), np.nan), np.zeros((6, 1))], "coefs_: must be finite numbers"),
        ("coefs_", "ab", "coefs_: must be finite numbers"),
    ],
)
def test_weights_that_cannot_be_set_are_named(name, value, words):
    estimator = MLPRegressor(**QUICK).fit(X, NUMBER)
    setattr(estimator, name, value)
    with pytest.raises(ParameterError, match=words):
        estimator.predict(X)


def test_class_weights_count_in_partial_fit_of_one_row():
    """They are in the sum that divides the penalty of a batch."""
    short, long = (
        MLPClassifier(**QUICK, alpha=1.0, class_weight={1: 5.0}).fit(X, TWO) for _ in range(2)
    )
    for row in range(4):
        short.partial_fit(X[row : row + 1], TWO[row : row + 1])
        long.partial_fit(X[row : row + 1].tolist(), TWO[row : row + 1])
    np.testing.assert_allclose(short.coefs_[0], long.coefs_[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [30, 1])
def test_inverse_scaling_goes_on_in_partial_fit_as_in_scikit_learn(rows):
    given = QUICK | {"solver": "sgd", "learning_rate": "invscaling", "shuffle": False}
    ours, theirs = MLPRegressor(**given), original.MLPRegressor(**given)
    for row in range(0, 4 * rows, rows):
        for each in (ours, theirs):
            each.partial_fit(X[row % 60 : row % 60 + rows], NUMBER[row % 60 : row % 60 + rows])
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-9)


def test_each_call_of_partial_fit_draws_another_order():
    first = MLPRegressor(**QUICK, solver="sgd", momentum=0.0, batch_size=1)
    first.partial_fit(X, NUMBER).partial_fit(X, NUMBER)
    again = copy.deepcopy(first)
    again._begun = None
    first.partial_fit(X, NUMBER)
    assert np.abs(first.coefs_[0] - again.partial_fit(X, NUMBER).coefs_[0]).max() > 1e-9


def test_weights_that_were_set_are_in_a_pickle():
    estimator = MLPRegressor(**QUICK).fit(X, NUMBER)
    estimator.intercepts_[-1] = np.array([7.0])
    wanted = copy.deepcopy(estimator).predict(X)
    np.testing.assert_array_equal(estimator.predict(X), wanted)
    assert copy.deepcopy(estimator).intercepts_[-1] == 7.0


def test_a_row_without_the_names_of_its_features_is_a_warning():
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = MLPRegressor(**QUICK).fit(frame, NUMBER)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        estimator.partial_fit(X[:1], NUMBER[:1])


def test_partial_fit_goes_on_with_an_activation_that_was_set_anew():
    estimator = MLPClassifier(**QUICK).partial_fit(X, TWO, classes=[0, 1])
    before = estimator.t_
    estimator.set_params(activation="tanh").partial_fit(X, TWO)
    assert estimator.model_.network.layers[0].activation == "tanh"
    assert estimator.t_ == before + len(X)
