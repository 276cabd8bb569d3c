"""`samplewise report`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from samplewise.checks import listed, must_be
from samplewise.cli import console, options
from samplewise.cli.options import option, output
from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment

if TYPE_CHECKING:
    from samplewise.report.measure import Measured, MeasuredRow

OnRun = Callable[["MeasuredRow[Any]"], None]
FOLDERS = {1: "report", 2: "report-part-2"}

Part = Annotated[
    int,
    option(
        "INTEGER",
        "1: the report's tables, two classes, one sample at a time. 2: its "
        "authors' next steps, with all classes, Adam and mini-batches; and a small CNN.",
        "--part",
    ),
]
Repeats = Annotated[int, option("INTEGER", "Runs of each row, 1 to 1000.", "--repeats")]
ReportFolder = Annotated[
    Path | None,
    output(
        "FOLDER",
        "Folder to write the report to.  [default: "
        f"{', '.join(f'{name} for part {part}' for part, name in FOLDERS.items())}]",
    ),
]
ALSO = ("preprocess", "split", "backend", "device", "dtype", "threads", "seed")
DEFAULTS = {"classes": "4,9 in part 1, all in part 2"}


@options.settings(*options.SOURCE, *ALSO, defaults=DEFAULTS, config=False)
def report(
    experiment: Experiment,
    part: Part = 1,
    repeats: Repeats = 3,
    out: ReportFolder = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Run the report's experiments again and write a report beside its published figures.

    Tables, curves, confusion matrices and predicted images, as HTML, Markdown and JSON; part 2
    leaves its trained models, too.
    """
    from samplewise.io.writing import check_output_folder
    from samplewise.report.experiments import PARTS
    from samplewise.report.measure import measure
    from samplewise.report.write import CONTENTS, files, results, write_report

    if part not in PARTS:
        raise ParameterError(must_be("part", f"one of {listed(list(map(str, PARTS)))}", part))
    folder = out or Path(FOLDERS[part])
    check_output_folder(folder, force=force, known=files(part))
    wanted = PARTS[part]
    with _progress(len(wanted.rows), repeats, CONTENTS[part].note) as on_run:
        measured = measure(wanted, experiment, repeats=repeats, on_run=on_run)
    write_report(measured, folder, force=force)
    for text in measured.notes:
        console.warning(text)
    if as_json:
        console.result_json({**results(measured), "folder": str(folder)})
    else:
        show(measured, folder)


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
    """Give a function that shows progress on stderr: a bar on a terminal, else notes of rows."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda row: console.note(note(row)) if len(row.runs) == repeats else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description:<15}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("preparing", total=repeats * rows)
        yield lambda row: bar.update(task, advance=1, description=row.row.id)
