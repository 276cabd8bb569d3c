"""Backends side by side on the report's rows: first that they agree, then how fast they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from samplewise import registry
from samplewise.experiment.prepared import Prepared
from samplewise.report.published import PublishedRow
from samplewise.text import three_digits
from samplewise.threads import limited
from samplewise_bench.agreement import Key, check_agreement
from samplewise_bench.calibration import SQUARE, Calibration, Product, calibrate
from samplewise_bench.conditions import conditions, machine, one_core
from samplewise_bench.output import cell
from samplewise_bench.problems import TrainingProblem, report_data, report_problem
from samplewise_bench.timing import ROUNDS, TimeSpread, interleave
from samplewise_bench.training import TimedRun, Training

REFERENCE = "reference"
FORMAT = 1
HEADERS = ("row", "backend", "batch", "ms (min..max)", "x ref", "x rep", "gemm", "loss", "acc")
LEGEND = """\
ms: median wall time of the training steps.
x ref: times faster than the reference backend at the same batch size.
x rep: times faster than the report, whose times come from a hosted notebook on an unknown CPU.
gemm: rate of the training's matrix products, as a share of that of one large product.
loss, acc: of the last epoch; on the test rows."""


@dataclass(frozen=True)
class RowResult:
    """The figures of one cell.

    Args:
        over_reference: speed-up over `reference` in the same rounds; None where that did not run.
        over_report: speed-up over the published time; None unless the batch size is 1, as there.
        of_floor: share reached of the rate of this core's large matrix product, in [0, 1].
        accuracy: on the test rows, in [0, 1]; None without a test.
    """

    key: Key
    spread: TimeSpread
    over_reference: float | None
    over_report: float | None
    of_floor: float
    final_loss: float
    accuracy: float | None

    def cells(self) -> tuple[str, ...]:
        """Return one line of the table, a text for each of `HEADERS`."""
        return (
            *map(str, (self.key.row, self.key.backend, self.key.batch_size, self.spread)),
            cell(self.over_reference, three_digits),
            cell(self.over_report, three_digits),
            f"{self.of_floor:.1%}",
            f"{self.final_loss:.4f}",
            cell(self.accuracy, "{:.3f}".format),
        )


@dataclass(frozen=True)
class RowComparison:
    """All cells, and how they were taken.

    Args:
        data: name and size of the dataset.
        notes: of rows whose final losses could not be compared.
    """

    dtype: str
    rounds: int
    data: str
    results: list[RowResult]
    notes: list[str]
    calibration: Calibration
    conditions: dict[str, Any]

    def caption(self) -> str:
        """Return the meaning of the figures and the machine, as lines below the table."""
        rates = ", ".join(
            f"{product} {three_digits(rate)}" for product, rate in self.calibration.gflops.items()
        )
        run = (
            f"Data: {self.data}. Dtype: {self.dtype}. Rounds, interleaved, from fresh "
            f"weights: {self.rounds}."
        )
        speed = (
            f"{machine(self.conditions)} Matrix products in GFLOP/s: {rates} (large: {SQUARE}). "
            f"exp: {three_digits(self.calibration.exp_per_us)} elements/us."
        )
        return "\n".join([LEGEND, run, speed, *(f"Note: {note}." for note in self.notes)])

    def to_json(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        results = [asdict(result) for result in self.results]
        flat = [{**each.pop("key"), **each.pop("spread"), **each} for each in results]
        rates = self.calibration.to_json()
        return {"format": FORMAT, **vars(self), "calibration": rates, "results": flat}


def available_backends() -> list[str]:
    """Return the backends that load here, `reference` first."""
    names = [listing.name for listing in registry.listings() if listing.available]
    return sorted(names, key=lambda name: (name != REFERENCE, name))


def row_problem(
    row: PublishedRow,
    dtype: str = "float64",
    batch_size: int = 1,
    data: Prepared | None = None,
) -> TrainingProblem:
    """Return a row of the report as a problem; arguments as for `report_problem`."""
    settings = row.hidden, row.learning_rate, row.epochs
    return report_problem(*settings, dtype=dtype, batch_size=batch_size, data=data)


def compare_rows(
    rows: Sequence[PublishedRow],
    backends: Sequence[str],
    *,
    dtype: str = "float64",
    batch_sizes: Sequence[int] = (1,),
    rounds: int = ROUNDS,
    data: Prepared | None = None,
) -> RowComparison:
    """Train every row on every backend, interleaved, on one core with one thread.

    Raises:
        ContractError: the backends' losses disagree; nothing is timed then.
        SamplewiseError: as `Training`.
    """
    data = data or report_data()
    with one_core():
        trainings = {
            Key(row.id, batch_size, backend): Training(problem, backend)
            for row, batch_size in product(rows, batch_sizes)
            for problem in [row_problem(row, dtype, batch_size, data)]
            for backend in backends
        }
        # Again, for the libraries that the backends have only now loaded.
        with limited(1):
            notes = check_agreement(trainings)
            calibration = calibrate(dtype, _products(trainings.values()))
            runs = interleave({key: each.run_once for key, each in trainings.items()}, rounds)
            results = summarize(trainings, rows, runs, calibration)
            title = f"{data.training.title}, {len(data.training):,} training rows"
            return RowComparison(dtype, rounds, title, results, notes, calibration, conditions())


def _products(trainings: Iterable[Training]) -> list[Product]:
    """Return the first layer's product of one step, for each training."""
    problems = [training.problem for training in trainings]
    return [Product(p.batch_size, p.network.inputs, p.network.shapes[1][0]) for p in problems]


def summarize(
    trainings: Mapping[Key, Training],
    rows: Sequence[PublishedRow],
    runs: Mapping[Key, list[TimedRun]],
    calibration: Calibration,
) -> list[RowResult]:
    """Return the figures of every cell, from its runs, those of `reference`, and the rows."""
    published_ms = {row.id: row.train_ms for row in rows}
    spreads = {key: TimeSpread.of([run.seconds for run in of_key]) for key, of_key in runs.items()}

    def result(key: Key, training: Training) -> RowResult:
        ms, last = spreads[key].median_ms, runs[key][-1]
        reference = spreads.get(replace(key, backend=REFERENCE))
        return RowResult(
            key,
            spreads[key],
            None if reference is None else reference.median_ms / ms,
            published_ms[key.row] / ms if key.batch_size == 1 else None,
            calibration.floor_ms(training.problem.flops) / ms,
            last.final_loss,
            last.accuracy,
        )

    return [result(key, training) for key, training in trainings.items()]
