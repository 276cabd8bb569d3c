"""`samplewise bench`: backends side by side on rows of the report."""

from __future__ import annotations

from typing import Annotated

import typer

from samplewise.checks import one_of, printable
from samplewise.cli import options
from samplewise.errors import ParameterError

ALL = "all"
# A median of fewer says little on a machine that does other work too.
MINIMUM_ROUNDS = 5


def bench(
    rows: Annotated[
        str, typer.Option(help="Rows of the report, as in final-1,neurons-60, or all.")
    ] = "final-1",
    backend: Annotated[
        str | None, typer.Option(help="Backends, as in reference,numba_cpu.", show_default="all")
    ] = None,
    dtype: options.Dtype = None,
    batch_size: Annotated[str, typer.Option(help="Rows of one update, as in 1,32.")] = "1,32",
    rounds: Annotated[
        int, typer.Option(help="Interleaved runs of each.", min=MINIMUM_ROUNDS)
    ] = MINIMUM_ROUNDS,
    as_json: options.AsJson = False,
) -> None:
    """Time backends on rows of the report, on one core, after checking that they agree."""
    from rich.console import Console

    from samplewise.bench.comparison import available_backends, compare
    from samplewise.bench.table import to_json, to_table
    from samplewise.report.published import published_rows
    from samplewise.training.settings import DTYPES

    known = {row.id: row for row in published_rows()}
    ids = list(known) if rows == ALL else _names(rows)
    chosen = [known[one_of("rows", name, (*known, ALL))] for name in ids]
    with Console(stderr=True).status("compiling, checking that backends agree, timing"):
        comparison = compare(
            chosen,
            _names(backend) if backend is not None else available_backends(),
            dtype=one_of("dtype", dtype or DTYPES[0], DTYPES),
            batch_sizes=[_batch_size(text) for text in _names(batch_size)],
            rounds=rounds,
        )
    if as_json:
        typer.echo(to_json(comparison))
    else:
        Console().print(to_table(comparison))


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",")))


def _batch_size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ParameterError(
            f"batch_size is '{printable(text)}', but must be whole numbers from 1, as in 1,32"
        )
    return int(text)
