"""L-BFGS-B on all rows at once, beside scikit-learn's."""

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, StopAfter, X
from sklearn.neural_network import MLPClassifier

from samplewise.contract import TrainingState
from samplewise.errors import DivergenceError, ParameterError
from samplewise.network import Dense, Dropout, Network
from samplewise.training.callbacks import Callback
from samplewise.training.full_batch import minimize
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

BACKENDS = ("reference", "vectorized", "numba_cpu")
WEIGHTS = np.random.default_rng(4).random(50)


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "vectorized", **changes})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_search_is_that_of_scikit_learn(backend, weights):
    theirs = MLPClassifier(
        (3,), activation="logistic", solver="lbfgs", alpha=0.3, max_iter=8, random_state=1
    )
    theirs.set_params(max_iter=1).fit(X, LABELS)
    start = NETWORK.layout.zeros("float64")
    views = NETWORK.layout.views(start)
    for k, (W, b) in enumerate(zip(theirs.coefs_, theirs.intercepts_, strict=True)):
        views[f"{k}.weight"][...], views[f"{k}.bias"][...] = W.T, b
    theirs.set_params(max_iter=8, warm_start=True).fit(X, LABELS, sample_weight=weights)
    alpha = 0.3 if weights is None else 0.3 / weights.mean()
    result = minimize(
        *(NETWORK, X, LABELS, settings(backend=backend, batch_l2=alpha)),
        sample_weight=weights,
        max_iterations=8,
        initial=TrainingState(start, np.zeros(0)),
    )
    found = NETWORK.layout.views(result.parameters)
    for k, (W, b) in enumerate(zip(theirs.coefs_, theirs.intercepts_, strict=True)):
        np.testing.assert_allclose(found[f"{k}.weight"], W.T, rtol=1e-8)
        np.testing.assert_allclose(found[f"{k}.bias"], b, rtol=1e-8)
    assert result.final_loss == pytest.approx(theirs.loss_, rel=1e-12)
    assert (result.iterations, result.converged) == (8, False)
    assert "ITERATIONS" in result.message


def test_a_search_that_converges_leaves_no_gradient():
    result = minimize(NETWORK, X, LABELS, settings(batch_l2=0.5), tolerance=1e-6)
    assert result.converged
    assert 0 < result.penalty < result.final_loss
    assert result.calls >= result.iterations
    again = minimize(
        *(NETWORK, X, LABELS, settings(batch_l2=0.5)), tolerance=1e-6, initial=result.model()
    )
    assert again.iterations <= 1
    assert again.final_loss == pytest.approx(result.final_loss, rel=1e-6)
    assert (result.model().predict(X) == LABELS).mean() > 0.9


def test_the_penalty_of_the_optimizer_is_one_by_the_rows():
    of_optimizer = minimize(NETWORK, X, LABELS, settings(optimizer="adam", l2=0.01))
    of_batch = minimize(NETWORK, X, LABELS, settings(batch_l2=0.5))
    np.testing.assert_array_equal(of_optimizer.parameters, of_batch.parameters)


def test_a_scale_of_the_gradient_is_one_of_the_objective():
    """Twice the loss beside a penalty is the loss beside half of it."""
    scaled = minimize(NETWORK, X, LABELS, settings(batch_l2=1.0, gradient_scale=2.0), tolerance=0)
    halved = minimize(NETWORK, X, LABELS, settings(batch_l2=0.5), tolerance=0)
    np.testing.assert_allclose(scaled.parameters, halved.parameters, rtol=1e-3)
    assert scaled.penalty == pytest.approx(2 * halved.penalty, rel=1e-3)


def test_a_state_gives_its_weights_whatever_optimizer_it_had():
    trained = train(NETWORK, X, LABELS, settings(optimizer="adam", epochs=1))
    by_state, by_model = (
        minimize(NETWORK, X, LABELS, settings(), initial=start, max_iterations=3)
        for start in (trained.state, trained.model())
    )
    np.testing.assert_array_equal(by_state.parameters, by_model.parameters)


def test_float32_stays_float32():
    result = minimize(NETWORK, X, LABELS, settings(dtype="float32"), max_iterations=5)
    assert result.parameters.dtype == np.float32


def test_a_search_ends_where_it_is_stopped_or_has_no_call_left():
    stopped = minimize(NETWORK, X, LABELS, settings(), stop=StopAfter(3))
    assert (stopped.message, stopped.converged) == ("interrupted", False)
    assert stopped.iterations == 4
    limited = minimize(NETWORK, X, LABELS, settings(), max_calls=2)
    assert not limited.converged
    assert limited.calls < 30


class Snaps(Callback):
    def on_chunk_end(self, take_snapshot):
        self.snapshot = take_snapshot()


def test_what_cannot_be_minimized_is_refused():
    dropping = Network((4,), (Dense(3, "relu"), Dropout(0.5), Dense(1)))
    with pytest.raises(ParameterError, match="minimize: the network drops other units"):
        minimize(dropping, X, LABELS, settings())
    for wrong in ({"max_iterations": 0}, {"max_calls": 1.5}, {"tolerance": -1}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            minimize(NETWORK, X, LABELS, settings(), **wrong)
    takes = Snaps()
    train(NETWORK, X, LABELS, settings(epochs=1), callbacks=takes)
    with pytest.raises(ParameterError, match="got a Snapshot; go on from it with train"):
        minimize(NETWORK, X, LABELS, settings(), initial=takes.snapshot)


def test_a_loss_that_is_not_finite_is_an_error():
    huge = X * 1e300
    with pytest.raises(DivergenceError, match="minimize: the loss is"):
        minimize(NETWORK, huge, LABELS * 1e300, settings(loss="mean_squared_error"))
