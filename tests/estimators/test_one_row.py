"""Rows one at a time: the same steps and predictions as by the methods of many rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from small_data import LABELS, NAMES, NUMBER, NUMBERS, QUICK, THREE, TWO, X

from samplewise import MLPClassifier, MLPRegressor, Model, NeuralNetClassifier
from samplewise.network import Dense, Dropout

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
BACKENDS = ("reference", "vectorized", "numba_cpu")
CASES = {
    "two": (MLPClassifier, TWO, {}),
    "three": (MLPClassifier, THREE, {"solver": "sgd"}),
    "names": (MLPClassifier, NAMES, {}),
    "labels": (MLPClassifier, LABELS, {}),
    "number": (MLPRegressor, NUMBER, {"alpha": 1.0}),
    "numbers": (MLPRegressor, NUMBERS, {"solver": "sgd"}),
    "counts": (MLPRegressor, np.abs(NUMBER).round(), {"loss": "poisson"}),
}


def begun(case, **more):
    kind, y, parameters = CASES[case]
    estimator = kind(**QUICK, **parameters, **more)
    return estimator.fit(X[:20], y[:20]) if case != "names" else estimator.fit(X, y)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_learn_one_takes_the_steps_of_partial_fit(case, backend):
    y = CASES[case][1]
    one, many = begun(case, backend=backend), begun(case, backend=backend)
    for row in range(20, 30):
        loss = one.learn_one(X[row], y[row])
        # A list takes the long way, through a training.
        many.partial_fit(X[row : row + 1].tolist(), y[row : row + 1])
        assert loss == pytest.approx(many.loss_curve_[-1], abs=1e-12)
    for own, other in zip(one.coefs_, many.coefs_, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=1e-12)
    assert one.t_ == many.t_


def test_rows_are_predicted_by_one_predictor(monkeypatch):
    estimator, made = begun("two"), []
    predictor = Model.predictor
    monkeypatch.setattr(Model, "predictor", lambda model: made.append(model) or predictor(model))
    for row in X[:5]:
        estimator.predict_one(row)
    assert len(made) == 1


@pytest.mark.parametrize("case", CASES)
def test_a_plain_row_of_partial_fit_is_learnt_as_any_row(case):
    y = CASES[case][1]
    short, long = begun(case), begun(case)
    for row in range(20, 26):
        short.partial_fit(X[row : row + 1], y[row : row + 1])
        long.partial_fit(X[row : row + 1].tolist(), y[row : row + 1])
    assert short._online is not None
    assert long._online is None
    np.testing.assert_allclose(short.loss_curve_, long.loss_curve_, rtol=0, atol=1e-12)
    assert (short.t_, short.n_iter_) == (long.t_, long.n_iter_)
    assert short.loss_ == short.loss_curve_[-1]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_predict_one_is_predict_before_and_after_learning(case, backend):
    estimator = begun(case, backend=backend)
    for _ in range(2):
        for row in X[:5]:
            np.testing.assert_allclose(
                np.asarray(estimator.predict_one(row) == estimator.predict([row])[0]).all(), True
            )
        estimator.learn_one(X[30], CASES[case][1][30])


def test_a_row_may_be_answered_while_another_one_is():
    estimator = begun("number")
    # One predictor is ready, which the outer call takes.
    estimator.predict_one(X[2])
    inside = []

    class Row:
        def __array__(self, dtype=None, copy=None):
            inside.append(estimator.predict_one(X[1]))
            return X[0]

    assert estimator.predict_one(Row()) == estimator.predict_one(X[0])
    assert set(inside) == {estimator.predict_one(X[1])}
    assert estimator.predict_one(X[0]) == estimator.predict(X[:1])[0]


def test_predict_proba_one_is_a_row_of_predict_proba():
    estimator = begun("three")
    estimator.learn_one(X[0], 1)
    np.testing.assert_allclose(
        estimator.predict_proba_one(X[3]), estimator.predict_proba(X)[3], rtol=1e-12
    )


def test_learning_goes_on_after_a_pickle_and_from_weights_that_were_set():
    one = begun("three")
    one.learn_one(X[0], 1)
    other = pickle.loads(pickle.dumps(one))
    assert one.learn_one(X[1], 2) == other.learn_one(X[1], 2)
    np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])
    one.coefs_ = [np.zeros_like(weight) for weight in one.coefs_]
    one.intercepts_ = [np.zeros_like(bias) for bias in one.intercepts_]
    np.testing.assert_allclose(one.predict_proba_one(X[0]), 1 / 3)
    penalty_alone = np.log(3)
    assert one.learn_one(X[1], 2) == pytest.approx(penalty_alone)


def test_the_learning_rate_of_set_params_counts_from_the_next_row():
    slow, fast = begun("two", solver="sgd"), begun("two", solver="sgd")
    for each in (slow, fast):
        each.learn_one(X[0], 1)
    fast.set_params(learning_rate_init=0.5)
    for each in (slow, fast):
        each.learn_one(X[1], 0)
    before = begun("two", solver="sgd").coefs_[0]
    assert np.abs(fast.coefs_[0] - before).max() > 2 * np.abs(slow.coefs_[0] - before).max()


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X[0], 7, "must be a label of classes_"),
        (X[0], [1], "must be a label of classes_"),
        (X[0, :3], 1, "x has shape"),
        (X[0] * np.nan, 1, "NaN or inf"),
    ],
)
def test_a_row_that_cannot_be_learnt_changes_nothing(x, y, words):
    estimator = begun("three")
    estimator.learn_one(X[0], 1)
    before = [weight.copy() for weight in estimator.coefs_]
    with pytest.raises(ValueError, match=words):
        estimator.learn_one(x, y)
    for weight, kept in zip(estimator.coefs_, before, strict=True):
        np.testing.assert_array_equal(weight, kept)


@pytest.mark.parametrize(
    ("case", "y", "words"),
    [
        ("number", "a", "y: must be a number, got 'a'"),
        ("number", None, "y: must be a number"),
        ("number", "3", "y: must be a number, got '3'"),
        ("number", np.array("3"), "y: must be a number"),
        ("numbers", ["3", "1"], "target: expected numbers, got text"),
        ("three", "1", "must be a label of classes_, got '1'"),
        ("labels", ["1", "0"], "y: must be 0 or 1 for each label, got"),
        ("number", np.array([1.0, 2.0]), "y: must be a number"),
        ("labels", "ab", "y: must be 0 or 1 for each label"),
    ],
)
def test_a_target_of_another_kind_is_named(case, y, words):
    with pytest.raises(ValueError, match=words):
        begun(case).learn_one(X[0], y)


def test_an_estimator_learns_one_row_only_after_fit():
    with pytest.raises(NotFittedError):
        MLPClassifier().learn_one(X[0], 1)
    with pytest.raises(NotFittedError):
        MLPRegressor().predict_one(X[0])


def test_a_diverging_row_is_an_error():
    estimator = begun("number", learning_rate="constant")
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        estimator.learn_one(X[0], 1e300)


def test_a_network_that_drops_units_takes_the_long_way():
    estimator = NeuralNetClassifier((Dense(5, "relu"), Dropout(0.5)), max_iter=2, random_state=0)
    estimator.fit(X, TWO).partial_fit(X[:1], TWO[:1])
    assert estimator._online is None
    assert estimator.t_ == 121


def test_named_rows_are_learnt_by_name():
    frame = pd.DataFrame(X, columns=list("abcd"))
    first, *others = (MLPClassifier(**QUICK).fit(frame[:20], TWO[:20]) for _ in range(4))
    turned = frame[list("dbca")].iloc[30]
    wanted = first.learn_one(X[30], TWO[30])
    for other, row in zip(others, (frame.iloc[30], turned, dict(turned)), strict=True):
        assert other.learn_one(row, TWO[30]) == wanted
        assert other.predict_one(turned) == first.predict_one(X[30])
    with pytest.raises(ValueError, match="missing 'd'"):
        first.learn_one(frame[list("abc")].iloc[30], 1)
