"""`samplewise report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from samplewise.cli import options
from samplewise.cli.options import option
from samplewise.experiment.experiment import Experiment

PARTS = {1: "report", 2: "report-part-2"}

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
    option(
        "FOLDER",
        "Folder to write the report to.  [default: "
        f"{', '.join(f'{name} for part {part}' for part, name in PARTS.items())}]",
        "--out",
        panel=options.OUTPUT,
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
    from samplewise.errors import ParameterError

    if part not in PARTS:
        raise ParameterError(f"part is {part}, but the report has parts 1 and 2")
    from samplewise.cli.report_run import run

    run(part, experiment, repeats, out or Path(PARTS[part]), force=force, as_json=as_json)
