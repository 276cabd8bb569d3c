"""One table of the last results: `python -m samplewise_bench.asv_table`.

It reads .asv/results of asv and .asv/pytest-benchmark.json of pytest-benchmark, and measures
nothing.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from samplewise import contract
from samplewise.contract.plan import AUTO_PLAN
from samplewise.registry import PREFERENCE
from samplewise.report.published import published_rows
from samplewise.text import three_digits
from samplewise_bench.rows import REFERENCE
from samplewise_bench.shapes import SHAPES

ASV = Path(__file__).parents[2] / ".asv"
PYTEST_JSON = ASV / "pytest-benchmark.json"
ROWS = {row.id: row for row in published_rows()}
BACKENDS = (REFERENCE, *reversed(PREFERENCE))
PLANS = (AUTO_PLAN, *contract.PLANS)
Values = dict[str, dict[tuple[str, ...], float | None]]

HEADERS = (
    *("row", "backend", "report ms", "ms", "x report", "x reference"),
    *("loss", "accuracy", "asv ms"),
)
RATIOS = {
    "track_numba_over_reference_batch_1": "numba_cpu faster than reference, batch 1",
    "track_numba_over_reference_batch_32": "numba_cpu faster than reference, batch 32",
    "track_vectorized_over_reference_batch_32": "vectorized faster than reference, batch 32",
    "track_reference_time_over_plain_loop": "reference slower than the plain loop",
    "track_reference_time_over_plain_loop_one_unit": "the same with one hidden unit",
}
MANY = {
    "time_train": ("50 networks 784-10-1 at once", 1e3, "ms"),
    "track_faster_than_one_after_another": ("faster than one after another", 1.0, "times"),
}
STARTUP = {
    "Startup.timeraw_import_samplewise": "import samplewise",
    "Startup.timeraw_import_train": "from samplewise import train",
    "Startup.timeraw_load_numba_cpu_from_cache": "numba_cpu ready, kernels cached",
    "FirstCompile.timeraw_first_compile": "numba_cpu ready, first compile",
    "CommandLine.time_help": "samplewise --help",
}


def latest_results(results: Path) -> Path:
    """Return the results file that asv wrote last.

    Raises:
        FileNotFoundError: there is none.
    """
    files = [path for path in results.glob("*/*.json") if path.name != "machine.json"]
    if not files:
        raise FileNotFoundError(f"no asv results in {results}; run `make bench` first")
    return max(files, key=lambda path: path.stat().st_mtime)


def read_asv(path: Path) -> Values:
    """Return each benchmark's values by its parameters, in the order asv keeps them.

    A failed or skipped cell is None. asv writes parameters as Python literals: 'final-1', 32.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    columns = document["result_columns"]
    values: Values = {}
    for name, cells in document["results"].items():
        fields = dict(zip(columns, cells, strict=False))
        keys = itertools.product(*[[text.strip("'") for text in one] for one in fields["params"]])
        results = fields["result"] or itertools.repeat(None)
        # NaN, which is not equal to itself, is how asv marks a skipped cell.
        values[name] = {
            key: value if value == value else None
            for key, value in zip(keys, results, strict=False)
        }
    return values


def figure(value: float | None, scale: float = 1.0) -> str:
    """Return a figure for a cell, or a dash."""
    return "-" if value is None else three_digits(value * scale)


def decimals(value: float | None, digits: int) -> str:
    """Return a loss or an accuracy for a cell, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def row_lines(values: Values) -> Iterable[tuple[str, ...]]:
    """Yield a line for each row of the report and backend.

    Milliseconds and both ratios come from one interleaved run, so that they fit each other; the
    last column is asv's own timing, each cell in a process of its own.
    """
    speedups = values.get("bench_rows.Tracked.track_speedup_over_report", {})
    losses = values.get("bench_rows.Tracked.track_final_loss", {})
    accuracies = values.get("bench_rows.Tracked.track_accuracy", {})
    times = values.get("bench_rows.Training.time_train", {})
    for name, backend in itertools.product(ROWS, BACKENDS):
        published_ms, first = ROWS[name].train_ms, backend == BACKENDS[0]
        speedup, base = speedups.get((name, backend)), speedups.get((name, BACKENDS[0]))
        yield (
            name if first else "",
            backend,
            figure(published_ms) if first else "",
            figure(None if speedup is None else published_ms / speedup),
            figure(speedup),
            figure(None if speedup is None or base is None else speedup / base),
            decimals(losses.get((name,)), 4) if first else "",
            decimals(accuracies.get((name,)), 3) if first else "",
            figure(times.get((name, backend)), 1e3),
        )


def other_lines(values: Values) -> Iterable[tuple[str, str, str]]:
    """Yield block, name and figure of everything that has no row of the report."""
    finals = values.get("bench_final.Final.time_train", {})
    for (name, batch, dtype), value in finals.items():
        if value is not None:
            yield "784-10-1", f"{name}, batch {batch}, {dtype}", f"{figure(value, 1e3)} ms"
    yield from path_lines(values)
    for name, text in RATIOS.items():
        value = values.get(f"bench_final.Ratios.{name}", {}).get(())
        yield "ratios", text, f"{figure(value)} times"
    for (shape, dtype), value in values.get(
        "bench_calibration.MatrixProduct.track_gflops", {}
    ).items():
        yield "this core", f"product {shape}, {dtype}", f"{figure(value)} GFLOP/s"
    for (dtype,), value in values.get("bench_calibration.Exponential.track_exp", {}).items():
        yield "this core", f"exp, {dtype}", f"{figure(value)} elements/us"
    for name, text in STARTUP.items():
        value = values.get(f"bench_startup.{name}", {}).get(())
        yield "start", text, f"{figure(value, 1e3)} ms"
    for (row, backend), value in values.get("bench_rows.Memory.peakmem_train", {}).items():
        yield "peak memory", f"{row}, {backend}", f"{figure(value, 2**-20)} MiB"
    for (plan, shape), value in values.get("bench_paths.Memory.peakmem_train", {}).items():
        if value is not None:
            yield "peak memory", f"{shape}, {plan}", f"{figure(value, 2**-20)} MiB"


def path_lines(values: Values) -> Iterable[tuple[str, str, str]]:
    """Yield the figures of each shape by plan, of many networks at once, and of one prediction.

    Plans that the backend lacks are left out.
    """
    epochs = values.get("bench_paths.Epoch.time_epoch", {})
    shares = values.get("bench_paths.Roofline.track_roofline", {})
    for shape in SHAPES:
        plans = [
            f"{plan} {figure(epochs.get((plan, shape)), 1e3)} ({figure(share, 100)} %)"
            for plan in PLANS
            if (share := shares.get((plan, shape))) is not None
        ]
        if plans:
            yield "epoch, ms (gemm)", shape, ", ".join(plans)
    per_row = values.get("bench_workloads.Workload.track_us_per_row", {})
    names = dict.fromkeys(name for _, name in per_row)
    for name, backend in itertools.product(names, BACKENDS):
        if (value := per_row.get((backend, name))) is not None:
            yield "one row, training", f"{name}, {backend}", f"{figure(value)} us"
    for name, (text, scale, unit) in MANY.items():
        value = values.get(f"bench_paths.ManyNetworks.{name}", {}).get(())
        yield "many networks", text, f"{figure(value, scale)} {unit}"
    # In seconds for a thousand.
    for (backend,), value in values.get(
        "bench_paths.Prediction.time_predict_1000_times", {}
    ).items():
        yield "one prediction", backend, f"{figure(value, 1e3)} us"


def pytest_lines(path: Path) -> Iterable[tuple[str, str, str]]:
    """Yield a line for each group of pytest-benchmark, with the median of each backend or plan.

    Nothing where it did not run.
    """
    if not path.is_file():
        return
    groups: dict[str, dict[str, str]] = {}
    for benchmark in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]:
        (name,) = [value for value in benchmark["params"].values() if value in (*BACKENDS, *PLANS)]
        medians = groups.setdefault(benchmark["group"], {})
        medians[name] = figure(benchmark["stats"]["median"], 1e6)
    for group, medians in groups.items():
        figures = ", ".join(
            f"{name} {medians[name]}" for name in (*BACKENDS, *PLANS) if name in medians
        )
        yield "pytest, us", group, figures


def render_rows(values: Values) -> Any:
    """Return the rows of the report as a rich table."""
    table = _table()
    for column, header in enumerate(HEADERS):
        table.add_column(header, justify="left" if column < 2 else "right", no_wrap=True)
    for cells in row_lines(values):
        table.add_row(*cells)
    return table


def render_others(values: Values, pytest_json: Path) -> Any:
    """Return the other figures as a rich table, in blocks."""
    table = _table(show_header=False)
    lines = itertools.chain(other_lines(values), pytest_lines(pytest_json))
    for block, group in itertools.groupby(lines, key=lambda line: line[0]):
        table.add_section()
        for number, (_, name, value) in enumerate(group):
            table.add_row(block if number == 0 else "", name, value)
    return table


def _table(**options: Any) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, **options)


def main() -> int:
    """Print the table; return 1 where there is nothing to print."""
    from rich.console import Console

    try:
        path = latest_results(ASV / "results")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(f"[bold]asv[/bold]: {path.relative_to(ASV.parent)}")
    values = read_asv(path)
    console.print(render_rows(values), render_others(values, PYTEST_JSON), sep="\n\n")
    console.print(
        "\nOne core, one thread, batch size 1 and float64 unless said, synthetic data. Published "
        "times come from a hosted notebook on an unknown CPU.\nms, both x columns and the ratios "
        "are of medians inside one interleaved run; all other times stand alone, and vary with "
        "what else the machine does."
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
