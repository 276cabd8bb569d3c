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
from samplewise_bench.problems import TrainingProblem

# The modules of the peers by name; the order is that of the tables.
PEERS = {
    "samplewise": "samplewise_bench.peers.own",
    "jax": "samplewise_bench.peers.jax_steps",
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
        return sum(problem.flops for problem in self.problems)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class indices of the rows, (n,)."""
        Y = self.problem.Y
        return Y[:, 0].astype(np.int64) if Y.shape[1] == 1 else Y.argmax(axis=1)

    def require(self, peer: str, layers: Sequence[str], rules: Sequence[str]) -> None:
        """Refuse what a peer's module does not know, and several networks at once.

        Raises:
            NotApplicableError: naming the first layer or feature that it does not know.
        """
        if len(self.problems) > 1:
            raise NotApplicableError(f"{peer} has no training of several networks at once")
        kinds = [layer.kind for layer in self.problem.network.layers]
        parts = (kinds, layers, " layers"), (self.problem.optimizer.features, rules, "")
        for needed, known, noun in parts:
            for name in needed:
                if name not in known:
                    raise NotApplicableError(
                        f"{peer} is used with {', '.join(known)}{noun}, not '{name}'"
                    )


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


class OneTraining(Runner):
    """Trains one network; a run leaves the mean losses of its epochs in `losses`."""

    def __init__(self, task: Task) -> None:
        self.task, self.problem = task, task.problem
        self.losses: list[float] = []

    @abstractmethod
    def arrays(self) -> Sequence[NDArray[Any]]:
        """Return the weights, as `TrainingProblem.tensors`."""

    def outcome(self) -> Outcome:
        return Outcome(np.array([self.losses], np.float64), self.problem.flat(self.arrays())[None])


class Calls(Runner):
    """Predictions of one row; they change nothing.

    Args:
        result: takes the logits or probabilities out of the value of `call`.
        logits: whether they are logits; else probabilities, (1, classes) or (classes,).
        compile_s: seconds that making `call` took, where something is compiled.
        around: a context for all calls, such as one without gradients.
    """

    def __init__(
        self,
        task: Task,
        call: Callable[[], Any],
        *,
        result: Callable[[Any], Any] = np.asarray,
        logits: bool = False,
        compile_s: float | None = None,
        around: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._task, self._call, self._result, self._logits = task, call, result, logits
        self.compile_s, self._around = compile_s, around

    def reset(self) -> None:
        pass

    def run(self) -> None:
        call = self._call
        with self._around():
            for _ in range(self._task.calls):
                self._last = call()

    def outcome(self) -> Outcome:
        problem = self._task.problem
        outputs = problem.network.outputs
        found = np.asarray(self._result(self._last), np.float64).reshape(1, -1)
        if self._logits:
            found = problem.loss.probabilities(found)
        # One output of two classes is the probability of the second.
        return Outcome(np.empty((1, 0)), found[:, -outputs:])


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
