"""`samplewise scaling`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise_bench.scaling.curves import Axis, Curve, Method, Scaling

ScalingFolder = Annotated[
    Path,
    typer.Option(
        "--out", metavar="FOLDER", help="Folder to write to.", rich_help_panel=options.OUTPUT
    ),
]
Methods = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="NAMES",
        help="Backends, each with a plan where one is wanted, as in numba_cpu,numba_cpu/direct.  "
        "[default: the fastest here, by itself and with plan direct]",
    ),
]
Axes = Annotated[
    str,
    typer.Option(
        metavar="NAMES", help="Sizes to vary: rows, epochs, inputs, hidden, networks, or all."
    ),
]
Rounds = Annotated[
    str,
    typer.Option(metavar="INTEGER", help="Timed trainings of each size, interleaved, at least 5."),
]
Seconds = Annotated[
    str,
    typer.Option(
        metavar="FLOAT", help="Approximate time budget in seconds; larger sizes need more."
    ),
]
ALL, NAME = "all", "scaling"
# A median of fewer says little on a machine that does other work too.
MINIMUM_ROUNDS = 5


@options.given("dtype")
def scaling(
    given: dict[str, Any],
    backend: Methods = None,
    axes: Axes = ALL,
    rounds: Rounds = str(MINIMUM_ROUNDS),
    seconds: Seconds = "60",
    out: ScalingFolder = Path("scaling"),
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Time training at many sizes on one core, and fit how time and memory grow with each.

    Writes a picture, Markdown and JSON. Data are drawn; compiling is not timed.
    """
    from samplewise.checks import positive_number
    from samplewise.io.writing import check_output_folder
    from samplewise.options.kinds import number, whole
    from samplewise_bench.output import file_names, write_measurement
    from samplewise_bench.scaling.curves import DTYPE
    from samplewise_bench.scaling.measure import measure
    from samplewise_bench.scaling.plot import picture
    from samplewise_bench.scaling.table import markdown, to_json

    methods, varied = _methods(backend), _axes(axes)
    dtype = given.get("dtype", DTYPE)
    count = whole(MINIMUM_ROUNDS).from_text("rounds", rounds)
    budget_s = number(positive_number).from_text("seconds", seconds)
    check_output_folder(out, force=force, known=file_names(NAME))
    console.note(f"training {' and '.join(map(str, methods))} at many sizes")
    measured = measure(methods, varied, dtype=dtype, rounds=count, seconds=budget_s, on_curve=_note)
    text, document = markdown(measured, file_names(NAME)[0]), to_json(measured)
    write_measurement(out, NAME, picture(measured), text, document, force=force)
    if as_json:
        console.result_json({**document, "folder": str(out)})
    else:
        _print(measured, out)


def _methods(text: str | None) -> list[Method]:
    from samplewise_bench.scaling.curves import Method
    from samplewise_bench.scaling.measure import default_methods

    return default_methods() if text is None else [Method.named(n) for n in _names("backend", text)]


def _axes(text: str) -> list[Axis]:
    from samplewise.checks import one_of
    from samplewise_bench.scaling.curves import AXES

    if text == ALL:
        return list(AXES.values())
    return [AXES[one_of("axes", name, (*AXES, ALL))] for name in _names("axes", text)]


def _names(option: str, text: str) -> list[str]:
    from samplewise.options.kinds import names

    return list(dict.fromkeys(names(lambda _, found: found).from_text(option, text)))


def _note(curve: Curve) -> None:
    found = curve.remark if curve.law is None else f"exponent {curve.law}"
    console.note(f"{curve.axis.name:<9} {curve.method}: {found}")


def _print(measured: Scaling, out: Path) -> None:
    from samplewise_bench.output import file_names
    from samplewise_bench.scaling.table import HEADERS, caption, cells

    console.table([cells(curve) for curve in measured.curves], HEADERS)
    console.result(f"\n{caption(measured)}\nwritten to {out}: {', '.join(file_names(NAME))}")
