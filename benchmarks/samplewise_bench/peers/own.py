"""samplewise itself: every backend by every plan it offers."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import __version__, registry
from samplewise.contract import Backend, ManyProgram, Program, Steps, TrainingState, Workload
from samplewise.contract.plan import AUTO_PLAN, PLANS
from samplewise.network import aligned_zeros
from samplewise.training import batches
from samplewise_bench.peers.own_prediction import PREDICTIONS
from samplewise_bench.peers.task import (
    OWN,
    NotApplicableError,
    Outcome,
    Runner,
    Task,
)
from samplewise_bench.problems import Problem

MANY, SINGLY = "at once", "one by one"


class OwnPeer:
    """samplewise, on the backends that load here."""

    name = OWN
    install = "pip install samplewise"

    def load(self, cores: int) -> str:
        """Load every backend that loads."""
        del cores
        for listing in registry.listings():
            if listing.available:
                registry.load(listing.name)
        return __version__

    def ways(self, task: Task) -> Sequence[str]:
        """Return "backend plan" for training, with "at once" where a program trains them all."""
        found = []
        for listing in registry.listings():
            if listing.available:
                found += _ways(registry.load(listing.name), task)
        if not found:
            raise NotApplicableError("no backend here has what this task needs")
        return found

    def prepare(self, task: Task, way: str) -> Runner:
        """Compile and warm up."""
        backend, plan, *more = way.split(" ", 2)
        if task.calls:
            return PREDICTIONS[plan](task, backend)
        return AtOnce(task, backend, plan) if MANY in more else Training(task, backend, plan)


peer = OwnPeer()


def _ways(backend: Backend, task: Task) -> list[str]:
    problem, offered = task.problem, backend.capabilities
    if offered.missing(problem.network, problem.loss, problem.optimizer, problem.dtype):
        return []
    if task.calls:
        return [f"{backend.name} {way}" for way in PREDICTIONS]
    plans = [plan for plan in PLANS if plan in offered.plans]
    if len(plans) > 1:
        plans.append(AUTO_PLAN)
    if len(task.problems) == 1:
        return [f"{backend.name} {plan}" for plan in _that_differ(backend, task, plans)]
    at_once = [f"{backend.name} {plan} {MANY}" for plan in plans] if offered.many else []
    # One after the other says what training at once is worth; slower backends would take long.
    one_by_one = backend.name == registry.PREFERENCE[0] and task.cores == 1
    return [*at_once, f"{backend.name} {plans[-1]} {SINGLY}"] if one_by_one else at_once


def _that_differ(backend: Backend, task: Task, plans: list[str]) -> list[str]:
    """Return "auto" and the plans that are taken when asked for: some networks have one only."""
    problem = task.problem
    parts = problem.network, problem.loss, problem.optimizer, problem.dtype
    taken = [
        plan
        for plan in plans
        if plan == AUTO_PLAN or backend.compile(*parts, workload(task, plan)).plan.name == plan
    ]
    return [AUTO_PLAN] if AUTO_PLAN in taken and len(taken) == 2 else taken


def workload(task: Task, plan: str) -> Workload:
    """Return what a backend is told of the task."""
    return dataclasses.replace(task.problem.workload(plan), threads=task.cores)


def fresh_state(problem: Problem, weights: NDArray[Any], dtype: np.dtype[Any]) -> TrainingState:
    """Return a state at these weights."""
    parameters = aligned_zeros(len(weights), dtype)
    parameters[...] = weights
    return TrainingState(parameters, aligned_zeros(problem.optimizer.slots * len(weights), dtype))


class Training(Runner):
    """Training of each network, one after the other.

    Args:
        task: what to train.
        backend: name.
        plan: name or "auto".
        dtype: of the run; float64 makes the run that others are held against.
        nudged: start with each weight moved by one unit in the last place of the task's dtype.
    """

    def __init__(
        self,
        task: Task,
        backend: str,
        plan: str,
        dtype: str = "float32",
        *,
        nudged: bool = False,
    ) -> None:
        self._task, self._dtype = task, np.dtype(dtype)
        problem = task.problem
        self._X, self._Y = (
            np.ascontiguousarray(array, self._dtype) for array in (problem.X, problem.Y)
        )
        self._weights = [p.weights for p in task.problems]
        if nudged:
            up = np.array(np.inf, problem.dtype)
            self._weights = [np.where(w == 0, w, np.nextafter(w, up)) for w in self._weights]
        began = time.perf_counter()
        self._programs = [self._compiled(own, backend, plan) for own in task.problems]
        self.compile_s = time.perf_counter() - began
        self.plan = self._programs[0].plan
        self.reset()

    def _compiled(self, problem: Problem, backend: str, plan: str) -> Program:
        parts = problem.network, problem.loss, problem.optimizer, self._dtype
        chosen = registry.resolve(backend, *parts, plan).backend
        program = chosen.compile(*parts, workload(self._task, plan))
        program.warm_up()
        return program

    def reset(self) -> None:
        """Take fresh states."""
        self._states = [
            fresh_state(problem, weights, self._dtype)
            for problem, weights in zip(self._task.problems, self._weights, strict=True)
        ]

    def run(self) -> None:
        """Run all epochs of each network, as training does."""
        pairs = zip(self._task.problems, self._programs, self._states, strict=True)
        self._losses = [self._one(*pair) for pair in pairs]

    def _one(self, problem: Problem, program: Program, state: TrainingState) -> list[float]:
        losses, means = np.empty(len(self._X), self._dtype), []
        # New arrays each time: what a program keeps for rows or for an order is paid for in every
        # training.
        X, order = self._X.view(), batches.fixed_order(len(self._X))
        length = batches.stretch_samples(problem.network, program.plan)
        for _ in range(problem.epochs):
            for steps in batches.stretches(
                order, problem.batch_size, problem.learning_rate, length
            ):
                program.run_epoch(state, X, self._Y, steps, losses)
                state.step += -(-(steps.stop - steps.start) // problem.batch_size)
            means.append(float(losses.mean(dtype=np.float64)))
        program.synchronize(state)
        return means

    def outcome(self) -> Outcome:
        """Return losses and weights."""
        weights = [state.parameters.astype(np.float64) for state in self._states]
        return Outcome(np.array(self._losses), np.array(weights))


class AtOnce(Runner):
    """Training of all networks by one program."""

    def __init__(self, task: Task, backend: str, plan: str) -> None:
        self._task, problem = task, task.problem
        began = time.perf_counter()
        self._program: ManyProgram = registry.load(backend).compile_many(
            [own.network for own in task.problems],
            problem.loss,
            [own.optimizer for own in task.problems],
            problem.dtype,
            workload(task, plan),
        )
        self._program.warm_up()
        self.compile_s = time.perf_counter() - began
        self.plan = self._program.plan
        self.reset()

    def reset(self) -> None:
        """Take fresh states."""
        self._states = [fresh_state(own, own.weights, own.dtype) for own in self._task.problems]

    def run(self) -> None:
        """Run all epochs, as training does."""
        problems, first = self._task.problems, self._task.problem
        losses = np.empty((len(problems), len(first.X)), first.dtype)
        X, order = first.X.view(), batches.fixed_order(len(first.X))
        everyone = tuple(range(len(problems)))
        length = batches.stretch_samples_of_all(
            [own.network for own in problems], self._program.plan
        )
        means = []
        for _ in range(first.epochs):
            cut = [
                batches.stretches(order, own.batch_size, own.learning_rate, length)
                for own in problems
            ]
            for steps in zip(*cut, strict=True):
                self._step(X, steps, losses, everyone)
            means.append(losses.mean(axis=1, dtype=np.float64))
        self._program.synchronize(self._states)
        self._losses = np.array(means).T

    def _step(
        self,
        X: NDArray[Any],
        steps: Sequence[Steps],
        losses: NDArray[Any],
        everyone: tuple[int, ...],
    ) -> None:
        first = self._task.problem
        self._program.run_epoch(self._states, X, first.Y, steps, losses, everyone)
        for state in self._states:
            state.step += -(-(steps[0].stop - steps[0].start) // first.batch_size)

    def outcome(self) -> Outcome:
        """Return losses and weights."""
        weights = [state.parameters.astype(np.float64) for state in self._states]
        return Outcome(self._losses, np.array(weights))
