"""The work that peers are given, and the interface of a peer."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samplewise.errors import ParameterError
from samplewise_bench.problems import TrainingProblem, flops_per_sample

# The modules of the peers by name; the order is that of the tables.
PEERS = {
    "samplewise": "samplewise_bench.peers.own",
    "jax": "samplewise_bench.peers.jax_scan",
    "pytorch": "samplewise_bench.peers.pytorch",
    "scikit-learn": "samplewise_bench.peers.scikit_learn",
    "fann": "samplewise_bench.peers.fann",
}
OWN = "samplewise"
DENSE = ("dense",)
CONVOLUTIONAL = ("dense", "conv", "max_pool")
SGD_FAMILY = ("sgd", "momentum", "nesterov", "l2")


class NotApplicableError(ParameterError):
    """A peer has no way to do this task, or none that would be the same arithmetic."""


@dataclass(frozen=True, eq=False)
class Task:
    """Work that every peer is given alike.

    Args:
        problems: trained at once, on the same rows by the same steps; one for most tasks.
        calls: so many predictions of one row instead of training; 0 trains.
        cores: that may be used.
    """

    problems: tuple[TrainingProblem, ...]
    calls: int = 0
    cores: int = 1

    @property
    def problem(self) -> TrainingProblem:
        """The first problem; its rows, steps and loss are those of all."""
        return self.problems[0]

    @property
    def flops(self) -> int:
        """Floating-point operations of the matrix products of the textbook's algorithm."""
        if self.calls:
            return 2 * self.calls * self.problem.network.multiply_adds
        rows = len(self.problem.X) * self.problem.epochs
        return sum(flops_per_sample(problem.network) * rows for problem in self.problems)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class indices of the rows, (n,)."""
        Y = self.problem.Y
        return Y[:, 0].astype(np.int64) if Y.shape[1] == 1 else Y.argmax(axis=1)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a task, as float64.

    Args:
        losses: mean loss of each epoch, (problems, epochs); (1, 0) for predictions.
        values: flat weights after training, (problems, P); for predictions the probabilities
            that the network gives, (1, outputs).
    """

    losses: NDArray[np.float64]
    values: NDArray[np.float64]


class Runner(ABC):
    """A task made ready by a peer. A turn is `reset`, `run`, and only `run` is timed.

    Attributes:
        compile_s: seconds spent on compiling; None where nothing is compiled.
        differs: how the steps differ from the task's, in words; empty where they do not.
    """

    compile_s: float | None = None
    differs: str = ""

    @abstractmethod
    def reset(self) -> None:
        """Go back to the initial weights."""

    @abstractmethod
    def run(self) -> None:
        """Do the whole task, and wait until it is done."""

    @abstractmethod
    def outcome(self) -> Outcome:
        """Return the result of the last run."""

    def call(self) -> None:
        """Do all that a user's call does: from weights in NumPy's arrays to the result in them."""
        self.reset()
        self.run()
        self.outcome()

    def expected(self) -> Outcome | None:
        """Return the correct outcome where `differs` is not empty."""
        return None


class Calls(Runner):
    """Predictions of one row; they change nothing.

    Args:
        task: `calls` of it.
        call: predicts the row.
        shown: makes probabilities (1, outputs) of what `call` returns.
        compile_s: seconds that making `call` took, where something is compiled.
        around: a context for all calls, such as one without gradients.
    """

    def __init__(
        self,
        task: Task,
        call: Callable[[], Any],
        shown: Callable[[Any], NDArray[Any]],
        compile_s: float | None = None,
        around: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._calls, self._call, self._shown = task.calls, call, shown
        self.compile_s, self._around = compile_s, around

    def reset(self) -> None:
        pass

    def run(self) -> None:
        call = self._call
        with self._around():
            for _ in range(self._calls):
                self._last = call()

    def outcome(self) -> Outcome:
        return Outcome(np.empty((1, 0)), np.asarray(self._shown(self._last), np.float64))


class Peer(Protocol):
    """A library that trains networks: a module with these three functions and its `install`."""

    install: str
    """The command that installs the library."""

    def load(self, cores: int) -> str:
        """Import the library, limit its threads to `cores`, and return its version.

        Raises:
            ImportError, OSError: it is not here.
        """
        ...

    def ways(self, task: Task) -> Sequence[str]:
        """Return a name for each way in which it can do the task; "" is the only one.

        Raises:
            NotApplicableError: it has none.
        """
        ...

    def prepare(self, task: Task, way: str) -> Runner:
        """Compile, convert data and weights: all that is not timed."""
        ...


def peer_named(name: str) -> Peer:
    """Return the peer of this name, without importing its library."""
    peer: Any = importlib.import_module(PEERS[name])
    return peer


def tensors(problem: TrainingProblem) -> list[NDArray[Any]]:
    """Return copies of the initial weights: weight (O, I) and bias (O,) of each layer in turn."""
    return [view.copy() for view in problem.network.layout.views(problem.parameters).values()]


def flat(problem: TrainingProblem, arrays: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Return arrays, in the order and shapes of `tensors`, as a flat vector (P,)."""
    vector = problem.network.layout.zeros(np.float64)
    views = problem.network.layout.views(vector).values()
    for view, array in zip(views, arrays, strict=True):
        view[...] = array
    return vector


def probabilities(problem: TrainingProblem, logits: NDArray[Any]) -> NDArray[Any]:
    """Return the probability of each output, (1, outputs), from its logits in any shape."""
    given = np.asarray(logits, np.float64).reshape(1, problem.network.outputs)
    return of_outputs(problem, problem.loss.probabilities(given))


def of_outputs(problem: TrainingProblem, classes: NDArray[Any]) -> NDArray[Any]:
    """Return probabilities of outputs, (1, outputs): of two classes by one output, the second."""
    return np.atleast_2d(classes)[:, -problem.network.outputs :]


def only(task: Task, peer: str, layers: Sequence[str], rules: Sequence[str]) -> None:
    """Refuse networks and update rules that a peer's module does not know.

    Args:
        task: for the peer.
        peer: name, for people.
        layers: kinds of layers that it knows.
        rules: features of optimizers, likewise.

    Raises:
        NotApplicableError: naming the first layer or feature that it does not know.
    """
    for problem in task.problems:
        for layer in problem.network.layers:
            if layer.kind not in layers:
                known = ", ".join(layers)
                raise NotApplicableError(f"{peer} is used with {known} layers, not '{layer.kind}'")
        for feature in problem.optimizer.features:
            if feature not in rules:
                known = ", ".join(rules)
                raise NotApplicableError(f"{peer} is used with {known}, not '{feature}'")


def single(task: Task, peer: str) -> None:
    """Refuse tasks of several networks.

    Raises:
        NotApplicableError: there are several.
    """
    if len(task.problems) > 1:
        raise NotApplicableError(f"{peer} has no training of several networks at once")
