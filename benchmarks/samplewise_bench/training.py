"""Problems compiled by a backend, to be trained from their initial parameters any number of times.

The only place here that compiles a program and trains it.
"""

from __future__ import annotations

import time
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
from samplewise.training import batches
from samplewise.training.metrics import accuracy
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
    """Return a state at the initial parameters.

    Args:
        problem: to train.
        dtype: of the run; None means that of the problem.
        nudged: move each parameter by one unit in the last place of the problem's dtype.
    """
    initial, dtype = problem.parameters, dtype or problem.dtype
    parameters = aligned_zeros(len(initial), dtype)
    parameters[...] = np.nextafter(initial, np.inf) if nudged else initial
    return TrainingState(parameters, aligned_zeros(problem.optimizer.slots * len(initial), dtype))


class Training:
    """One network, or several at once by one program: compiled, warm, ready to train repeatedly.

    Args:
        problems: one; or a sequence that shares rows, targets, loss, epochs and batch size.
        backend: a backend's name.
        plan: a name of `contract.PLANS`, or "auto".
        dtype: of the run; None means that of the problems.
        threads: that the program may use.
        clock: gives seconds.

    Attributes:
        program: a `Program`, or a `ManyProgram` of a sequence.
        compile_s: seconds that compiling took.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`, and where the backend
            trains one network at a time.
    """

    def __init__(
        self,
        problems: TrainingProblem | Sequence[TrainingProblem],
        backend: str,
        plan: str = AUTO_PLAN,
        *,
        dtype: str | None = None,
        threads: int = 1,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._many = not isinstance(problems, TrainingProblem)
        self.problems = (problems,) if isinstance(problems, TrainingProblem) else tuple(problems)
        # Rows, steps and loss of the first are those of all.
        self.problem, self._clock = self.problems[0], clock
        self.dtype = np.dtype(dtype or self.problem.dtype)
        self._X = np.ascontiguousarray(self.problem.X, self.dtype)
        self._Y = np.ascontiguousarray(self.problem.Y, self.dtype)
        loss = self.problem.loss
        for each in self.problems:
            parts = each.network, loss, each.optimizer, self.dtype
            chosen = registry.resolve(backend, *parts, plan).backend
        began = time.perf_counter()
        self.program = self._compiled(chosen, self.problem.workload(plan, threads))
        self.program.warm_up()
        self.compile_s = time.perf_counter() - began

    def _compiled(self, backend: Backend, workload: Workload) -> Any:
        loss, dtype = self.problem.loss, self.dtype
        networks = [each.network for each in self.problems]
        optimizers = [each.optimizer for each in self.problems]
        if not self._many:
            return backend.compile(networks[0], loss, optimizers[0], dtype, workload)
        if not backend.capabilities.many:
            raise UnavailableBackendError(
                f"backend '{backend.name}' trains one network at a time; choose one whose "
                "capabilities say many"
            )
        return backend.compile_many(networks, loss, optimizers, dtype, workload)

    def fresh_states(self, *, nudged: bool = False) -> list[TrainingState]:
        """Return a state for each problem, as `fresh_state` makes it."""
        return [fresh_state(problem, self.dtype, nudged=nudged) for problem in self.problems]

    def train(self, states: Sequence[TrainingState]) -> tuple[float, NDArray[np.float64]]:
        """Run all epochs, in the chunks that training uses, and take the states out.

        Returns:
            Seconds spent in the program, and the mean loss of each epoch, (networks, epochs).
        """
        clock, run = self._clock, self._run_all if self._many else self._run_one
        # A new view and a new order: a program that keeps something for either, such as a Gram
        # matrix, must pay for it in every training.
        X, order = self._X.view(), batches.fixed_order(len(self._X))
        losses = np.ones((len(states), len(X)), self.dtype)
        seconds, means = 0.0, []
        for _ in range(self.problem.epochs):
            for steps in self._chunks(order):
                began = clock()
                run(states, X, steps, losses)
                seconds += clock() - began
                for state in states:
                    state.step += -(-(steps[0].stop - steps[0].start) // self.problem.batch_size)
            means.append(losses.mean(axis=1, dtype=np.float64))
        began = clock()
        self.program.synchronize(states if self._many else states[0])
        return seconds + clock() - began, np.array(means).T

    def _chunks(self, order: NDArray[np.int64]) -> Iterator[tuple[Steps, ...]]:
        """Yield the steps of each problem, chunk by chunk."""
        networks = [each.network for each in self.problems]
        length = batches.stretch_samples_of_all(networks, self.program.plan)
        return zip(
            *(
                batches.stretches(order, each.batch_size, each.learning_rate, length)
                for each in self.problems
            ),
            strict=True,
        )

    def _run_one(self, states: Any, X: Any, steps: Sequence[Steps], losses: Any) -> None:
        self.program.run_epoch(states[0], X, self._Y, steps[0], losses[0])

    def _run_all(self, states: Any, X: Any, steps: Sequence[Steps], losses: Any) -> None:
        everyone = tuple(range(len(states)))
        self.program.run_epoch(states, X, self._Y, steps, losses, everyone)

    def run_once(self, *, nudged: bool = False) -> TimedRun:
        """Train once from the initial parameters, and test."""
        states = self.fresh_states(nudged=nudged)
        seconds, losses = self.train(states)
        means = losses.mean(axis=0)
        return TimedRun(seconds, float(means[0]), float(means[-1]), self._accuracy(states[0]))

    def _accuracy(self, state: TrainingState) -> float | None:
        problem = self.problem
        if self._many or problem.test_inputs is None or problem.test_labels is None:
            return None
        logits = self.program.predict(state.parameters, problem.test_inputs)
        predicted = problem.loss.probabilities(logits).argmax(axis=1)
        return accuracy(problem.test_labels, predicted)
