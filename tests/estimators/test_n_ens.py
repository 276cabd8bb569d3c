"""Ensembles: what they show of their networks, and by which figure they end."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from small_data import NAMES, NUMBER, QUICK, THREE, TWO, X

from samplewise import MLPClassifier, MLPRegressor
from samplewise.errors import DataError
from samplewise.estimators.ensemble import loss_of_predictions
from samplewise.estimators.perceptron import glorot_parameters
from samplewise.network.losses import BinaryCrossEntropy

quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
HELD = {"X_val": X[40:], "y_val": THREE[40:]}
STOPPING = QUICK | {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 3}


def drawn_by(monkeypatch, first_weights):
    """Let the networks of a perceptron begin with the weights of a function of their number."""
    count = iter(range(100))

    def drawn(self, network, random_state, dtype):
        plain = glorot_parameters(network, np.random.RandomState(0), dtype, logistic=False)
        return first_weights(next(count), plain)

    for kind in (MLPClassifier, MLPRegressor):
        monkeypatch.setattr(kind, "_drawn", drawn)


@quiet
def test_a_member_is_trained_as_an_estimator_by_itself():
    quick, weights = QUICK | {"shuffle": False}, np.linspace(0.1, 2, len(X))
    alone = MLPRegressor(**quick).fit(X, NUMBER, weights)
    member = MLPRegressor(**quick, n_ens=2).fit(X, NUMBER, weights).estimators_[0]
    np.testing.assert_allclose(member.loss_curve_, alone.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(member.coefs_[0], alone.coefs_[0], rtol=1e-10)


@quiet
def test_losses_are_the_means_of_the_networks_and_the_best_is_the_least():
    quick = QUICK | {"learning_rate_init": 1.0, "max_iter": 8}
    estimator = MLPRegressor(**quick, n_ens=3).fit(X, NUMBER)
    curves = np.array([member.loss_curve_ for member in estimator.estimators_])
    np.testing.assert_allclose(estimator.loss_curve_, curves.mean(axis=0), rtol=1e-12)
    assert estimator.loss_ == pytest.approx(curves[:, -1].mean())
    assert estimator.best_loss_ == min(estimator.loss_curve_) < estimator.loss_curve_[-1]
    assert MLPRegressor(**STOPPING, n_ens=2).fit(X, NUMBER).best_loss_ is None


@quiet
def test_a_scorer_stops_an_ensemble_by_its_mean_prediction():
    estimator = MLPClassifier(**STOPPING, n_ens=3, monitor="accuracy")
    estimator.fit(X[:40], THREE[:40], **HELD)
    scores = estimator.validation_scores_
    assert estimator.best_epoch_ == 1 + int(np.argmax(scores)) < estimator.n_iter_
    assert max(scores) == accuracy_score(THREE[40:], estimator.predict(X[40:]))
    assert estimator.best_validation_score_ == max(scores)
    own = [member.validation_loss_curve_ for member in estimator.estimators_]
    assert estimator.validation_loss_curve_ in own
    assert len({member.best_epoch_ for member in estimator.estimators_}) == 1


@quiet
def test_weights_of_validation_rows_count_in_a_scorer_and_not_in_the_loss():
    weights = np.where(THREE[40:] == 0, 9.0, 0.5)
    fitted = {}
    for monitor in ("accuracy", None):
        estimator = MLPClassifier(**STOPPING, n_ens=2, monitor=monitor)
        estimator.fit(X[:40], THREE[:40], **HELD, sample_weight_val=weights)
        fitted[monitor] = estimator
    found = fitted["accuracy"]
    right = found.predict(X[40:]) == THREE[40:]
    assert max(found.validation_scores_) == pytest.approx(np.average(right, weights=weights))
    assert right.mean() != pytest.approx(np.average(right, weights=weights))
    proba = fitted[None].predict_proba(X[40:])
    assert min(fitted[None].validation_loss_curve_) == pytest.approx(log_loss(THREE[40:], proba))


@quiet
def test_two_classes_are_stopped_by_the_loss_of_the_mean_probability():
    estimator = MLPClassifier(**STOPPING, n_ens=2)
    estimator.fit(X[:40], TWO[:40], X_val=X[40:], y_val=TWO[40:])
    wanted = log_loss(TWO[40:], estimator.predict_proba(X[40:]))
    assert min(estimator.validation_loss_curve_) == pytest.approx(wanted)


def test_a_certain_and_wrong_probability_has_a_finite_loss():
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    right = loss_of_predictions(BinaryCrossEntropy(), np.array([0, 1]), certain)
    wrong = loss_of_predictions(BinaryCrossEntropy(), np.array([1, 0]), certain)
    assert right == pytest.approx(0, abs=1e-12)
    assert wrong == pytest.approx(-np.log(np.finfo(float).eps))


def test_the_network_that_trained_longest_is_shown_and_says_how_it_ended(monkeypatch):
    # All 0 but the last bias has nothing to learn once that is found.
    drawn_by(monkeypatch, lambda number, plain: plain * (number > 0))
    quick = QUICK | {"max_iter": 40, "n_iter_no_change": 2, "tol": 1e-3, "solver": "sgd"}
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(40\) reached"):
        estimator = MLPRegressor(**quick, n_ens=2).fit(X, NUMBER - NUMBER.mean())
    short, long = estimator.estimators_
    assert short.n_iter_ < long.n_iter_ == estimator.n_iter_ == len(estimator.loss_curve_) == 40
    assert (short.history_.stopped, estimator.history_.stopped) != ("finished", "patience")
    assert estimator.history_ == long.history_
    assert estimator.loss_curve_[-1] == long.loss_curve_[-1]


@quiet
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_networks_share_the_order_of_rows_and_drop_units_of_their_own(dropout, monkeypatch):
    drawn_by(monkeypatch, lambda number, plain: plain)
    estimator = MLPClassifier(**QUICK, batch_size=7, n_ens=2, dropout=dropout).fit(X, NAMES)
    one, other = (member.loss_curve_ for member in estimator.estimators_)
    assert (one == pytest.approx(other, rel=1e-9)) == (dropout == 0.0)


@quiet
def test_networks_that_diverge_are_left_out_and_all_of_them_are_an_error(monkeypatch):
    drawn_by(monkeypatch, lambda number, plain: plain * (1e200 if number % 2 else 1.0))
    estimator = MLPRegressor(**QUICK, n_ens=3).fit(X, NUMBER)
    assert len(estimator.estimators_) == 2
    assert np.isfinite(estimator.predict(X)).all()
    drawn_by(monkeypatch, lambda number, plain: plain * 1e200)
    with pytest.raises(DataError, match="non-finite parameter weights"):
        MLPRegressor(**QUICK, n_ens=2).fit(X, NUMBER)


@quiet
def test_an_interrupt_ends_all_networks_and_is_raised():
    def interrupt(record):
        if record.epoch == 2:
            raise KeyboardInterrupt

    estimator = MLPRegressor(**QUICK, n_ens=2, callbacks=interrupt)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, NUMBER)
    assert estimator.n_iter_ == 2
    estimator.predict(X)
