"""Estimators inside scikit-learn: pipelines, searches, copies, frames, routing, callbacks."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.ensemble import StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from small_data import LABELS, NAMES, NUMBER, NUMBERS, QUICK, THREE, TWO, X

from samplewise import (
    CNNClassifier,
    MLPClassifier,
    MLPRegressor,
    NeuralNetClassifier,
    load_model,
    save_model,
    to_sklearn,
)
from samplewise.errors import ModelFileError
from samplewise.network import Conv2D, Dense, Flatten, Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RATES = {"learning_rate_init": [1e-3, 0.05]}


def fitted(**more):
    return MLPClassifier(**QUICK, **more).fit(X, NAMES)


def test_a_clone_has_the_parameters_and_no_weights():
    copy = clone(fitted(dropout=0.1, callbacks=()))
    assert copy.get_params() == fitted(dropout=0.1, callbacks=()).get_params()
    assert not hasattr(copy, "coefs_")


def test_a_copy_by_joblib_predicts_the_same_and_its_weights_are_its_own():
    estimator, file = fitted(), io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    copy = joblib.load(file)
    np.testing.assert_array_equal(copy.predict_proba(X), estimator.predict_proba(X))
    copy.coefs_[0][:] = 0
    assert estimator.coefs_[0].any()
    assert copy.predict_proba(X[:1]) != pytest.approx(estimator.predict_proba(X[:1]), abs=1e-6)


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
def test_searches_find_a_rate(search):
    found = search(MLPClassifier(**QUICK | {"max_iter": 20}), RATES, cv=2).fit(X, NAMES)
    assert found.best_params_ == {"learning_rate_init": 0.05}


def test_a_search_in_processes_scores_as_one_here():
    estimator = MLPClassifier(**QUICK)
    alone = cross_val_score(estimator, X, NAMES, cv=2)
    np.testing.assert_array_equal(cross_val_score(estimator, X, NAMES, cv=2, n_jobs=2), alone)


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_eight_fits_in_threads_give_the_numbers_of_fits_one_by_one(backend):
    def curve(seed):
        quick = QUICK | {"random_state": seed, "backend": backend}
        return MLPClassifier(**quick).fit(X, NAMES).loss_curve_

    alone = [curve(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(curve, range(8))) == alone


def test_a_pipeline_transforms_the_validation_rows():
    with sklearn.config_context(enable_metadata_routing=True):
        step = MLPClassifier(**QUICK).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("mlp", step)], transform_input=["X_val"])
        pipeline.fit(X[:40], NAMES[:40], X_val=X[40:], y_val=NAMES[40:])
    scale = StandardScaler().fit(X[:40])
    alone = MLPClassifier(**QUICK).fit(
        scale.transform(X[:40]), NAMES[:40], X_val=scale.transform(X[40:]), y_val=NAMES[40:]
    )
    assert pipeline["mlp"].validation_loss_curve_ == alone.validation_loss_curve_


def test_sample_weights_are_routed():
    weights = np.linspace(0.1, 2, 60)
    with sklearn.config_context(enable_metadata_routing=True):
        step = MLPClassifier(**QUICK).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(step).fit(X, NAMES, sample_weight=weights)
    alone = MLPClassifier(**QUICK).fit(X, NAMES, sample_weight=weights)
    assert pipeline[-1].loss_curve_ == alone.loss_curve_


def test_calibration_stacking_and_several_outputs():
    estimator = MLPClassifier(**QUICK | {"max_iter": 15})
    assert CalibratedClassifierCV(estimator, cv=2).fit(X, TWO).predict_proba(X).shape == (60, 2)
    stack = StackingClassifier([("mlp", estimator)], LogisticRegression(), cv=2).fit(X, NAMES)
    assert stack.score(X, NAMES) > 0.5
    assert MultiOutputClassifier(estimator).fit(X, LABELS).predict(X).shape == (60, 2)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_give_names_to_the_features(frame):
    names = ["a", "b", "c", "d"]
    estimator = MLPClassifier(**QUICK).fit(frame(dict(zip(names, X.T, strict=True))), NAMES)
    turned = frame({name: X[:, names.index(name)] for name in reversed(names)})
    np.testing.assert_array_equal(estimator.model_.predict(turned), fitted().model_.predict(X))
    assert estimator.feature_names_in_.tolist() == names
    assert estimator.loss_curve_ == fitted().loss_curve_
    with pytest.warns(UserWarning, match="valid feature names"):
        estimator.predict(X)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_matrix])
def test_sparse_rows_give_the_results_of_dense_ones(container):
    estimator = MLPClassifier(**QUICK).fit(container(X), NAMES)
    assert estimator.loss_curve_ == fitted().loss_curve_
    np.testing.assert_array_equal(estimator.predict(container(X)), fitted().predict(X))


def test_sparse_numbers_give_the_results_of_dense_ones():
    dense, sparse = (
        MLPRegressor(**QUICK).fit(X, y, X_val=X, y_val=y).partial_fit(X, y)
        for y in (NUMBERS, sp.csr_array(NUMBERS))
    )
    assert sparse.loss_curve_ == dense.loss_curve_
    assert sparse.validation_loss_curve_ == dense.validation_loss_curve_


@pytest.mark.parametrize("y", [NAMES, NAMES.astype(object), TWO.astype(bool), TWO + 5.0, LABELS])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_labels_of_any_kind_come_back(y, early_stopping):
    estimator = MLPClassifier(**QUICK, early_stopping=early_stopping).fit(X, y)
    predicted = estimator.predict(X)
    # As scikit-learn, which makes an array of text of objects.
    assert predicted.dtype == (NAMES.dtype if y.dtype == object else y.dtype)
    assert set(np.unique(predicted)) <= set(np.unique(y))


@pytest.mark.parametrize("n_ens", [1, 2])
@pytest.mark.parametrize("y", [NAMES, THREE, TWO.astype(bool), TWO + 5.0, LABELS])
def test_the_model_of_a_classifier_is_saved_with_its_classes(y, n_ens, tmp_path):
    fit = MLPClassifier(**QUICK, n_ens=n_ens).fit(X, y)
    estimator = fit.estimators_[0] if n_ens > 1 else fit
    save_model(estimator.model_, tmp_path / "model.safetensors")
    model = load_model(tmp_path / "model.safetensors")
    probabilities = estimator.predict_proba(X)
    np.testing.assert_array_equal(model.probabilities(X), probabilities)
    if y is not LABELS:
        labels = estimator.classes_[model.predict(X)]
        np.testing.assert_array_equal(labels, estimator.predict(X))
        assert to_sklearn(model).classes_.tolist() == estimator.classes_.tolist()


def test_the_model_of_a_single_class_says_that_it_cannot_be_saved(tmp_path):
    estimator = MLPClassifier(**QUICK).fit(X, np.full(len(X), "one"))
    with pytest.raises(ModelFileError, match="no class names, as one fitted to rows of a single"):
        save_model(estimator.model_, tmp_path / "model.safetensors")


SCORED = {
    "text": (NAMES, NAMES),
    "wider text": (NAMES, NAMES.astype("U9")),
    "list": (NAMES, NAMES.tolist()),
    "objects": (NAMES, NAMES.astype(object)),
    "column": (TWO, TWO[:, np.newaxis]),
    "bool": (TWO.astype(bool), TWO.astype(bool)),
    "bool as integers": (TWO.astype(bool), TWO),
    "numbers": (TWO + 5.0, TWO + 5.0),
    "unknown labels": (TWO, TWO + 7),
    "several labels": (LABELS, LABELS),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("weights", [None, np.arange(60) + 1.0])
@pytest.mark.parametrize("name", SCORED)
def test_a_score_is_that_of_scikit_learn(name, weights):
    learnt, y = SCORED[name]
    estimator = MLPClassifier(**QUICK).fit(X, learnt)
    wanted = accuracy_score(y, estimator.predict(X), sample_weight=weights)
    found = estimator.score(X, y, sample_weight=weights)
    assert type(found) is float
    assert found == wanted


@pytest.mark.parametrize("y", [NAMES[:-1], NAMES[:0], THREE, NUMBER, LABELS, NAMES.astype("S")])
def test_labels_that_cannot_be_scored_are_refused_in_the_words_of_scikit_learn(y):
    estimator = fitted()
    with pytest.raises((ValueError, TypeError)) as wanted:
        accuracy_score(y, estimator.predict(X))
    with pytest.raises(type(wanted.value)) as found:
        estimator.score(X, y)
    assert str(found.value) == str(wanted.value)


@pytest.mark.parametrize("change", [np.asfortranarray, lambda X: X[::-1][::-1], "read_only"])
def test_arrays_of_any_layout_are_learnt_and_left_as_they_are(change):
    given = X.copy()
    if change == "read_only":
        given.flags.writeable = False
    else:
        given = change(given)
    estimator = MLPClassifier(**QUICK).fit(given, NAMES)
    assert estimator.loss_curve_ == fitted().loss_curve_
    np.testing.assert_array_equal(estimator.predict(given), fitted().predict(X))
    np.testing.assert_array_equal(given, X)


def test_images_may_be_flat_or_not():
    images = np.random.default_rng(0).normal(size=(20, 6, 5))
    y = (images.mean(axis=(1, 2)) > 0).astype(int)
    quick = {"filters": (3,), "hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
    flat, two, four = (
        CNNClassifier((6, 5), **quick).fit(given, y)
        for given in (images.reshape(20, -1), images, images[:, np.newaxis])
    )
    assert flat.loss_curve_ == two.loss_curve_ == four.loss_curve_
    np.testing.assert_array_equal(two.predict(images), flat.predict(images.reshape(20, -1)))
    assert flat.n_features_in_ == 30
    with pytest.raises(ValueError, match="is expecting .*; transpose X"):
        two.predict(images.transpose(0, 2, 1))
    with pytest.raises(ValueError, match=r"is expecting .*; give X.transpose\(0, 3, 1, 2\)"):
        four.predict(images[..., np.newaxis])
    with pytest.raises(ValueError, match=r"is expecting .* as input$"):
        four.predict(images[:, :, 1:, np.newaxis])


def test_a_whole_network_of_the_caller_is_trained():
    network = Network((1, 2, 2), (Conv2D(2, 2, activation="tanh"), Flatten(), Dense(3)))
    estimator = NeuralNetClassifier(network, max_iter=3, random_state=0).fit(X, NAMES)
    assert estimator.model_.network == network
    with pytest.raises(ValueError, match="network: must have 4 inputs and 1 output"):
        NeuralNetClassifier(network).fit(X, TWO)


def test_scoring_monitor_sees_each_epoch():
    monitor = ScoringMonitor(scoring="accuracy")
    estimator = MLPClassifier(**QUICK).set_callbacks(monitor).fit(X, NAMES)
    (log,) = (
        [monitor.get_logs()] if not isinstance(monitor.get_logs(), list) else monitor.get_logs()
    )
    scores = [row["accuracy"] for row in log.data if row["task_name"] == "epoch"]
    assert len(scores) == 4
    assert scores[-1] == estimator.score(X, NAMES)


class StopAtThird:
    """A callback by scikit-learn's protocol."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch":
            self.calls.append(fitted_estimator.predict(X[:1])[0])
        return context.task_name == "epoch" and context.task_id == 2


@pytest.mark.parametrize("wrap", [lambda one: one, make_pipeline])
def test_a_callback_of_scikit_learn_ends_the_training(wrap):
    stop = StopAtThird()
    estimator = MLPRegressor(**QUICK | {"max_iter": 9}).set_callbacks(stop)
    wrap(estimator).fit(X, NUMBER)
    assert (stop.calls[0], stop.calls[-1], len(stop.calls)) == ("setup", "teardown", 5)
    assert estimator.n_iter_ == 3
    assert stop.calls[3] == estimator.predict(X[:1])[0]


def test_callbacks_of_scikit_learn_end_though_the_fit_fails():
    """The thread of a progress bar that nobody ends keeps the process alive for ever."""

    def fail(record):
        raise ZeroDivisionError

    known = StopAtThird()
    estimator = MLPRegressor(**QUICK, callbacks=fail).set_callbacks(known, ProgressBar())
    before = set(vars(estimator))
    with pytest.raises(ZeroDivisionError):
        estimator.fit(X, NUMBER)
    assert known.calls[-1] == "teardown"
    assert set(vars(estimator)) == before
    assert not any(type(one).__name__ == "RichProgressMonitor" for one in threading.enumerate())


def test_callbacks_of_scikit_learn_see_a_row_of_partial_fit():
    monitor = ScoringMonitor(scoring="accuracy")
    estimator = MLPClassifier(**QUICK).fit(X, NAMES).set_callbacks(monitor)
    for row in range(2):
        estimator.partial_fit(X[row : row + 1], NAMES[row : row + 1])
    assert len(monitor.get_logs(select="all")) == 2


def test_callbacks_of_scikit_learn_see_each_epoch_of_each_network_of_an_ensemble():
    monitor = ScoringMonitor(scoring="accuracy")
    estimator = MLPClassifier(**QUICK, n_ens=3).set_callbacks(monitor)
    # The second fit must not predict with the networks of the first one.
    for rows in (X[::-1], X):
        estimator.fit(rows, NAMES)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 3 * 4
    assert scores[-3:] == [one.score(X, NAMES) for one in estimator.estimators_]


def test_a_fit_leaves_the_global_generator_and_the_error_state_alone():
    np.random.seed(3)  # noqa: NPY002 - it must not be drawn from
    before, errors = np.random.get_state()[1].copy(), np.geterr()  # noqa: NPY002
    MLPRegressor(**QUICK).fit(X, NUMBERS)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.geterr() == errors
