"""`samplewise sweep`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.checks import one_of
from samplewise.cli import console, options, signals
from samplewise.cli.options import option, output, switch
from samplewise.errors import CombinationError, ParameterError
from samplewise.text import counted, grouped, rounded

if TYPE_CHECKING:
    from samplewise.sweep.candidates import Candidate
    from samplewise.sweep.results import SweepResult
    from samplewise.sweep.run import Progress

SHOW = "show"
SHOWN = 20
What = Annotated[
    list[str],
    typer.Argument(
        metavar="SWEEP.TOML | show FOLDER",
        help="A file that describes a sweep, to run it; or show and its folder, to read it.",
    ),
]
SweepFolder = Annotated[
    Path | None,
    output("FOLDER", "Folder of the sweep; one that was stopped goes on.  [default: sweep]"),
]
RetryFailed = Annotated[bool, switch("--retry-failed", "Train failed trials again.")]
Jobs = Annotated[
    int | None,
    option(
        "N",
        "Groups of trials to train at once, each on a process; -1 for all processors.  "
        "[default: one group, split over the cores; with --dask, every thread of the cluster]",
        "--jobs",
    ),
]
Dask = Annotated[
    str | None,
    option(
        "ADDRESS",
        "Train on the dask cluster of this scheduler, such as tcp://10.0.0.1:8786; needs "
        "samplewise[dask].",
        "--dask",
    ),
]
MetricName = Annotated[
    str | None,
    option(
        "NAME",
        "Compare candidates by validation_accuracy, validation_loss, test_accuracy, test_r2, "
        "test_rmse, test_mae, test_loss or training_loss.  [default: the first of these that was "
        "measured]",
    ),
]
Parquet = Annotated[
    bool,
    switch(
        "--parquet",
        "Write the table as trials.parquet, too; needs pandas and pyarrow.",
        panel=options.OUTPUT,
    ),
]


def sweep(
    what: What,
    out: SweepFolder = None,
    retry_failed: RetryFailed = False,
    jobs: Jobs = None,
    dask: Dask = None,
    metric: MetricName = None,
    parquet: Parquet = False,
    as_json: options.AsJson = False,
) -> None:
    """Train every candidate of a sweep with every seed, and write a table and a page of them.

    The file has [settings] that all share, and a [space] of lists or ranges. Ctrl-C stops after the
    running group of trials; the same command goes on with those that are missing. `show` prints the
    results of a folder, and writes nothing but what --parquet asks for.
    """
    from samplewise.io.writing import check_folder_name
    from samplewise.report.sweep_page import write_page, write_parquet
    from samplewise.sweep.results import check_table, read_results

    if parquet:
        check_table("pandas", "pyarrow")
    is_run, code = _is_run(what), 0
    if is_run:
        folder = out or Path("sweep")
        check_folder_name(folder)
        with _cluster(dask):
            result, code = _run(Path(what[0]), folder, metric, jobs, retry_failed=retry_failed)
    else:
        if out is not None or retry_failed or jobs is not None or dask is not None:
            raise CombinationError(
                "show: reads the results only; omit --out and --retry-failed, --jobs and --dask"
            )
        folder, result = Path(what[1]), read_results(what[1])
    candidates = result.candidates(metric)
    if is_run:
        write_page(result, folder, metric)
    if parquet:
        write_parquet(result, folder)
    if as_json:
        console.result_json(_figures(result, candidates, metric, folder))
    else:
        _show(result, candidates, metric, folder, is_run=is_run)
    raise typer.Exit(code)


def _is_run(what: list[str]) -> bool:
    """Return True where a sweep is to be run, False where a folder is to be shown.

    Raises:
        ParameterError: neither.
    """
    if len(what) == 2 and what[0] == SHOW:
        return False
    if len(what) == 1 and what[0] != SHOW:
        return True
    raise ParameterError(
        f"expected a file, or show and a folder, got '{' '.join(what)}'; write, say, "
        "samplewise sweep sweep.toml, or samplewise sweep show sweep"
    )


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Let sweeps train on a dask cluster until the block ends; None leaves them here."""
    if address is None:
        yield
        return
    from samplewise.sweep.cluster import connected

    client = connected(address)
    import joblib

    with client, joblib.parallel_config("dask", client=client):
        yield


def _run(
    path: Path, folder: Path, metric: str | None, jobs: int | None, *, retry_failed: bool
) -> tuple[SweepResult, int]:
    """Run the sweep of a file; return its results and the exit code of a signal, else 0."""
    from samplewise.sweep.definition import read_sweep
    from samplewise.sweep.run import run_sweep

    described = read_sweep(path)
    if metric is not None:
        one_of("metric", metric, described.metrics)
    if described.rungs is not None:
        candidates = len(described.trials) // len(described.seeds)
        console.note(f"rungs: {described.rungs.described(candidates)} epochs")
    with signals.handled(in_hand="group of trials") as interrupts:
        interrupts.finish = True
        result = run_sweep(
            described,
            folder,
            retry_failed=retry_failed,
            on_group=_note_progress,
            stop=interrupts.stop,
            n_jobs=jobs,
        )
    return result, interrupts.exit_code


def _note_progress(progress: Progress) -> None:
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    text = f"trial {progress.finished:,}/{progress.trials:,}{failed}"
    # With rungs, all trials have a result long before the end.
    if progress.finished < progress.trials or progress.seconds_left >= 1:
        text += f"  about {_duration(progress.seconds_left)} left"
    console.note(text)


def _duration(seconds: float) -> str:
    """Return "40 s", "12 min" or "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show(
    result: SweepResult,
    candidates: list[Candidate],
    metric: str | None,
    folder: Path,
    *,
    is_run: bool,
) -> None:
    from samplewise.report.sweep_page import BEST, PAGE, TRIALS
    from samplewise.sweep.definition_file import SWEEP

    metric = metric or result.default_metric
    header = ["candidate", *result.sweep.factors, metric, "±", "parameters", "done", "failed"]
    console.table([_cells(one) for one in candidates[:SHOWN]], header, numbers=True)
    if len(candidates) > SHOWN:
        # A sweep that still runs, or was killed, has no table yet.
        written = (folder / TRIALS).exists()
        where = f" in {folder / TRIALS}" if written else "; --json gives all"
        console.result(f"and {counted(len(candidates) - SHOWN, 'more candidate')}{where}")
    best = result.best(metric)
    if best is not None:
        from samplewise.sweep.trials import named

        settings = f"; its settings are in {folder / BEST}" if is_run else ""
        console.result(
            f"best: candidate {best.number} ({named(best.values)}), {best.distinction} "
            f"{result.sweep.in_words(metric)}{settings}"
        )
    else:
        _note_on_metric(result, metric)
    _show_unfinished(result, folder)
    if is_run:
        console.result(f"written to {folder}: {PAGE}, {TRIALS}, {SWEEP}")


def _show_unfinished(result: SweepResult, folder: Path) -> None:
    """Count the trials that failed, are missing, or were paused."""
    from samplewise.report.sweep_page import TRIALS
    from samplewise.sweep.candidates import FAILED, MISSING, PAUSED

    failed = [row for row in result.rows if row["status"] == FAILED]
    if failed:
        first = failed[0]
        console.result(
            f"{counted(len(failed), 'trial')} failed; the first, of candidate "
            f"{first['candidate']} with seed {first['seed']}: {first['reason']}"
        )
    missing = sum(row["status"] == MISSING for row in result.rows)
    if missing:
        words, them = counted(missing, "trial is", "trials are"), "it" if missing == 1 else "them"
        console.result(f"{words} missing; the same sweep goes on with {them}")
    paused = sum(row["status"] == PAUSED for row in result.rows)
    if paused and (folder / TRIALS).exists():
        words = counted(paused, "trial was", "trials were")
        console.result(f"{words} paused at a rung; {TRIALS} has the figures of the last epoch")


def _note_on_metric(result: SweepResult, metric: str) -> None:
    """Say so where no trial has the metric, and which metrics they have."""
    from samplewise.sweep.candidates import DONE

    done = [row for row in result.rows if row["status"] == DONE]
    if done and all(row[metric] is None for row in done):
        measured = [name for name in result.sweep.metrics if done[0][name] is not None]
        console.result(f"no trial has {metric}; --metric takes {', '.join(measured)}")


def _cells(one: Candidate) -> list[str]:
    from samplewise.sweep.results import as_cell

    return [
        str(one.number),
        *(str(as_cell(value)) for value in one.values.values()),
        "" if one.mean is None else rounded(one.mean, 4),
        "" if one.margin is None else rounded(one.margin, 2),
        "" if one.parameters is None else grouped(one.parameters),
        str(one.seeds),
        str(one.failed),
    ]


def _figures(
    result: SweepResult, candidates: list[Candidate], metric: str | None, folder: Path
) -> dict[str, Any]:
    best = result.best(metric)
    return {
        "folder": str(folder),
        "metric": metric or result.default_metric,
        "best": None if best is None else best.number,
        "candidates": [dataclasses.asdict(one) for one in candidates],
        "trials": result.table(),
    }
