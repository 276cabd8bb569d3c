"""`samplewise report`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.experiment.experiment import Experiment
    from samplewise.report.part_one.measure import OnRun
    from samplewise.report.part_one.measured import AtOnce, Measured, MeasuredRow

Repeats = Annotated[int, typer.Option("--repeats", help="Runs of each row, 1 to 1000.")]
ReportFolder = Annotated[Path, typer.Option("--out", help="The folder to write the report to.")]
PairOfClasses = Annotated[
    str | None, typer.Option(help="The two classes to tell apart, as in 4,9.", show_default="4,9")
]


def report(
    data: options.Data = None,
    classes: PairOfClasses = None,
    preprocess: options.Preprocess = None,
    split: options.Split = None,
    backend: options.Backend = None,
    dtype: options.Dtype = None,
    threads: options.Threads = None,
    seed: options.Seed = None,
    repeats: Repeats = 3,
    out: ReportFolder = Path("report"),
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Run the report's experiments again and write a report beside its published figures.

    Four tables, loss curves, a confusion matrix and predicted images, as HTML, Markdown and JSON.
    """
    # The first line, so that these are the options and nothing else.
    given = dict(locals())
    from samplewise.experiment.config_file import KINDS, effective
    from samplewise.files import check_output_folder
    from samplewise.report.part_one.measure import check_repeats
    from samplewise.report.part_one.write import FILES, write_report

    settings = effective({name: given[name] for name in KINDS if name in given}, None)
    check_repeats(repeats)
    check_output_folder(out, force=force, known=FILES)
    measured = _measured(settings, repeats)
    write_report(measured, out, force=force)
    for text in measured.chosen.history.notes:
        console.warning(text)
    if as_json:
        _print_json(measured, out)
    else:
        _print(measured, out)


def _measured(settings: Experiment, repeats: int) -> Measured:
    from samplewise.cli.progress import CompilingNotice
    from samplewise.report.part_one.measure import measure

    with CompilingNotice() as notice, _progress(repeats) as on_run:
        return measure(settings, repeats=repeats, on_run=on_run, callbacks=[notice])


@contextmanager
def _progress(repeats: int) -> Iterator[OnRun]:
    """Give what shows progress on stderr: a bar on a terminal, else a line a row."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda row: _note(row) if len(row.runs) == repeats else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from samplewise.report.part_one.published import published_rows

    columns = (TextColumn("{task.description:<15}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("preparing", total=repeats * len(published_rows()))
        yield lambda row: bar.update(task, advance=1, description=row.published.id)


def _note(row: MeasuredRow) -> None:
    from samplewise.report.part_one.published import TRAINING_ROWS
    from samplewise.report.part_one.tables import summarize
    from samplewise.report.wording import percent, three_digits

    ours = summarize(row, TRAINING_ROWS)
    console.note(
        f"{row.published.id:<11} loss {ours.final_loss.mean:.4f}  "
        f"accuracy {percent(ours.accuracy.mean)}  {three_digits(ours.train_ms.mean)} ms"
    )


def _print(measured: Measured, out: Path) -> None:
    from samplewise.report.part_one.remarks import what_differs
    from samplewise.report.wording import runs
    from samplewise.report.write import HTML, MARKDOWN, RESULTS

    training_rows = len(measured.data.training)
    # Short enough for a terminal of 80 columns.
    header = ["row", "loss", "here", "ms", "here", "acc %", "here", "faster"]
    rows = [_cells(row, training_rows) for row in measured.rows]
    console.table(rows, header, numbers=True)
    console.result(
        f"\nPublished figures, and here the mean of {runs(measured.repeats)} on "
        f"{measured.dataset.title}, accuracy with the lowest and the highest.\n"
        "loss: of the last epoch. ms: of the training steps. faster: the speed-up, published time "
        "of a training step by ours."
    )
    if measured.at_once is not None:
        console.result(_together(measured.at_once))
    for line in what_differs(measured):
        console.result(line)
    console.result(f"written to {out}: {HTML}, {MARKDOWN}, {RESULTS} and pictures")


def _together(at_once: AtOnce) -> str:
    from samplewise.report.wording import three_digits

    total, repeats = sum(at_once.train_ms), len(at_once.train_ms)
    return (
        f"The {at_once.networks} networks of a repeat trained together in "
        f"{three_digits(total / repeats)} ms, all {at_once.networks * repeats} in "
        f"{three_digits(total)} ms; each was trained by itself too, for its ms."
    )


def _cells(row: MeasuredRow, training_rows: int) -> list[str]:
    from samplewise.report.part_one.tables import summarize
    from samplewise.report.spread import mean_text
    from samplewise.report.wording import three_digits, times

    theirs, ours = row.published, summarize(row, training_rows)
    return [
        theirs.id,
        f"{theirs.final_loss:.4f}",
        f"{ours.final_loss.mean:.4f}",
        three_digits(theirs.train_ms),
        three_digits(ours.train_ms.mean),
        f"{100 * theirs.accuracy:.1f}",
        mean_text(ours.accuracy.scaled(100), "{:.1f}".format),
        times(ours.speed_up),
    ]


def _print_json(measured: Measured, out: Path) -> None:
    from samplewise.report.part_one.results import results

    console.result_json({**results(measured), "folder": str(out)})
