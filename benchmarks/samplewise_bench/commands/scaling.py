"""`samplewise scaling`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from samplewise.checks import positive_number
from samplewise.cli import console, options
from samplewise.cli.options import option, output
from samplewise.options.kinds import number
from samplewise_bench.commands import texts
from samplewise_bench.commands.texts import ALL
from samplewise_bench.timing import ROUNDS

if TYPE_CHECKING:
    from samplewise_bench.scaling.curves import Curve, Method

ScalingFolder = Annotated[Path, output("FOLDER", "Folder to write to.")]
Methods = Annotated[
    str | None,
    option(
        "NAMES",
        "Backends, each with a plan where one is wanted, as in numba_cpu,numba_cpu/direct.  "
        "[default: the fastest here, by itself and with plan direct]",
        "--backend",
    ),
]
Axes = Annotated[
    str, option("NAMES", "Sizes to vary: rows, epochs, inputs, hidden, networks, or all.")
]
Rounds = Annotated[
    str, option("INTEGER", f"Timed trainings of each size, interleaved, at least {ROUNDS}.")
]
Seconds = Annotated[
    str, option("FLOAT", "Approximate time budget in seconds; larger sizes need more.")
]
NAME = "scaling"


@options.given("dtype")
def scaling(
    given: dict[str, Any],
    backend: Methods = None,
    axes: Axes = ALL,
    rounds: Rounds = str(ROUNDS),
    seconds: Seconds = "60",
    out: ScalingFolder = Path(NAME),
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Time training at many sizes on one core, and fit how time and memory grow with each.

    Writes a picture, Markdown and JSON. Data are drawn; compiling is not timed.
    """
    from samplewise.io.writing import check_output_folder
    from samplewise_bench.output import file_names, write_measurement
    from samplewise_bench.scaling import table
    from samplewise_bench.scaling.curves import AXES, DTYPE
    from samplewise_bench.scaling.measure import measure
    from samplewise_bench.scaling.plot import picture

    methods = _methods(backend)
    varied = [AXES[name] for name in texts.known("axes", axes, AXES)]
    count, dtype = texts.rounds_of(rounds), given.get("dtype", DTYPE)
    budget_s = number(positive_number).from_text("seconds", seconds)
    files = file_names(NAME)
    check_output_folder(out, force=force, known=files)
    console.note(f"training {' and '.join(map(str, methods))} at many sizes")
    measured = measure(methods, varied, dtype=dtype, rounds=count, seconds=budget_s, on_curve=_note)
    written = table.markdown(measured, files[0]), table.to_json(measured)
    write_measurement(out, NAME, picture(measured), *written, force=force)
    if as_json:
        console.result_json({**written[1], "folder": str(out)})
    else:
        console.table([table.cells(curve) for curve in measured.curves], table.HEADERS)
        console.result(f"\n{table.caption(measured)}\nwritten to {out}: {', '.join(files)}")


def _methods(text: str | None) -> list[Method]:
    from samplewise_bench.scaling.curves import Method
    from samplewise_bench.scaling.measure import default_methods

    if text is None:
        return default_methods()
    return [Method.named(name) for name in texts.listed("backend", text)]


def _note(curve: Curve) -> None:
    found = curve.remark if curve.law is None else f"exponent {curve.law}"
    console.note(f"{curve.axis.name:<9} {curve.method}: {found}")
