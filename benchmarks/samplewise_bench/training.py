"""Problems in a session, to be trained from their initial parameters any number of times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Backend, Steps, TrainingState, Workload
from samplewise.contract.plan import AUTO_PLAN
from samplewise.errors import UnavailableBackendError
from samplewise.network import aligned_zeros
from samplewise.training import batches, unwatched
from samplewise.training.metrics import accuracy
from samplewise.training.session import Session
from samplewise_bench.problems import TrainingProblem

Clock = Callable[[], float]


@dataclass(frozen=True)
class TimedRun:
    """One training from the initial parameters.

    Args:
        seconds: inside the program alone, by the training's clock; compiling is not part of it.
        first_loss, final_loss: mean loss of the first and the last epoch, over all networks.
        accuracy: on the test rows, in [0, 1]; None without a test.
    """

    seconds: float
    first_loss: float
    final_loss: float
    accuracy: float | None


def fresh_state(
    problem: TrainingProblem, dtype: np.dtype[Any] | None = None, *, nudged: bool = False
) -> TrainingState:
    """Return a state at the initial parameters, of the problem's dtype unless another one is given.

    `nudged`: move each by one unit in the last place of the problem's dtype.
    """
    initial, dtype = problem.parameters, dtype or problem.dtype
    parameters = aligned_zeros(len(initial), dtype)
    parameters[...] = np.nextafter(initial, np.inf) if nudged else initial
    return TrainingState(parameters, aligned_zeros(problem.optimizer.slots * len(initial), dtype))


def session_of(
    problems: Sequence[TrainingProblem],
    backend: Backend,
    workload: Workload | None,
    *,
    dtype: str | None = None,
    clock: Clock | None = None,
) -> Session:
    """Return the session of problems that share loss and rows, not compiled yet.

    The rest is as for `Session`; without a `dtype` it takes that of the problems.
    """
    networks = [problem.network for problem in problems]
    optimizers = [problem.optimizer for problem in problems]
    parts = networks, problems[0].loss, optimizers, np.dtype(dtype or problems[0].dtype)
    return Session(backend, *parts, workload, clock=clock)


class Training:
    """One network, or several at once by one program: compiled, warm, ready to train repeatedly.

    Args:
        problems: one; or a sequence that shares rows, targets, loss, epochs and batch size.
        backend: a backend's name, or the backend.
        plan: a name of `contract.PLANS`, or "auto".
        dtype: of the run; None means that of the problems.
        clock: gives seconds; None takes wall time.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`, and where the backend
            trains one network at a time.
    """

    def __init__(
        self,
        problems: TrainingProblem | Sequence[TrainingProblem],
        backend: str | Backend,
        plan: str = AUTO_PLAN,
        *,
        dtype: str | None = None,
        threads: int = 1,
        clock: Clock | None = None,
    ) -> None:
        many = not isinstance(problems, TrainingProblem)
        self.problems = (problems,) if isinstance(problems, TrainingProblem) else tuple(problems)
        # Rows, steps and loss of the first are those of all.
        self.problem = self.problems[0]
        self.dtype = np.dtype(dtype or self.problem.dtype)
        self._X = np.ascontiguousarray(self.problem.X, self.dtype)
        self._Y = np.ascontiguousarray(self.problem.Y, self.dtype)
        chosen = self._resolved(backend, plan) if isinstance(backend, str) else backend
        if many and not chosen.capabilities.many:
            raise UnavailableBackendError(
                f"backend '{chosen.name}' trains one network at a time; choose one whose "
                "capabilities say many"
            )
        workload = self.problem.workload(plan, threads)
        self.session = session_of(self.problems, chosen, workload, dtype=dtype, clock=clock)
        self.session.compile()
        self.compile_s = self.session.compile_ms / 1e3

    def _resolved(self, backend: str, plan: str) -> Backend:
        """Return the backend of a name, which must be able to train each of the problems."""
        for each in self.problems:
            parts = each.network, self.problem.loss, each.optimizer, self.dtype
            chosen = registry.resolve(backend, *parts, plan).backend
        return chosen

    @property
    def program(self) -> Any:
        """The `Program`, or the `ManyProgram` of several networks, to time its single methods."""
        return self.session.program

    def fresh_states(self, *, nudged: bool = False) -> list[TrainingState]:
        """Return a state for each problem, as `fresh_state` makes it."""
        return [fresh_state(problem, self.dtype, nudged=nudged) for problem in self.problems]

    def train(self, states: Sequence[TrainingState]) -> tuple[float, NDArray[np.float64]]:
        """Run all epochs, in the calls that a training makes, and take the states out.

        Returns:
            Seconds spent in the program, and the mean loss of each epoch, (networks, epochs).
        """
        shuffles = self.problem.shuffle
        most = unwatched.epochs_at_once(self.session, len(self._X), shuffles=shuffles)
        epochs = self.epochs(states) if most == 1 else self._at_once(states, most)
        seconds, means = zip(*epochs, strict=True)
        return sum(seconds) + self.session.synchronize(), np.array(means).T

    def epochs(
        self, states: Sequence[TrainingState]
    ) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Run one epoch after the other; the session keeps the states, to be taken out at the end.

        Yields:
            Seconds spent in the program, and the mean loss of each network, (networks,).
        """
        X, orders = self._begin(states)
        losses = np.ones((len(states), len(X)), self.dtype)
        everyone = range(len(states))
        for epoch in range(1, self.problem.epochs + 1):
            seconds = 0.0
            for steps in self._chunks(orders.of_epoch(epoch)):
                seconds += self.session.run(X, self._Y, steps, losses, everyone)
            yield seconds, losses.mean(axis=1, dtype=np.float64)

    def _begin(self, states: Sequence[TrainingState]) -> tuple[NDArray[Any], batches.Orders]:
        self.session.begin(states)
        # A new view and new orders: a program that keeps something for either, such as a Gram
        # matrix, must pay for it in every training.
        X = self._X.view()
        return X, batches.Orders(len(X), self.problem.seed if self.problem.shuffle else None)

    def _at_once(
        self, states: Sequence[TrainingState], most: int
    ) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Run so many epochs in a call, at most; yield as `epochs`."""
        (X, orders), rows, last = self._begin(states), len(self._X), self.problem.epochs + 1
        for first in range(1, last, most):
            epochs = range(first, min(first + most, last))
            steps = [
                [
                    Steps(orders.of_epoch(epoch), 0, rows, each.batch_size, each.learning_rate)
                    for each in self.problems
                ]
                for epoch in epochs
            ]
            losses = np.ones((len(epochs), len(states), rows), self.dtype)
            everyone = range(len(states))
            seconds = self.session.run_epochs(X, self._Y, steps, losses, everyone, lambda: False)
            yield from zip(seconds, losses.mean(axis=2, dtype=np.float64), strict=True)

    def _chunks(self, order: NDArray[np.int64]) -> Iterator[tuple[Steps, ...]]:
        """Yield the steps of each problem, chunk by chunk."""
        length = self.session.chunk_samples
        own = [(each.batch_size, each.learning_rate) for each in self.problems]
        return zip(*(batches.chunks(order, *steps, length) for steps in own), strict=True)

    def run_once(self, *, nudged: bool = False) -> TimedRun:
        """Train once from the initial parameters, and test."""
        states = self.fresh_states(nudged=nudged)
        seconds, losses = self.train(states)
        means = losses.mean(axis=0)
        return TimedRun(seconds, float(means[0]), float(means[-1]), self._accuracy(states[0]))

    def _accuracy(self, state: TrainingState) -> float | None:
        problem = self.problem
        if len(self.problems) > 1 or problem.test_inputs is None or problem.test_labels is None:
            return None
        logits = self.session.predict(0, state.parameters, problem.test_inputs)
        predicted = problem.loss.probabilities(logits).argmax(axis=1)
        return accuracy(problem.test_labels, predicted)
