"""scikit-learn: `MLPClassifier.fit`, warm-started from the task's weights, without shuffling.

With `alpha=0`, a constant rate and no shuffling its SGD is the task's own, step by step. Its Adam
adds epsilon to the root of the second moment before that is corrected, so it is held against
samplewise's `epsilon_hat` in float64. One call of `fit` does all epochs, and costs less than a
`partial_fit` for each.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD, Adam
from samplewise_bench.peers import task as tasks
from samplewise_bench.peers.task import Calls, NotApplicableError, OneTraining, Outcome, Task
from samplewise_bench.training import Training

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
    task.require("MLPClassifier", tasks.DENSE, (*tasks.SGD_FAMILY, "adam"))
    *hidden, last = task.problem.network.layers
    if len({layer.activation for layer in hidden}) != 1 or last.activation != "identity":
        raise NotApplicableError("MLPClassifier has one activation for all hidden layers")
    if task.problem.optimizer.l2:
        raise NotApplicableError("MLPClassifier divides its penalty by the rows of a batch")
    return ["MLPClassifier"]


def prepare(task: Task, way: str) -> ScikitLearnTraining | Calls:
    """Make an estimator that has met the classes."""
    training = ScikitLearnTraining(task)
    if not task.calls:
        return training
    return Calls(task, partial(training.estimator.predict_proba, task.problem.X[:1].copy()))


class ScikitLearnTraining(OneTraining):
    """One call of `fit`, by an estimator that was fitted once to set up all but the weights."""

    def __init__(self, task: Task) -> None:
        from sklearn.neural_network import MLPClassifier

        super().__init__(task)
        self._labels, problem, rule = task.labels, self.problem, self.problem.optimizer
        if isinstance(rule, Adam):
            self.differs = ADAM_DIFFERS
            options = {"beta_1": rule.beta1, "beta_2": rule.beta2, "epsilon": rule.epsilon}
        else:
            assert isinstance(rule, SGD)
            options = {"momentum": rule.momentum, "nesterovs_momentum": rule.nesterov}
        self.estimator = MLPClassifier(
            [size for (size,) in problem.network.shapes[1:-1]],
            activation=ACTIVATIONS[problem.network.layers[0].activation],
            solver=rule.name,
            alpha=0.0,
            batch_size=problem.batch_size,
            learning_rate="constant",
            learning_rate_init=problem.learning_rate,
            **options,
            shuffle=False,
            max_iter=1,
            # Never satisfied early: all epochs are run.
            tol=0.0,
            n_iter_no_change=problem.epochs + 1,
            warm_start=True,
            random_state=0,
        )
        self._fit()
        self.estimator.max_iter = problem.epochs
        self.reset()

    def reset(self) -> None:
        # A warm start goes on from these, with no momentum.
        arrays = self.problem.tensors()
        self.estimator.coefs_ = [np.ascontiguousarray(weight.T) for weight in arrays[::2]]
        self.estimator.intercepts_ = arrays[1::2]
        self.estimator.loss_curve_ = []

    def run(self) -> None:
        self._fit()
        self.losses = self.estimator.loss_curve_[-self.problem.epochs :]

    def _fit(self) -> None:
        with warnings.catch_warnings():
            # Else it warns that it stops after the epochs that were asked for.
            warnings.simplefilter("ignore")
            self.estimator.fit(self.problem.X, self._labels)

    def arrays(self) -> list[NDArray[Any]]:
        pairs = zip(self.estimator.coefs_, self.estimator.intercepts_, strict=True)
        return [array for coef, intercept in pairs for array in (coef.T, intercept)]

    def expected(self) -> Outcome | None:
        rule = self.problem.optimizer
        if not isinstance(rule, Adam):
            return None
        problem = replace(self.problem, optimizer=replace(rule, epsilon_hat=True))
        training = Training(problem, "vectorized", dtype="float64")
        states = training.fresh_states()
        _, losses = training.train(states)
        return Outcome(losses, states[0].parameters[None])
