"""The planner's choices beside fixed ones: `python -m samplewise_bench.planner_check`.

Every shape is trained by each plan with each block, in turns, and by the plan that was chosen. The
time of a training is put together from its first epoch, the median of some later ones and the end,
each the least of several trainings, in processor time of this thread: other work of the machine
then counts as little as possible.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from samplewise import registry
from samplewise.contract import PlanSpec
from samplewise.contract.plan import AUTO_PLAN, BLOCKED, DIRECT, DUAL
from samplewise_bench.conditions import conditions, one_core
from samplewise_bench.problems import TrainingProblem
from samplewise_bench.shapes import JUDGED, Shape
from samplewise_bench.training import Training

FIXED = (
    PlanSpec(DIRECT),
    PlanSpec(DIRECT, products="thin"),
    *(PlanSpec(BLOCKED, block) for block in (16, 32, 64, 128)),
    *(PlanSpec(DUAL, block) for block in (32, 64, 128)),
)
# Trainings of each choice: at least so many, and short ones as often as fits the time.
ROUNDS, MOST_ROUNDS, ENOUGH_S = 3, 12, 2.0
# Later epochs of a training are timed until they took so long, or there are so many.
LATER_S, LATER = 0.15, 40
GOOD, BAD = 1.15, 1.5


class TimedPlan:
    """A shape, compiled for a plan: "auto" or another, which may have a block.

    Attributes:
        times: the least of all trainings, in milliseconds: first epoch, a later one, and the end.
    """

    def __init__(self, problem: TrainingProblem, plan: str) -> None:
        self._training = Training(problem, registry.load("numba_cpu"), plan, clock=time.thread_time)
        self.plan = self._training.session.plan
        self.times = dict.fromkeys(("first", "later", "end"), float("inf"))

    def train(self) -> None:
        """Train by a new program, which has kept nothing of the rows yet."""
        training = self._training
        training.session.compile(warm_up=False)
        times: list[float] = []
        for seconds, _ in training.epochs(training.fresh_states()):
            times.append(seconds * 1e3)
            if sum(times[1:]) > LATER_S * 1e3 or len(times) > LATER:
                break
        end = training.session.synchronize() * 1e3
        # Not the least: this clock at times loses an epoch.
        found = times[0], statistics.median(times[1:] or times), end
        self.times = dict(zip(self.times, map(min, self.times.values(), found), strict=True))

    def epoch_ms(self, epochs: int) -> float:
        """Return the mean over all epochs of a training."""
        times = self.times
        return (times["first"] + (epochs - 1) * times["later"] + times["end"]) / epochs


@dataclass(frozen=True)
class Verdict:
    """A choice beside the fixed ones, in milliseconds an epoch; None where none were predicted."""

    work: str
    chosen: str
    ms: float
    predicted_ms: float | None
    best: str
    best_ms: float
    all_ms: dict[str, float]

    @property
    def ratio(self) -> float:
        """Time of the choice by that of the best fixed one."""
        return self.ms / self.best_ms

    @property
    def predicted(self) -> float | None:
        """Predicted time by measured time, or None."""
        return None if self.predicted_ms is None else self.predicted_ms / self.ms

    def __str__(self) -> str:
        mark = "" if self.ratio <= GOOD else " <-"
        predicted = "nothing" if self.predicted is None else f"{self.predicted:4.2f} x"
        return (
            f"{self.work:62} {self.chosen:12} {self.ms:8.3f} ms, predicted "
            f"{predicted}; best {self.best:12} "
            f"{self.best_ms:8.3f} ms: {self.ratio:.2f}{mark}"
        )


def judge(shape: Shape, rounds: int) -> tuple[Verdict, dict[str, dict[str, float]]]:
    """Time the choice for a shape and all fixed choices, in turns; return their times too."""
    problem = shape.problem()
    chosen = TimedPlan(problem, AUTO_PLAN)
    # Where there was nothing to weigh, the direct plan was the only one, in both its ways.
    offered = FIXED if chosen.plan.alternatives else FIXED[:2]
    fixed = {str(plan): TimedPlan(problem, str(plan)) for plan in offered}
    began, done = time.perf_counter(), 0
    while done < rounds or (done < MOST_ROUNDS and time.perf_counter() - began < ENOUGH_S):
        for candidate in (*fixed.values(), chosen):
            candidate.train()
        done += 1
    ms = {name: candidate.epoch_ms(shape.epochs) for name, candidate in fixed.items()}
    plan, own = chosen.plan, chosen.epoch_ms(shape.epochs)
    # The same plan twice: the same work, so that the lesser time is the better one.
    for name, candidate in fixed.items():
        if candidate.plan.spec == plan.spec:
            ms[name] = own = min(own, ms[name])
    best = min(ms, key=lambda name: ms[name])
    words = str(plan.spec if plan.block is None else PlanSpec(plan.name, plan.block))
    verdict = Verdict(str(shape), words, own, plan.epoch_ms, best, ms[best], ms)
    return verdict, {name: candidate.times for name, candidate in fixed.items()}


def main() -> int:
    """Judge every shape, print a line each, and count the good choices."""
    parser = argparse.ArgumentParser(description="Judge the planner's choices.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="least trainings of each choice")
    parser.add_argument("--only", default="", help="shapes whose description holds this")
    parser.add_argument("--json", type=Path, help="file to write all times to")
    given = parser.parse_args()
    found, times = [], {}
    with one_core():
        for shape in JUDGED:
            if given.only in str(shape):
                verdict, times[str(shape)] = judge(shape, given.rounds)
                found.append(verdict)
                print(verdict, flush=True)
        print(_summary(found))
        if given.json is not None:
            verdicts = [vars(verdict) for verdict in found]
            content = {"conditions": conditions(), "times": times, "verdicts": verdicts}
            given.json.write_text(json.dumps(content, indent=1))
    return int(any(verdict.ratio > BAD for verdict in found))


def _summary(found: list[Verdict]) -> str:
    ratios = [verdict.ratio for verdict in found]
    good = sum(ratio <= GOOD for ratio in ratios)
    errors = sorted(each.predicted for each in found if each.predicted is not None)
    words = (
        f"{good} of {len(found)} choices within {GOOD:g} of the best fixed one, the worst "
        f"{max(ratios):.2f}"
    )
    if not errors:
        return words
    median = statistics.median(errors)
    return (
        f"{words}; predicted by measured: median {median:.2f}, {errors[0]:.2f} to {errors[-1]:.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
