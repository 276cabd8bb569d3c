"""Problems on a backend: compiled, warmed up, ready to be trained any number of times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Plan, Steps, TrainingState
from samplewise.contract.plan import AUTO_PLAN
from samplewise.errors import UnavailableBackendError
from samplewise.network import aligned_zeros
from samplewise.training import batches
from samplewise.training.metrics import accuracy
from samplewise_bench.problems import Problem

Clock = Callable[[], float]


@dataclass(frozen=True)
class Run:
    """One timed training from fresh weights.

    Args:
        seconds: time of the training alone, by the contestant's clock; compiling is not part of it.
        first_loss, final_loss: mean loss of the first and the last epoch.
        accuracy: on the test rows, in [0, 1]; None where the problem has none.
    """

    seconds: float
    first_loss: float
    final_loss: float
    accuracy: float | None


class Contestant:
    """A problem on one backend.

    Args:
        problem: what to train.
        backend: a backend's name.
        plan: a name of `contract.PLANS`, or "auto".
        clock: gives seconds; wall time unless said.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
    """

    def __init__(
        self,
        problem: Problem,
        backend: str,
        plan: str = AUTO_PLAN,
        clock: Clock = time.perf_counter,
    ) -> None:
        self.problem, self._clock = problem, clock
        parts = problem.network, problem.loss, problem.optimizer, problem.dtype
        choice = registry.resolve(backend, *parts, plan)
        self.backend = choice.backend.name
        self.program = choice.backend.compile(*parts, problem.workload(plan))
        self.program.warm_up()

    def fresh_state(self, *, nudged: bool = False) -> TrainingState:
        """Return a state at the initial weights, each moved by one ulp where `nudged`."""
        return _fresh_state(self.problem, nudged=nudged)

    def train(self, state: TrainingState) -> tuple[float, float, float]:
        """Run all epochs, in the stretches that training uses.

        Returns:
            Seconds spent in the program, and the mean losses of the first and the last epoch.
        """
        # A new view, like the new order of `_train`: what a program keeps for rows or an order,
        # such as their Gram matrix, must be paid for in every training.
        X, Y, program = self.problem.X.view(), self.problem.Y, self.program

        def run(steps: Sequence[Steps], losses: NDArray[Any]) -> None:
            program.run_epoch(state, X, Y, steps[0], losses[0])

        def finish() -> None:
            program.synchronize(state)

        return _train([self.problem], [state], program.plan, run, finish, self._clock)

    def test_accuracy(self, state: TrainingState) -> float | None:
        """Return the share of test rows that the trained network gets right."""
        problem = self.problem
        if problem.test_inputs is None or problem.test_labels is None:
            return None
        logits = self.program.predict(state.parameters, problem.test_inputs)
        predicted = problem.loss.probabilities(logits).argmax(axis=1)
        return accuracy(problem.test_labels, predicted)

    def run_once(self, *, nudged: bool = False) -> Run:
        """Train once from fresh weights and test."""
        state = self.fresh_state(nudged=nudged)
        return Run(*self.train(state), self.test_accuracy(state))


class ManyContestant:
    """Several problems on the same rows, trained at once by one program.

    Args:
        problems: they share rows, targets, loss, epochs and batch size.
        backend: a backend's name.
        plan: a name of `contract.PLANS`, or "auto".
        clock: as `Contestant`.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`, and where the backend
            trains one network at a time.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        backend: str,
        plan: str = AUTO_PLAN,
        clock: Clock = time.perf_counter,
    ) -> None:
        self.problems, self._clock, shared = problems, clock, problems[0]
        dtype = shared.dtype
        choices = [
            registry.resolve(backend, problem.network, shared.loss, problem.optimizer, dtype, plan)
            for problem in problems
        ]
        chosen = choices[0].backend
        if not chosen.capabilities.many:
            raise UnavailableBackendError(
                f"backend '{chosen.name}' trains one network at a time; choose one whose "
                "capabilities say many"
            )
        self.backend = chosen.name
        networks = [problem.network for problem in problems]
        optimizers = [problem.optimizer for problem in problems]
        self.program = chosen.compile_many(
            networks, shared.loss, optimizers, dtype, shared.workload(plan)
        )
        self.program.warm_up()

    def run_once(self) -> Run:
        """Train all networks once from fresh weights; the losses are means over the networks."""
        # A new view, for the reason that `Contestant.train` has.
        X, Y, program = self.problems[0].X.view(), self.problems[0].Y, self.program
        states = [_fresh_state(problem) for problem in self.problems]
        everyone = tuple(range(len(states)))

        def run(steps: Sequence[Steps], losses: NDArray[Any]) -> None:
            program.run_epoch(states, X, Y, steps, losses, everyone)

        def finish() -> None:
            program.synchronize(states)

        return Run(*_train(self.problems, states, program.plan, run, finish, self._clock), None)


def _fresh_state(problem: Problem, *, nudged: bool = False) -> TrainingState:
    parameters = aligned_zeros(len(problem.weights), problem.dtype)
    parameters[...] = np.nextafter(problem.weights, np.inf) if nudged else problem.weights
    slots = problem.optimizer.slots
    return TrainingState(parameters, aligned_zeros(slots * len(parameters), problem.dtype))


def _train(
    problems: Sequence[Problem],
    states: Sequence[TrainingState],
    plan: Plan,
    run: Callable[[Sequence[Steps], NDArray[Any]], None],
    synchronize: Callable[[], None],
    clock: Clock,
) -> tuple[float, float, float]:
    """Run all epochs as training does, and time what runs inside the program.

    Args:
        problems: on the same rows, by as many epochs.
        states: of each, updated.
        plan: of the program.
        run: runs the steps of each problem, and writes the losses (problems, n).
        synchronize: brings the states out of the program.
        clock: gives seconds.

    Returns:
        Seconds, and the mean losses of the first and the last epoch.
    """
    shared = problems[0]
    losses = np.ones((len(problems), len(shared.X)), dtype=shared.dtype)
    order = batches.fixed_order(len(shared.X))
    length = batches.stretch_samples_of_all([problem.network for problem in problems], plan)
    seconds, means = 0.0, []
    for _ in range(shared.epochs):
        cut = [
            batches.stretches(order, problem.batch_size, problem.learning_rate, length)
            for problem in problems
        ]
        for steps in zip(*cut, strict=True):
            began = clock()
            run(steps, losses)
            seconds += clock() - began
            for state in states:
                state.step += -(-(steps[0].stop - steps[0].start) // shared.batch_size)
        means.append(float(losses.mean(dtype=np.float64)))
    began = clock()
    synchronize()
    return seconds + clock() - began, means[0], means[-1]
