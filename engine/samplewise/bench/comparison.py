"""Backends side by side on the report's rows: first that they agree, then how fast they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from threadpoolctl import threadpool_limits

from samplewise import registry
from samplewise.bench.calibration import Calibration, Product, calibrate
from samplewise.bench.conditions import conditions, one_core
from samplewise.bench.problems import Problem, Row, Run, prepare
from samplewise.bench.timing import ROUNDS, Spread, interleave
from samplewise.errors import ContractError
from samplewise.experiment.run import Prepared

REFERENCE = "reference"
# Relative, on the final loss of a whole training. Backends differ by the order of their sums only,
# about 1e-12 in float64; in float32 rounding grows over the epochs, and 1 % is what a user feels.
LOSS_TOLERANCE = {"float64": 1e-6, "float32": 1e-2}


@dataclass(frozen=True)
class Key:
    """One cell of a comparison."""

    row: str
    batch_size: int
    backend: str


@dataclass(frozen=True)
class Result:
    """The figures of one cell.

    Args:
        key: row, batch size and backend.
        spread: wall time of the training steps.
        over_reference: how many times faster than `reference` in the same rounds; None where
            `reference` did not run.
        over_report: how many times faster than the published time, which was taken in a hosted
            notebook on an unknown processor; None unless the batch size is 1, as there.
        of_floor: share reached of the rate of this core's large matrix product, in [0, 1].
        final_loss: of the last epoch.
        accuracy: on the test rows, in [0, 1].
    """

    key: Key
    spread: Spread
    over_reference: float | None
    over_report: float | None
    of_floor: float
    final_loss: float
    accuracy: float


@dataclass(frozen=True)
class Comparison:
    """A whole comparison; `rounds`, `calibration` and `conditions` say how to read it."""

    dtype: str
    rounds: int
    results: list[Result]
    calibration: Calibration
    conditions: dict[str, Any]


def available_backends() -> list[str]:
    """Return the backends that load here, `reference` first."""
    names = [listing.name for listing in registry.listings() if listing.available]
    return sorted(names, key=lambda name: (name != REFERENCE, name))


def compare(
    rows: Sequence[Row],
    backends: Sequence[str],
    *,
    dtype: str = "float64",
    batch_sizes: Sequence[int] = (1,),
    rounds: int = ROUNDS,
    data: Prepared | None = None,
) -> Comparison:
    """Train every row on every backend, interleaved, on one core with one thread.

    Args:
        rows: of the report.
        backends: names; with `reference` among them, speed-ups over it are given.
        dtype: "float64" or "float32".
        batch_sizes: rows of a step.
        rounds: runs of each cell.
        data: used instead of the report's two classes of the synthetic data.

    Raises:
        ContractError: the backends' final losses disagree; nothing is timed then.
        SamplewiseError: as `problems.prepare`.
    """
    with one_core():
        problems = {
            Key(row.id, batch_size, backend): prepare(row, backend, dtype, batch_size, data)
            for row in rows
            for batch_size in batch_sizes
            for backend in backends
        }
        # Again, for the libraries that the backends have only now loaded.
        with threadpool_limits(limits=1):
            check_agreement({key: p.run_once() for key, p in problems.items()}, dtype)
            calibration = calibrate(dtype, _products(problems.values()))
            runs = interleave({key: p.run_once for key, p in problems.items()}, rounds)
            return Comparison(
                dtype, rounds, summarize(problems, runs, calibration), calibration, conditions()
            )


def _products(problems: Any) -> list[Product]:
    """Return the first layer's product of one step, for each problem."""
    return [Product(p.batch_size, p.network.inputs, p.row.hidden) for p in problems]


def check_agreement(runs: Mapping[Key, Run], dtype: str) -> None:
    """Refuse backends that do not reach the same final loss on the same row and batch size.

    Raises:
        ContractError: naming the cell and both losses.
    """
    expected: dict[tuple[str, int], tuple[str, float]] = {}
    for key, run in runs.items():
        other, loss = expected.setdefault((key.row, key.batch_size), (key.backend, run.final_loss))
        # Not ">": a NaN must not pass.
        if not abs(run.final_loss - loss) <= LOSS_TOLERANCE[dtype] * abs(loss):
            raise ContractError(
                f"row {key.row} at batch size {key.batch_size} in {dtype} ends with a loss of "
                f"{run.final_loss:.9g} on {key.backend} but {loss:.9g} on {other}; times of "
                "programs that compute different things are not compared"
            )


def summarize(
    problems: Mapping[Key, Problem], runs: Mapping[Key, list[Run]], calibration: Calibration
) -> list[Result]:
    """Return the figures of every cell, from its runs and those of `reference`."""
    spreads = {key: Spread.of(of_key) for key, of_key in runs.items()}
    results = []
    for key, problem in problems.items():
        ms = spreads[key].median_ms
        reference = spreads.get(Key(key.row, key.batch_size, REFERENCE))
        results.append(
            Result(
                key=key,
                spread=spreads[key],
                over_reference=None if reference is None else reference.median_ms / ms,
                over_report=problem.row.train_ms / ms if key.batch_size == 1 else None,
                of_floor=calibration.floor_ms(problem.flops) / ms,
                final_loss=runs[key][-1].final_loss,
                accuracy=runs[key][-1].accuracy,
            )
        )
    return results
