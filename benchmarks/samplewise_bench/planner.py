"""How good the planner's choices are: `python -m samplewise_bench.planner`.

Every work is trained by each plan with each block, in turns, and by the plan that was chosen. The
time of a training is put together from its first epoch, the median of some later ones and the end,
each the least of several trainings, in processor time of this thread: what else the machine does
counts as little as can be.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from samplewise import registry
from samplewise.contract import Plan, Program, Steps, TrainingState
from samplewise.contract.plan import AUTO_PLAN, BLOCKED, DIRECT, DUAL
from samplewise.network import aligned_zeros
from samplewise.training import batches
from samplewise_backends.numba_cpu.planning import planner
from samplewise_bench.conditions import conditions, one_core
from samplewise_bench.planner_works import WORKS, Work
from samplewise_bench.problems import Problem

BACKEND = "numba_cpu"
FIXED = (
    (DIRECT, 0),
    *((BLOCKED, block) for block in (16, 32, 64, 128)),
    *((DUAL, block) for block in (32, 64, 128)),
)
# Trainings of each choice: at least so many, and short ones as often as fits the time.
ROUNDS, MOST_ROUNDS, ENOUGH_S = 3, 12, 2.0
# Later epochs of a training are timed until they took so long, or there are so many.
LATER_S, LATER = 0.15, 40
GOOD, BAD = 1.15, 1.5


@dataclass
class Timed:
    """The least times of a training, in milliseconds: first epoch, a later one, and the end."""

    first: float = float("inf")
    later: float = float("inf")
    end: float = float("inf")

    def least(self, first: float, later: float, end: float) -> None:
        """Take in another training."""
        self.first, self.end = min(self.first, first), min(self.end, end)
        self.later = min(self.later, later)

    def epoch_ms(self, epochs: int) -> float:
        """Return the mean over all epochs of a training."""
        return (self.first + (epochs - 1) * self.later + self.end) / epochs


class Candidate:
    """A work, compiled for a plan with a block, or for the plan that is chosen.

    Args:
        work: what trains.
        problem: it, on rows.
        plan: "auto" or another.
        block: about so many rows; 0 leaves it to the planner.
    """

    def __init__(self, work: Work, problem: Problem, plan: str, block: int) -> None:
        self._work, self._problem, self._plan = work, problem, plan
        self._blocks = (block,) if block else planner.BLOCKS
        self._program = self._compiled()
        self._program.warm_up()
        self.timed = Timed()

    def _compiled(self) -> Program:
        problem, workload = self._problem, self._work.workload(self._plan)
        parts = problem.network, problem.loss, problem.optimizer, problem.dtype
        with mock.patch.object(planner, "BLOCKS", self._blocks):
            return registry.load(BACKEND).compile(*parts, workload)

    @property
    def plan(self) -> Plan:
        """The plan, as the program tells it."""
        return self._program.plan

    def train(self) -> None:
        """Train by a new program, which knows nothing of the rows yet."""
        self._program = self._compiled()
        problem, slots = self._problem, self._work.optimizer.slots
        state = TrainingState(
            problem.weights.copy(), aligned_zeros(slots * len(problem.weights), problem.dtype)
        )
        X, losses = problem.X, np.ones(len(problem.X), problem.dtype)
        times: list[float] = []
        for order in self._work.orders():
            began = time.thread_time()
            for steps in self._stretches(order):
                self._program.run_epoch(state, X, problem.Y, steps, losses)
            times.append((time.thread_time() - began) * 1e3)
            if sum(times[1:]) > LATER_S * 1e3 or len(times) > LATER:
                break
        began = time.thread_time()
        self._program.synchronize(state)
        end = (time.thread_time() - began) * 1e3
        # Not the least: this clock at times loses an epoch.
        later = statistics.median(times[1:] or times)
        self.timed.least(times[0], later, end)

    def _stretches(self, order: np.ndarray) -> Iterator[Steps]:
        problem = self._problem
        length = batches.stretch_samples(problem.network, self._program.plan)
        return batches.stretches(order, problem.batch_size, problem.learning_rate, length)


@dataclass(frozen=True)
class Verdict:
    """How a choice fared.

    Args:
        work: what trained.
        chosen: the plan and its block, in words.
        ms: an epoch by it.
        predicted_ms: of that.
        best: the fastest fixed choice, in words.
        best_ms: an epoch by it.
        all_ms: by every fixed choice.
    """

    work: str
    chosen: str
    ms: float
    predicted_ms: float
    best: str
    best_ms: float
    all_ms: dict[str, float]

    @property
    def ratio(self) -> float:
        """Time of the choice by that of the best fixed one."""
        return self.ms / self.best_ms


def judge(work: Work, rounds: int = ROUNDS) -> tuple[Verdict, dict[str, Timed]]:
    """Time the choice for a work and all fixed choices, in turns."""
    problem = work.problem()
    chosen = Candidate(work, problem, AUTO_PLAN, 0)
    fixed = {_words(*choice): Candidate(work, problem, *choice) for choice in FIXED}
    began, done = time.perf_counter(), 0
    while done < rounds or (done < MOST_ROUNDS and time.perf_counter() - began < ENOUGH_S):
        for candidate in (*fixed.values(), chosen):
            candidate.train()
        done += 1
    ms = {name: candidate.timed.epoch_ms(work.epochs) for name, candidate in fixed.items()}
    # The same plan and block twice: the same work, so that the lesser time is the better one.
    own = chosen.timed.epoch_ms(work.epochs)
    for name, candidate in fixed.items():
        same = (candidate.plan.name, candidate.plan.block) == (chosen.plan.name, chosen.plan.block)
        if same:
            ms[name] = own = min(own, ms[name])
    best = min(ms, key=lambda name: ms[name])
    verdict = Verdict(
        work=str(work),
        chosen=_words(chosen.plan.name, chosen.plan.block or 0),
        ms=own,
        predicted_ms=chosen.plan.epoch_ms or 0.0,
        best=best,
        best_ms=ms[best],
        all_ms=ms,
    )
    return verdict, {name: candidate.timed for name, candidate in fixed.items()}


def _words(plan: str, block: int) -> str:
    return f"{plan} {block}" if block else plan


def main() -> int:
    """Judge every work, print a line each, and say how many choices were good."""
    parser = argparse.ArgumentParser(description="Judge the planner's choices.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="least trainings of each choice")
    parser.add_argument("--only", default="", help="works whose description holds this")
    parser.add_argument("--json", type=Path, help="where to write all times")
    given = parser.parse_args()
    found, times = [], {}
    with one_core():
        for work in WORKS:
            if given.only in str(work):
                verdict, timed = judge(work, given.rounds)
                found.append(verdict)
                times[str(work)] = {name: vars(each) for name, each in timed.items()}
                print(_line(verdict), flush=True)
        print(_summary(found))
        if given.json is not None:
            verdicts = [vars(verdict) for verdict in found]
            content = {"conditions": conditions(), "times": times, "verdicts": verdicts}
            given.json.write_text(json.dumps(content, indent=1))
    return int(any(verdict.ratio > BAD for verdict in found))


def _line(verdict: Verdict) -> str:
    mark = "" if verdict.ratio <= GOOD else " <-"
    return (
        f"{verdict.work:62} {verdict.chosen:12} {verdict.ms:8.3f} ms, predicted "
        f"{verdict.predicted_ms / verdict.ms:4.2f} x; best {verdict.best:12} "
        f"{verdict.best_ms:8.3f} ms: {verdict.ratio:.2f}{mark}"
    )


def _summary(found: list[Verdict]) -> str:
    ratios = [verdict.ratio for verdict in found]
    good = sum(ratio <= GOOD for ratio in ratios)
    errors = sorted(verdict.predicted_ms / verdict.ms for verdict in found)
    return (
        f"{good} of {len(found)} choices within {GOOD:g} of the best fixed one, the worst "
        f"{max(ratios):.2f}; predicted by measured: median {statistics.median(errors):.2f}, from "
        f"{errors[0]:.2f} to {errors[-1]:.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
