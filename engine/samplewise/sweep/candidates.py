"""The candidates of a sweep: their means over the seeds, and which of them go on."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from samplewise.sweep.journal import Entry
from samplewise.sweep.points import Values

DONE, FAILED, MISSING, PAUSED = "done", "failed", "missing", "paused"
GREATER_IS_BETTER = {
    "validation_accuracy": True,
    "validation_loss": False,
    "test_accuracy": True,
    "test_r2": True,
    "test_rmse": False,
    "test_mae": False,
    "test_loss": False,
    "training_loss": False,
}
"""The metrics that candidates may be compared by; the first that was measured is the default."""
METRICS = tuple(name for name in GREATER_IS_BETTER if not name.startswith("test_"))
"""Those that decide which candidates go on; never one of the test rows."""
_LEVEL = 0.95


@dataclass(frozen=True)
class Candidate:
    """The trials of one candidate, in one metric.

    Args:
        number: counted from 1.
        values: of the factors.
        seeds: trials that were trained.
        failed: trials that failed.
        missing: trials that were not trained, or not to the end.
        mean: of the metric; None where no trial has it.
        margin: half the width of Student's 95 % interval of the mean; None below two seeds.
        standard_error: of the mean; None below two seeds.
        parameters: of the network; None where no trial was tried.
        epochs: mean over the trials.
    """

    number: int
    values: Values
    seeds: int
    failed: int
    missing: int
    mean: float | None
    margin: float | None
    standard_error: float | None
    parameters: int | None
    epochs: float | None

    @property
    def distinction(self) -> str:
        """The reason why the best candidate is chosen, in words."""
        if self.standard_error is None:
            return "the simplest of the best"
        return "the simplest within one standard error of the best mean"

    @property
    def is_whole(self) -> bool:
        """True where every trial has the metric."""
        return self.mean is not None and not self.failed and not self.missing


def first_measured(trained: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> str:
    """Return the first metric that every trained trial has; the last one where there is none.

    Args:
        trained: figures of each trial.
        metrics: some of `GREATER_IS_BETTER`, in the order of preference.
    """
    measured = (
        name for name in metrics if trained and all(one[name] is not None for one in trained)
    )
    return next(measured, metrics[-1])


def candidate_of(factors: Sequence[str], rows: Sequence[dict[str, Any]], metric: str) -> Candidate:
    """Return a candidate in a metric.

    Args:
        factors: words of the settings that vary.
        rows: of its trials, at least one, as in `SweepResult.rows`.
        metric: one of `GREATER_IS_BETTER`.
    """
    status = [row["status"] for row in rows]
    done = [row for row in rows if row["status"] == DONE]
    values = [row[metric] for row in done if row[metric] is not None]
    mean = math.fsum(values) / len(values) if len(values) == len(done) > 0 else None
    error = None
    if mean is not None and len(values) > 1:
        # Exact until it is rounded: equal values have an error of 0, which a rounded mean has not.
        error = statistics.stdev(values) / math.sqrt(len(values))
    tried = [row["parameters"] for row in rows if row["parameters"] is not None]
    return Candidate(
        number=rows[0]["candidate"],
        values={word: rows[0][word] for word in factors},
        seeds=len(done),
        failed=status.count(FAILED),
        missing=status.count(MISSING) + status.count(PAUSED),
        mean=mean,
        margin=None if error is None else error * _student(len(values) - 1),
        standard_error=error,
        parameters=tried[0] if tried else None,
        epochs=math.fsum(row["epochs_run"] for row in done) / len(done) if done else None,
    )


@cache
def _student(degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + _LEVEL) / 2))


def ranked(candidates: Sequence[Candidate], metric: str) -> list[Candidate]:
    """Return candidates by their means, best first; those that are not whole come last."""
    sign = -1 if GREATER_IS_BETTER[metric] else 1

    def order(one: Candidate) -> tuple[float, ...]:
        mean = math.inf if one.mean is None else sign * one.mean
        return (not one.is_whole, mean, *_size(one), one.number)

    return sorted(candidates, key=order)


def simplest(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the smallest whole candidate within one standard error of the best mean.

    Args:
        candidates: ranked; of equally small ones, the first is returned.

    Returns:
        It; None where no candidate is whole.
    """
    whole = [(one.mean, one) for one in candidates if one.mean is not None and one.is_whole]
    if not whole:
        return None
    best_mean, best = whole[0]
    allowed = best.standard_error or 0.0
    return min((one for mean, one in whole if abs(mean - best_mean) <= allowed), key=_size)


def _size(one: Candidate) -> tuple[float, float]:
    """Return parameters and epochs, by which the simpler of two is the smaller."""
    parameters = math.inf if one.parameters is None else one.parameters
    return parameters, math.inf if one.epochs is None else one.epochs


def metric_of(entries: Sequence[Entry]) -> str:
    """Return the first metric that all trained trials have: of validation rows, if there are."""
    figures = [entry["figures"] for entry in entries if entry["status"] != FAILED]
    return first_measured(figures, METRICS)


def cost(entries: Sequence[Entry], metric: str) -> float:
    """Return the cost of a candidate, the less the better: infinite where one of its trials failed.

    Args:
        entries: of its seeds, at least one.
        metric: one of `METRICS`.
    """
    values = [entry.get("figures", {}).get(metric) for entry in entries]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return math.inf
    mean = math.fsum(numbers) / len(numbers)
    return -mean if GREATER_IS_BETTER[metric] else mean


def best_first(candidates: Mapping[int, Sequence[Entry]]) -> list[int]:
    """Return the numbers of candidates, best first; of equals the smaller network, then number."""
    metric = metric_of([entry for entries in candidates.values() for entry in entries])

    def order(number: int) -> tuple[float, int, int]:
        entries = candidates[number]
        return cost(entries, metric), entries[0]["parameters"] or 0, number

    return sorted(candidates, key=order)
