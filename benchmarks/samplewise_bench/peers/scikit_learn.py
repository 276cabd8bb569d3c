"""scikit-learn: `MLPClassifier.fit`, warm-started from the task's weights, without shuffling.

With `alpha=0`, a constant rate and no shuffling its SGD is the task's own, step by step. Its Adam
adds epsilon to the root of the second moment before that is corrected, so it is held against its
own formula in float64. One call of `fit` does all epochs, and costs less than a `partial_fit` for
each.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from samplewise import registry
from samplewise.contract import Program
from samplewise.network import SGD, Adam, Optimizer
from samplewise_bench.peers.task import (
    DENSE,
    SGD_FAMILY,
    Calls,
    NotApplicableError,
    Outcome,
    Runner,
    Task,
    flat,
    of_outputs,
    only,
    single,
    tensors,
)
from samplewise_bench.training import session_of

ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
ADAM_DIFFERS = "Adam with epsilon added before the bias correction; otherwise the same steps"


install = "pip install scikit-learn"


def load(cores: int) -> str:
    """Import the estimator."""
    import sklearn
    import sklearn.neural_network

    return str(sklearn.__version__)


def ways(task: Task) -> Sequence[str]:
    """Return "MLPClassifier"."""
    only(task, "MLPClassifier", DENSE, (*SGD_FAMILY, "adam"))
    single(task, "MLPClassifier")
    *hidden, last = task.problem.network.layers
    if len({layer.activation for layer in hidden}) != 1 or last.activation != "identity":
        raise NotApplicableError("MLPClassifier has one activation for all hidden layers")
    if task.problem.optimizer.l2:
        raise NotApplicableError("MLPClassifier divides its penalty by the rows of a batch")
    return ["MLPClassifier"]


def prepare(task: Task, way: str) -> Runner:
    """Make an estimator that has met the classes."""
    if not task.calls:
        return ScikitLearnTraining(task)
    call = partial(estimator(task).predict_proba, task.problem.X[:1].copy())
    return Calls(task, call, partial(of_outputs, task.problem))


def estimator(task: Task) -> Any:
    """Return an `MLPClassifier` at the task's initial weights, fitted once to set up the rest."""
    from sklearn.neural_network import MLPClassifier

    problem = task.problem
    hidden, rule = problem.network.layers[:-1], problem.optimizer
    made = MLPClassifier(
        [size for (size,) in problem.network.shapes[1:-1]],
        activation=ACTIVATIONS[hidden[0].activation],
        solver=rule.name,
        alpha=0.0,
        batch_size=problem.batch_size,
        learning_rate="constant",
        learning_rate_init=problem.learning_rate,
        **_options(rule),
        shuffle=False,
        max_iter=1,
        # Never satisfied early: all epochs are run.
        tol=0.0,
        n_iter_no_change=problem.epochs + 1,
        warm_start=True,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.fit(problem.X, task.labels)
    made.max_iter = problem.epochs
    set_weights(made, task)
    return made


def _options(rule: Optimizer) -> dict[str, Any]:
    if isinstance(rule, Adam):
        return {"beta_1": rule.beta1, "beta_2": rule.beta2, "epsilon": rule.epsilon}
    assert isinstance(rule, SGD)
    return {"momentum": rule.momentum, "nesterovs_momentum": rule.nesterov}


def set_weights(made: Any, task: Task) -> None:
    """Set the initial weights; a warm start goes on from them, with no momentum."""
    arrays = tensors(task.problem)
    made.coefs_ = [np.ascontiguousarray(weight.T) for weight in arrays[::2]]
    made.intercepts_ = arrays[1::2]


class ScikitLearnTraining(Runner):
    """One call of `fit`."""

    def __init__(self, task: Task) -> None:
        self._task, self._estimator, self._labels = task, estimator(task), task.labels
        self.differs = ADAM_DIFFERS if isinstance(task.problem.optimizer, Adam) else ""

    def reset(self) -> None:
        set_weights(self._estimator, self._task)
        self._estimator.loss_curve_ = []

    def run(self) -> None:
        with warnings.catch_warnings():
            # Else it warns that it stops after the epochs that were asked for.
            warnings.simplefilter("ignore")
            self._estimator.fit(self._task.problem.X, self._labels)

    def outcome(self) -> Outcome:
        made, problem = self._estimator, self._task.problem
        pairs = zip(made.coefs_, made.intercepts_, strict=True)
        arrays = [array for coef, intercept in pairs for array in (coef.T, intercept)]
        losses = np.array([made.loss_curve_[-problem.epochs :]], np.float64)
        return Outcome(losses, flat(problem, arrays)[None])

    def expected(self) -> Outcome | None:
        rule = self._task.problem.optimizer
        return adam_training(self._task, rule) if isinstance(rule, Adam) else None


def adam_training(task: Task, rule: Adam) -> Outcome:
    """Train as scikit-learn's Adam does, in float64, on gradients of `vectorized`.

        theta <- theta - eta sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)

    Source: Kingma and Ba (2015), the end of section 2, with epsilon where epsilon-hat stands.
    """
    problem = task.problem
    X, Y, theta = (part.astype(np.float64) for part in (problem.X, problem.Y, problem.parameters))
    session = session_of([problem], registry.load("vectorized"), None, dtype="float64")
    session.compile()
    gradients = cast(Program, session.program).gradients
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    losses, t = np.zeros((1, problem.epochs)), 0
    for epoch in range(problem.epochs):
        for first in range(0, len(X), problem.batch_size):
            rows = slice(first, first + problem.batch_size)
            loss, g = gradients(theta, X[rows], Y[rows])
            losses[0, epoch] += loss * len(X[rows]) / len(X)
            t += 1
            m += (1 - rule.beta1) * (g - m)
            v += (1 - rule.beta2) * (g * g - v)
            rate = problem.learning_rate * (1 - rule.beta2**t) ** 0.5 / (1 - rule.beta1**t)
            theta -= rate * m / (np.sqrt(v) + rule.epsilon)
    return Outcome(losses, theta[None])
