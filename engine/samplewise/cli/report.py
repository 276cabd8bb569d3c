"""`samplewise report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from samplewise.cli import options

PARTS = {1: "report", 2: "report-part-2"}

Part = Annotated[
    int,
    typer.Option(
        "--part",
        help="1: the report's tables, two classes, one sample at a time. 2: what its authors did "
        "next, all classes, Adam, mini-batches; and a small CNN.",
    ),
]
Repeats = Annotated[int, typer.Option("--repeats", help="Runs of each row, 1 to 1000.")]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The folder to write the report to.",
        show_default=", ".join(f"{name} for part {part}" for part, name in PARTS.items()),
    ),
]
ClassesToTell = Annotated[
    str | None,
    typer.Option(
        help="The classes to tell apart, as in 4,9; two of them in part 1.",
        show_default="4,9 in part 1, all in part 2",
    ),
]


def report(
    part: Part = 1,
    data: options.Data = None,
    classes: ClassesToTell = None,
    label: options.Label = None,
    drop: options.Drop = None,
    image_size: options.ImageSize = None,
    fit: options.Fit = None,
    full_scale: options.FullScale = None,
    preprocess: options.Preprocess = None,
    split: options.Split = None,
    backend: options.Backend = None,
    dtype: options.Dtype = None,
    threads: options.Threads = None,
    seed: options.Seed = None,
    repeats: Repeats = 3,
    out: ReportFolder = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Run the report's experiments again and write a report beside its published figures.

    Tables, curves, confusion matrices and predicted images, as HTML, Markdown and JSON; part 2
    leaves its trained models, too.
    """
    # The first line, so that these are the options and nothing else.
    given = dict(locals())
    from samplewise.errors import ParameterError
    from samplewise.experiment.config_file import KINDS, effective

    if part not in PARTS:
        raise ParameterError(f"part is {part}, but the report has parts 1 and 2")
    from samplewise.cli.report_run import run

    settings = effective({name: given[name] for name in KINDS if name in given}, None)
    run(part, settings, repeats, out or Path(PARTS[part]), force=force, as_json=as_json)
