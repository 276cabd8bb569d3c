"""`samplewise report`: measure, write, print."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samplewise.cli import console

if TYPE_CHECKING:
    from samplewise.experiment.experiment import Experiment
    from samplewise.report.measure import Measured, MeasuredRow

OnRun = Callable[["MeasuredRow[Any]"], None]


def run(
    number: int, settings: Experiment, repeats: int, out: Path, *, force: bool, as_json: bool
) -> None:
    """Measure, write and print a part of the report.

    Args:
        number: of the part.
        settings: as `samplewise.report.measure.measure`.
        repeats: runs of each row.
        out: the folder.
        force: replace the report that is there.
        as_json: print all values as JSON.
    """
    from samplewise.io.writing import check_output_folder
    from samplewise.report.experiments import PARTS
    from samplewise.report.measure import measure
    from samplewise.report.write import CONTENTS, files, results, write_report

    check_output_folder(out, force=force, known=files(number))
    part = PARTS[number]
    with _progress(len(part.rows), repeats, CONTENTS[number].note) as on_run:
        measured = measure(part, settings, repeats=repeats, on_run=on_run)
    write_report(measured, out, force=force)
    for text in measured.notes:
        console.warning(text)
    if as_json:
        console.result_json({**results(measured), "folder": str(out)})
    else:
        show(measured, out)


def show(measured: Measured[Any], out: Path) -> None:
    """Print the table, its explanation, and the differences from the published report."""
    from samplewise.report.content import texts
    from samplewise.report.write import CONTENTS

    content = CONTENTS[measured.part.number]
    written = texts(measured, content.facts(measured))
    rows = [content.cells(measured, row) for row in measured.rows]
    console.table(rows, content.header, numbers=True)
    for line in (*written["terminal"], *written["differences"]):
        console.result(line)
    console.result(f"written to {out}: {written['written']}")


@contextmanager
def _progress(rows: int, repeats: int, note: Callable[[MeasuredRow[Any]], str]) -> Iterator[OnRun]:
    """Give a function that shows progress on stderr: a bar on a terminal, else a line for each row.

    Args:
        rows: to be run.
        repeats: runs of each.
        note: the line of a row that is done.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda row: console.note(note(row)) if len(row.runs) == repeats else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description:<15}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("preparing", total=repeats * rows)
        yield lambda row: bar.update(task, advance=1, description=row.row.id)
