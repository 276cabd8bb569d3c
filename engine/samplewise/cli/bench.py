"""`samplewise bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.report.published import PublishedRow

ALL = "all"
# A median of fewer says little on a machine that does other work too.
MINIMUM_ROUNDS = 5

Rows = Annotated[str, typer.Option(help="Rows of the report, as in final-1,neurons-60, or all.")]
Backends = Annotated[
    str | None,
    typer.Option("--backend", help="Backends, as in reference,numba_cpu.", show_default="all"),
]
BatchSizes = Annotated[str, typer.Option("--batch-size", help="Rows of one update, as in 1,32.")]
Rounds = Annotated[str, typer.Option(help=f"Interleaved runs of each, at least {MINIMUM_ROUNDS}.")]


def bench(
    rows: Rows = "final-1",
    backend: Backends = None,
    dtype: options.Dtype = None,
    batch_size: BatchSizes = "1,32",
    rounds: Rounds = str(MINIMUM_ROUNDS),
    as_json: options.AsJson = False,
) -> None:
    """Time backends on rows of the report, on one core, after checking that they agree."""
    from samplewise import registry
    from samplewise.bench import table
    from samplewise.bench.comparison import available_backends, compare
    from samplewise.checks import one_of
    from samplewise.training.settings import DTYPES

    chosen = _rows(rows)
    backends = available_backends() if backend is None else _names("backend", backend)
    batch_sizes = [_count("batch_size", text, 1) for text in _names("batch_size", batch_size)]
    dtype = one_of("dtype", dtype or DTYPES[0], DTYPES)
    count = _count("rounds", rounds, MINIMUM_ROUNDS)
    for name in backends:
        registry.load(name)
    console.note("checking that the backends agree, then timing them in turns")
    comparison = compare(
        chosen,
        backends,
        dtype=dtype,
        batch_sizes=batch_sizes,
        rounds=count,
    )
    if as_json:
        console.result_json(table.to_json(comparison))
        return
    console.table([table.cells(result) for result in comparison.results], table.HEADERS)
    console.result(f"\n{table.caption(comparison)}")


def _rows(text: str) -> list[PublishedRow]:
    from samplewise.checks import one_of
    from samplewise.report.published import published_rows

    known = {row.id: row for row in published_rows()}
    if text == ALL:
        return list(known.values())
    return [known[one_of("rows", name, (*known, ALL))] for name in _names("rows", text)]


def _names(option: str, text: str) -> list[str]:
    from samplewise.checks import printable
    from samplewise.errors import ParameterError

    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    if not all(names):
        raise ParameterError(
            f"{option} is '{printable(text)}', but must be one or more, joined by commas"
        )
    return names


def _count(option: str, text: str, minimum: int) -> int:
    from samplewise.checks import whole_number
    from samplewise.experiment.value_kinds import VALUE_KINDS

    return whole_number(option, VALUE_KINDS["int"].from_text(option, text), minimum=minimum)
