"""Backends side by side on the report's rows: first that they agree, then how fast they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samplewise import registry
from samplewise.experiment.run import Prepared
from samplewise.report.part_one.published import PublishedRow
from samplewise.threads import limited
from samplewise_bench.agreement import Key, check_agreement
from samplewise_bench.calibration import Calibration, Product, calibrate
from samplewise_bench.conditions import conditions, one_core
from samplewise_bench.contestants import Contestant, Run
from samplewise_bench.problems import report_data, row_problem
from samplewise_bench.timing import ROUNDS, Spread, interleave

REFERENCE = "reference"


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
        accuracy: on the test rows, in [0, 1]; None where there are none.
    """

    key: Key
    spread: Spread
    over_reference: float | None
    over_report: float | None
    of_floor: float
    final_loss: float
    accuracy: float | None


@dataclass(frozen=True)
class Comparison:
    """A whole comparison.

    Args:
        dtype: of all runs.
        rounds: runs of each cell.
        data: name and size of the dataset.
        results: a cell each.
        notes: of rows whose final losses could not be compared.
        calibration, conditions: what the runs were taken on.
    """

    dtype: str
    rounds: int
    data: str
    results: list[Result]
    notes: list[str]
    calibration: Calibration
    conditions: dict[str, Any]


def available_backends() -> list[str]:
    """Return the backends that load here, `reference` first."""
    names = [listing.name for listing in registry.listings() if listing.available]
    return sorted(names, key=lambda name: (name != REFERENCE, name))


def compare(
    rows: Sequence[PublishedRow],
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
        ContractError: the backends' losses disagree; nothing is timed then.
        SamplewiseError: as `Contestant`.
    """
    data = data or report_data()
    with one_core():
        contestants = {}
        for row in rows:
            for batch_size in batch_sizes:
                problem = row_problem(row, dtype, batch_size, data)
                for backend in backends:
                    contestants[Key(row.id, batch_size, backend)] = Contestant(problem, backend)
        # Again, for the libraries that the backends have only now loaded.
        with limited(1):
            notes = check_agreement(contestants)
            calibration = calibrate(dtype, _products(contestants.values()))
            runs = interleave({key: c.run_once for key, c in contestants.items()}, rounds)
            results = summarize(contestants, rows, runs, calibration)
            told = f"{data.training.title}, {len(data.training):,} training rows"
            return Comparison(dtype, rounds, told, results, notes, calibration, conditions())


def _products(contestants: Iterable[Contestant]) -> list[Product]:
    """Return the first layer's product of one step, for each contestant."""
    problems = [contestant.problem for contestant in contestants]
    return [Product(p.batch_size, p.network.inputs, p.network.shapes[1][0]) for p in problems]


def summarize(
    contestants: Mapping[Key, Contestant],
    rows: Sequence[PublishedRow],
    runs: Mapping[Key, list[Run]],
    calibration: Calibration,
) -> list[Result]:
    """Return the figures of every cell, from its runs, those of `reference`, and the rows."""
    published_ms = {row.id: row.train_ms for row in rows}
    spreads = {key: Spread.of(of_key) for key, of_key in runs.items()}
    results = []
    for key, contestant in contestants.items():
        ms = spreads[key].median_ms
        reference = spreads.get(Key(key.row, key.batch_size, REFERENCE))
        results.append(
            Result(
                key=key,
                spread=spreads[key],
                over_reference=None if reference is None else reference.median_ms / ms,
                over_report=published_ms[key.row] / ms if key.batch_size == 1 else None,
                of_floor=calibration.floor_ms(contestant.problem.flops) / ms,
                final_loss=runs[key][-1].final_loss,
                accuracy=runs[key][-1].accuracy,
            )
        )
    return results
