"""Parameters and attributes that scikit-learn's perceptron does not have."""

import os
import signal
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score, get_scorer, log_loss, roc_auc_score
from small_data import LABELS, NAMES, NUMBER, NUMBERS, QUICK, THREE, TWO, X

import samplewise
from samplewise import MLPClassifier, MLPRegressor
from samplewise.estimators.settings import MOST_EPOCHS
from samplewise.network.losses import BinaryCrossEntropy, CategoricalCrossEntropy, Huber

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_validation_rows_of_the_caller_are_measured_after_every_epoch():
    estimator = MLPClassifier(**QUICK).fit(X[:40], NAMES[:40], X_val=X[40:], y_val=NAMES[40:])
    assert len(estimator.validation_loss_curve_) == len(estimator.loss_curve_) == 4
    proba = estimator.predict_proba(X[40:])
    assert estimator.validation_loss_curve_[-1] == pytest.approx(log_loss(NAMES[40:], proba))
    assert estimator.history_[-1]["validation_score"] == estimator.score(X[40:], NAMES[40:])
    assert estimator.best_epoch_ is None


def test_early_stopping_goes_by_the_validation_rows_of_the_caller():
    quick = QUICK | {"max_iter": 60, "early_stopping": True, "n_iter_no_change": 3}
    estimator = MLPRegressor(**quick).fit(X[:40], NUMBER[:40], X_val=X[40:], y_val=NUMBER[40:])
    best = max(estimator.validation_scores_)
    assert estimator.validation_scores_[estimator.best_epoch_ - 1] == best
    assert estimator.score(X[40:], NUMBER[40:]) == pytest.approx(best)
    assert estimator.t_ == 40 * estimator.n_iter_


@pytest.mark.parametrize("monitor", ["f1_macro", "neg_log_loss", "loss"])
def test_early_stopping_goes_by_any_scorer(monitor):
    quick = QUICK | {"max_iter": 30, "early_stopping": True}
    estimator = MLPClassifier(**quick, monitor=monitor)
    estimator.fit(X[:40], NAMES[:40], X_val=X[40:], y_val=NAMES[40:])
    y, X_val = NAMES[40:], X[40:]
    wanted = {
        "f1_macro": lambda: f1_score(y, estimator.predict(X_val), average="macro"),
        "neg_log_loss": lambda: -log_loss(y, estimator.predict_proba(X_val)),
        "loss": lambda: -estimator.validation_loss_curve_[estimator.best_epoch_ - 1],
    }
    assert estimator.best_validation_score_ == pytest.approx(wanted[monitor]())


def test_a_scorer_weighs_the_validation_rows():
    weights = np.where(TWO == 1, 5.0, 0.5)
    estimator = MLPClassifier(**QUICK | {"max_iter": 1}, early_stopping=True, monitor="accuracy")
    estimator.fit(X, TWO, X_val=X, y_val=TWO, sample_weight_val=weights)
    right = estimator.predict(X) == TWO
    assert estimator.validation_scores_ == [pytest.approx(np.average(right, weights=weights))]
    assert right.mean() != pytest.approx(np.average(right, weights=weights))


def test_early_stopping_goes_by_a_function_of_the_caller():
    seen = []

    def score(estimator, X_val, y):
        seen.append((estimator.predict(X_val).shape, y.tolist()))
        return -len(seen)

    quick = QUICK | {"early_stopping": True, "monitor": score}
    estimator = MLPClassifier(**quick).fit(X, NAMES)
    assert estimator.best_epoch_ == 1
    assert estimator.validation_scores_ == [-1, -2, -3, -4]
    assert set(seen[0][1]) <= {"ant", "bee", "cat"}


@pytest.mark.parametrize("y", [NUMBER, NUMBERS])
def test_a_function_of_the_caller_gets_targets_as_fit_did(y):
    shapes = set()

    def monitor(estimator, rows, targets):
        shapes.add((targets.shape, estimator.predict(rows).shape))
        return 0.0

    MLPRegressor(**QUICK, early_stopping=True, monitor=monitor).fit(X, y)
    assert shapes == {((6, *y.shape[1:]),) * 2}


def test_class_weight_is_a_sample_weight_by_class():
    weighted = MLPClassifier(**QUICK, class_weight={"bee": 3.0, "cat": 0.5}).fit(X, NAMES)
    rows = np.array([{"ant": 1.0, "bee": 3.0, "cat": 0.5}[name] for name in NAMES])
    by_rows = MLPClassifier(**QUICK).fit(X, NAMES, sample_weight=rows)
    assert weighted.loss_curve_ == by_rows.loss_curve_
    balanced = MLPClassifier(**QUICK, class_weight="balanced").fit(X, NAMES)
    counts = np.unique(NAMES, return_counts=True)[1]
    by_rows.fit(X, NAMES, sample_weight=(60 / (3 * counts))[THREE])
    np.testing.assert_allclose(balanced.loss_curve_, by_rows.loss_curve_, rtol=1e-12)


def test_a_class_without_weight_does_not_count_in_balanced_weights():
    weights = np.where(THREE == 2, 0.0, 1.0)
    balanced = MLPClassifier(**QUICK, class_weight="balanced")
    kept = THREE != 2
    counts = np.bincount(THREE[kept])
    by_hand = weights.copy()
    by_hand[kept] = kept.sum() / (2 * counts[THREE[kept]])
    wanted = MLPClassifier(**QUICK).fit(X, THREE, sample_weight=by_hand)
    found = balanced.fit(X, THREE, sample_weight=weights)
    np.testing.assert_allclose(found.loss_curve_, wanted.loss_curve_, rtol=1e-12)


def test_activations_and_dropout_may_differ_by_layer():
    estimator = MLPClassifier(
        (6, 5), ["gelu", "logistic"], dropout=[0.0, 0.3], max_iter=2, random_state=0
    ).fit(X, TWO)
    kinds = [type(layer).__name__ for layer in estimator.model_.network.layers]
    assert kinds == ["Dense", "Dense", "Dropout", "Dense"]
    assert [layer.activation for layer in estimator.model_.network.layers[:2]] == [
        "gelu",
        "sigmoid",
    ]
    assert [weight.shape for weight in estimator.coefs_] == [(4, 6), (6, 5), (5, 1)]


@pytest.mark.parametrize(
    ("kind", "y", "loss", "name"),
    [
        (MLPRegressor, NUMBERS, "huber", "huber"),
        (MLPRegressor, NUMBER, Huber(delta=0.5), "huber"),
        (MLPClassifier, NAMES, CategoricalCrossEntropy(label_smoothing=0.1), None),
    ],
)
def test_other_losses_are_learnt_in_their_own_units(kind, y, loss, name):
    estimator = kind(**QUICK, loss=loss).fit(X, y)
    assert estimator.model_.loss.name == (name or "categorical_cross_entropy")
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


@pytest.mark.parametrize("more", [{}, {"early_stopping": True}, {"n_ens": 2}])
def test_two_classes_have_as_many_logits_as_the_loss_takes(more):
    smoothed = MLPClassifier(**QUICK, **more, loss=CategoricalCrossEntropy(label_smoothing=0.1))
    smoothed.fit(X, TWO)
    assert (smoothed.n_outputs_, smoothed.out_activation_) == (2, "softmax")
    assert smoothed.predict_proba(X).shape == (len(X), 2)
    assert set(smoothed.predict(X)) <= set(TWO)
    one = MLPClassifier(**QUICK, **more, loss=BinaryCrossEntropy()).fit(X, TWO)
    assert (one.n_outputs_, one.predict_proba(X).shape) == (1, (len(X), 2))


@pytest.mark.parametrize("more", [{}, {"n_ens": 2}])
def test_two_logits_of_two_classes_are_one_decision(more):
    """Scorers and calibration take one number a row of two classes, whatever the loss."""
    estimator = MLPClassifier(**QUICK, **more, loss=CategoricalCrossEntropy()).fit(X, TWO)
    decisions, proba = estimator.decision_function(X), estimator.predict_proba(X)
    assert decisions == pytest.approx(np.log(proba[:, 1] / proba[:, 0]))
    assert ((decisions > 0) == (estimator.predict(X) == estimator.classes_[1])).all()
    assert get_scorer("roc_auc")(estimator, X, TWO) == roc_auc_score(TWO, proba[:, 1])


def test_two_labels_are_two_decisions():
    labels = np.column_stack([TWO, X[:, 0] > 0]).astype(int)
    estimator = MLPClassifier(**QUICK).fit(X, labels)
    decisions = estimator.decision_function(X)
    assert decisions.shape == labels.shape
    np.testing.assert_array_equal(decisions > 0, estimator.predict(X) == 1)


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), CategoricalCrossEntropy()])
def test_one_class_is_learnt_by_every_loss_of_classes(loss):
    estimator = MLPClassifier(**QUICK, loss=loss).fit(X, np.full(len(X), "only"))
    assert set(estimator.predict(X)) == {"only"}
    assert estimator.predict_one(X[0]) == "only"
    assert estimator.decision_function(X).shape == (len(X),)


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), CategoricalCrossEntropy()])
@pytest.mark.parametrize("monitor", [None, "accuracy"])
def test_one_class_has_the_validation_score_of_its_predictions(loss, monitor):
    quick = QUICK | {"random_state": 1, "validation_fraction": 0.5, "early_stopping": True}
    one = np.zeros(len(X), int)
    estimator = MLPClassifier(**quick, loss=loss, monitor=monitor).fit(X, one)
    assert set(estimator.validation_scores_) == {estimator.score(X, one)} == {1.0}


@pytest.mark.parametrize("solver", ["adam", samplewise.RMSprop(), samplewise.Adagrad()])
def test_schedules_work_with_every_optimizer(solver):
    quick = QUICK | {"solver": solver, "learning_rate": samplewise.Exponential(decay=0.5)}
    estimator = MLPClassifier(**quick).fit(X, TWO)
    rates = [row["learning_rate"] for row in estimator.history_]
    assert rates == pytest.approx([0.02, 0.01, 0.005, 0.0025])


def test_the_history_is_a_table():
    estimator = MLPClassifier(**QUICK).fit(X, TWO)
    frame = estimator.history_.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["loss"].tolist() == estimator.loss_curve_
    assert frame["epoch"].tolist() == [1, 2, 3, 4]
    assert estimator.history_.stopped == "finished"
    assert estimator.plan_["backend"] in ("numba_cpu", "vectorized")


def test_threads_backend_and_dtype_reach_the_training():
    estimator = MLPRegressor(**QUICK, backend="vectorized", dtype="float32", n_threads=2)
    estimator.fit(X, NUMBER)
    assert estimator.plan_["backend"] == "vectorized"
    assert estimator.predict(X).dtype == np.float32


def test_callbacks_see_each_epoch_and_may_end_the_training():
    losses = []

    def third(record):
        losses.append(record.loss)
        return record.epoch == 3

    quick = QUICK | {"alpha": 0.0, "callbacks": [third]}
    estimator = MLPClassifier(**quick).fit(X, TWO)
    assert losses == estimator.loss_curve_
    assert (estimator.n_iter_, estimator.history_.stopped) == (3, "callback")


def test_every_hook_of_a_callback_is_called():
    names = [name for name in vars(samplewise.Callback) if name.startswith("on_")]
    called = []
    callback = samplewise.Callback()
    for name in names:
        setattr(callback, name, lambda _, name=name: called.append(name))
    MLPClassifier(**QUICK, callbacks=callback).fit(X, TWO)
    assert set(called) == set(names)


def test_a_checkpoint_is_written_after_each_epoch(tmp_path):
    checkpoint = samplewise.Checkpoint(tmp_path / "checkpoints", every=1)
    estimator = MLPClassifier(**QUICK, callbacks=checkpoint).fit(X, TWO)
    assert checkpoint.snapshot().epoch == estimator.n_iter_ + 1


def test_an_interrupt_in_a_callback_is_raised_once_the_best_weights_are_back():
    def interrupt(record):
        if record.epoch == 3:
            raise KeyboardInterrupt

    quick = QUICK | {"early_stopping": True, "callbacks": interrupt, "max_iter": 50}
    estimator = MLPRegressor(**quick)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, NUMBER)
    assert estimator.n_iter_ == 3
    reference = MLPRegressor(**quick | {"callbacks": None, "max_iter": estimator.best_epoch_})
    reference.fit(X, NUMBER)
    np.testing.assert_array_equal(estimator.coefs_[0], reference.coefs_[0])


def test_ctrl_c_ends_the_training_and_the_handler_before_is_back():
    def press(record):
        if record.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    estimator = MLPClassifier(**QUICK | {"max_iter": 10_000, "callbacks": press})
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, TWO)
    assert 2 <= estimator.n_iter_ < 10
    assert signal.getsignal(signal.SIGINT) is before
    estimator.predict(X)


def test_a_divergence_keeps_the_best_weights_of_early_stopping():
    quick = QUICK | {"solver": "sgd", "learning_rate_init": 0.6, "activation": "identity"}
    quick |= {"early_stopping": True, "max_iter": 400, "n_iter_no_change": 400, "alpha": 0.0}
    estimator = MLPRegressor(**quick)
    with pytest.warns(ConvergenceWarning, match=r"The weights of epoch \d+ are kept"):
        estimator.fit(30 * X, NUMBER, X_val=30 * X, y_val=NUMBER)
    assert estimator.best_epoch_ == 1 + int(np.nanargmax(estimator.validation_scores_))
    assert np.isnan(estimator.validation_scores_[-1])
    assert estimator.score(30 * X, NUMBER) == pytest.approx(estimator.best_validation_score_)
    # Without it, the epochs before count for nothing.
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        MLPRegressor(**quick | {"early_stopping": False}).fit(30 * X, NUMBER)


def test_a_warm_start_waits_anew_for_another_figure():
    """A loss is never as small as a score times -1; scikit-learn raises TypeError."""
    waiting = {"warm_start": True, "n_iter_no_change": 2, "max_iter": 6, "tol": 0.0}
    estimator = MLPClassifier(**QUICK | waiting | {"early_stopping": True})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X, TWO).set_params(early_stopping=False).fit(X, TWO)
    assert estimator.n_iter_ == 6


def test_a_warm_start_that_diverges_with_nothing_better_than_before_keeps_nothing():
    quick = QUICK | {"early_stopping": True, "solver": "sgd", "max_iter": 3, "warm_start": True}
    estimator = MLPRegressor(**quick | {"activation": "identity", "alpha": 0.0})
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        estimator.fit(X, NUMBER, X_val=X, y_val=NUMBER)
    before = estimator.coefs_[0].copy()
    estimator.set_params(learning_rate_init=1.0, max_iter=400, n_iter_no_change=400)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        estimator.fit(30 * X, NUMBER, X_val=30 * X, y_val=NUMBER)
    np.testing.assert_array_equal(estimator.coefs_[0], before)


def test_weights_may_be_written_to_and_set():
    estimator = MLPRegressor(**QUICK).fit(X, NUMBER)
    estimator.coefs_[-1][:] = 0
    estimator.intercepts_[-1][:] = 2.5
    np.testing.assert_array_equal(estimator.predict(X), np.full(60, 2.5))
    estimator.intercepts_[-1] = np.array([4.0])
    np.testing.assert_array_equal(estimator.predict(X[:1]), [4.0])
    estimator.intercepts_ = [np.zeros(6), np.zeros(1)]
    np.testing.assert_array_equal(estimator.predict(X), np.zeros(60))
    estimator.coefs_[0] = np.zeros((3, 6))
    with pytest.raises(ValueError, match=r"shape \(4, 6\)"):
        estimator.predict(X)


@pytest.mark.parametrize(
    ("kind", "y"), [(MLPClassifier, NAMES), (MLPClassifier, LABELS), (MLPRegressor, NUMBERS)]
)
def test_an_ensemble_predicts_by_its_mean_and_stops_by_the_loss_of_it(kind, y):
    quick = QUICK | {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 3}
    estimator = kind(**quick, n_ens=3).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    members = estimator.estimators_
    assert len({member.loss_curve_[0] for member in members}) == 3
    assert len({member.n_iter_ for member in members}) == 1
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    mean = np.mean([getattr(member, method)(X) for member in members], axis=0)
    np.testing.assert_allclose(getattr(estimator, method)(X), mean, rtol=1e-12)
    if method == "predict":
        loss = ((mean[40:] - y[40:]) ** 2).mean() / 2
    elif y.ndim == 1:
        loss = log_loss(y[40:], mean[40:])
    else:
        p = mean[40:]
        loss = -np.where(y[40:], np.log(p), np.log(1 - p)).sum(axis=1).mean()
    assert min(estimator.validation_loss_curve_) == pytest.approx(loss)
    one, first = estimator.predict_one(X[0]), estimator.predict(X[:1])[0]
    if y.dtype.kind == "f":
        np.testing.assert_allclose(one, first, rtol=1e-12)
    else:
        np.testing.assert_array_equal(one, first)


def test_a_member_of_an_ensemble_is_an_estimator_of_its_own():
    estimator = MLPClassifier(**QUICK, n_ens=2).fit(X, NAMES)
    member = estimator.estimators_[0]
    assert member.predict(X).shape == (60,)
    member.partial_fit(X[:5], NAMES[:5])
    decided = estimator.classes_[estimator.decision_function(X).argmax(axis=1)]
    np.testing.assert_array_equal(estimator.predict(X), decided)
    with pytest.raises(ValueError, match="n_ens: must be 1 for partial_fit"):
        estimator.partial_fit(X, NAMES)


def test_max_iter_may_be_larger_than_the_engine_s_most_epochs():
    quick = QUICK | {"max_iter": 10 * MOST_EPOCHS, "tol": 1e9, "n_iter_no_change": 1}
    assert MLPClassifier(**quick).fit(X, TWO).n_iter_ == 3
