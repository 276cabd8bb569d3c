"""What is shown on stderr while a report's rows run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

OnRun = Callable[[Any], None]


@contextmanager
def told_of_runs(
    rows: int, repeats: int, name_of: Callable[[Any], str], note: OnRun
) -> Iterator[OnRun]:
    """Give what shows progress: a bar on a terminal, else a line a row.

    Args:
        rows: to be run.
        repeats: runs of each.
        name_of: gives the name of a measured row.
        note: prints the line of a row that is done.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda row: note(row) if len(row.runs) == repeats else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description:<15}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("preparing", total=repeats * rows)
        yield lambda row: bar.update(task, advance=1, description=name_of(row))
