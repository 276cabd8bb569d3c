"""Ctrl-C at moments at which it could be lost: KeyboardInterrupt comes out of `fit`."""

import signal
import threading
import time

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, train_test_split
from small_data import NUMBER, QUICK, TWO, X

from interrupting import outside_coverage
from samplewise import Callback, MLPClassifier, MLPRegressor
from samplewise.errors import DataError, DivergenceError
from samplewise.estimators import ensemble, running
from samplewise.estimators.held_out import Rows, split
from samplewise.estimators.interrupts import Interrupts, handled
from samplewise.training.session import Session

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def press():
    signal.raise_signal(signal.SIGINT)


class BeforeTheFirstStep(Callback):
    def on_train_begin(self, history):
        press()


@pytest.mark.parametrize("options", [{}, {"n_ens": 2}, {"early_stopping": True}])
def test_before_the_first_step_it_leaves_a_training_of_no_epochs(options):
    estimator = MLPRegressor(**QUICK, **options, callbacks=BeforeTheFirstStep())
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, NUMBER)
    assert (estimator.n_iter_, estimator.loss_curve_) == (0, [])
    assert estimator.best_loss_ == (None if "early_stopping" in options else np.inf)
    estimator.predict(X)


DIVERGING = QUICK | {"solver": "sgd", "learning_rate_init": 1e3, "activation": "identity"}


@pytest.mark.parametrize(
    ("place", "name", "options"),
    [
        (running, "train_without_warnings", DIVERGING),
        (ensemble, "train_many_without_warnings", DIVERGING | {"n_ens": 2}),
        (running, "minimize", QUICK | {"solver": "lbfgs"}),
    ],
)
def test_while_a_fit_diverges_it_ends_a_search_that_goes_on_after_failures(
    monkeypatch, place, name, options
):
    fits, real = [], getattr(place, name)

    def pressed(*args, stop, **given):
        fits.append(1)
        press()
        if name == "minimize":
            raise DivergenceError("some")
        return real(*args, **given)

    monkeypatch.setattr(place, name, pressed)
    search = GridSearchCV(MLPRegressor(**options), {"alpha": [0.1, 0.2]}, cv=2)
    with pytest.raises(KeyboardInterrupt) as raised:
        search.fit(1e3 * X, NUMBER)
    assert len(fits) == 1
    assert isinstance(raised.value.__cause__, DataError)


def test_while_the_weights_before_a_divergence_are_kept(monkeypatch):
    kept = running._kept
    monkeypatch.setattr(running, "_kept", lambda *given: (press(), kept(*given))[1])
    quick = QUICK | {"solver": "sgd", "learning_rate_init": 0.6, "activation": "identity"}
    quick |= {"early_stopping": True, "max_iter": 400, "n_iter_no_change": 400, "alpha": 0.0}
    estimator = MLPRegressor(**quick)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(30 * X, NUMBER, X_val=30 * X, y_val=NUMBER)
    assert estimator.score(30 * X, NUMBER) == pytest.approx(estimator.best_validation_score_)


def test_an_error_without_it_stays():
    with pytest.raises(ZeroDivisionError), handled():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_as_the_training_ends(monkeypatch):
    """The weights are found, and the handler of the training is still set."""
    put_back = signal.signal

    def pressed_before(number, handler):
        if handler is signal.default_int_handler:
            press()
        return put_back(number, handler)

    monkeypatch.setattr(signal, "signal", pressed_before)
    estimator = MLPClassifier(**QUICK)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, TWO)
    assert estimator.n_iter_ == QUICK["max_iter"]


def test_a_second_one_while_the_first_takes_effect_is_raised(monkeypatch):
    class Pressed(threading.Event):
        def set(self):
            press()
            super().set()

    monkeypatch.setattr(threading, "Event", Pressed)
    interrupts = Interrupts()
    before = signal.signal(signal.SIGINT, interrupts)
    try:
        with pytest.raises(KeyboardInterrupt):
            press()
    finally:
        signal.signal(signal.SIGINT, before)


ROWS = 4000
MOMENTS = 60


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a timer of Unix")
def test_while_rows_are_held_out():
    """scikit-learn's own way of columns of labels loses about one in six."""

    def raised():
        seen.append(1)
        raise KeyboardInterrupt

    rows = Rows(np.zeros((ROWS, 1)), np.arange(ROWS) % 2, None)
    for _ in range(2):
        # The first time takes longer.
        begin = time.perf_counter()
        split(rows, 0.1, np.random.RandomState(0), two_classes=True)
        seconds = time.perf_counter() - begin
    seen, came = [], 0
    before = signal.signal(signal.SIGALRM, outside_coverage(raised))
    try:
        # An interrupt as scikit-learn changes its configuration leaves it changed.
        with config_context():
            for moment in range(MOMENTS):
                try:
                    signal.setitimer(signal.ITIMER_REAL, seconds * (moment + 1) / MOMENTS)
                    split(rows, 0.1, np.random.RandomState(0), two_classes=True)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    came += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert came == len(seen) > 0


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_held_out_rows_are_those_of_scikit_learn_s_columns(shape):
    y = (np.random.default_rng(0).random(97) < 0.3).astype(int)
    rows = Rows(np.arange(97.0).reshape(-1, 1), y.reshape(shape), None)
    known = train_test_split(
        np.arange(97), random_state=np.random.RandomState(3), test_size=0.2, stratify=y[:, None]
    )
    found = split(rows, 0.2, np.random.RandomState(3), two_classes=True)
    for indices, part in zip(known, found, strict=True):
        np.testing.assert_array_equal(part.X[:, 0], indices)


class AfterTheFirstChunk(Callback):
    def on_chunk_end(self, take_snapshot):
        press()


def test_in_an_epoch_the_rows_of_the_steps_that_it_made_are_counted(monkeypatch):
    monkeypatch.setattr(Session, "chunk_samples", 10)
    weights = np.repeat([0.0, 1.0], len(X) // 2)
    options = QUICK | {"solver": "sgd", "batch_size": 5, "max_iter": 1, "callbacks": None}
    estimator = MLPClassifier(**options).fit(X, TWO, weights)
    assert estimator.t_ == len(X)
    with pytest.raises(KeyboardInterrupt):
        estimator.set_params(callbacks=AfterTheFirstChunk()).fit(X, TWO, weights)
    assert (estimator.n_iter_, estimator.t_) == (1, 10)
