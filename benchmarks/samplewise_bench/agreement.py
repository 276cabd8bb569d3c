"""Before anything is timed: do the backends compute the same thing?"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from samplewise.errors import ContractError
from samplewise_bench.contestants import Contestant, Run

# Relative, on mean losses. Backends differ by the order of their sums only: after the 800 steps of
# a first epoch about 1e-15 in float64 and 1e-6 in float32 was measured.
FIRST_LOSS = {"float64": 1e-9, "float32": 1e-3}
# After a whole training; in float32, 1 % is what a user feels.
FINAL_LOSS = {"float64": 1e-6, "float32": 1e-2}
# Some rows are chaotic: there one rounding of the first weights changes the final loss by more
# than any fixed tolerance, on one and the same backend. That change, times this, is allowed.
NUDGE_FACTOR = 100
# From here on a final loss says nothing, and the reader is told.
CHAOTIC = 0.01


@dataclass(frozen=True)
class Key:
    """One cell of a comparison."""

    row: str
    batch_size: int
    backend: str


def check_agreement(contestants: Mapping[Key, Contestant]) -> list[str]:
    """Train every contestant once; refuse backends that disagree on a row and batch size.

    Returns:
        A note for each row and batch size whose final losses cannot be compared.

    Raises:
        ContractError: naming row, batch size, backends and losses.
    """
    notes = []
    for (row, batch_size), keys in groupby(contestants, lambda key: (key.row, key.batch_size)):
        names = list(keys)
        dtype = contestants[names[0]].problem.dtype.name
        what = f"row {row} at batch size {batch_size} in {dtype}"
        runs = {key: contestants[key].run_once() for key in names}
        # Any backend would do: how chaotic a row is belongs to the row.
        fastest = min(runs, key=lambda key: runs[key].seconds)
        nudged = contestants[fastest].run_once(nudged=True)
        sensitivity = _difference(nudged.final_loss, runs[fastest].final_loss)
        compare_losses(what, {key.backend: run for key, run in runs.items()}, dtype, sensitivity)
        if sensitivity > CHAOTIC:
            notes.append(
                f"{what} is chaotic: moving its first weights by one ulp moves its final loss by "
                f"{sensitivity:.0%}, so only first epochs were compared"
            )
    return notes


def compare_losses(what: str, runs: Mapping[str, Run], dtype: str, sensitivity: float) -> None:
    """Refuse runs whose losses differ from those of the first run.

    Args:
        what: the problem, for the message.
        runs: by backend.
        dtype: decides the tolerances.
        sensitivity: relative change of the final loss when the first weights move by one ulp.

    Raises:
        ContractError: a loss differs, or is not finite.
    """
    (other, expected), *others = runs.items()
    final_tolerance = max(FINAL_LOSS[dtype], NUDGE_FACTOR * sensitivity)
    for backend, run in others:
        for epoch, given, wanted, tolerance in (
            ("first", run.first_loss, expected.first_loss, FIRST_LOSS[dtype]),
            ("last", run.final_loss, expected.final_loss, final_tolerance),
        ):
            # Not ">": a NaN must not pass.
            if not _difference(given, wanted) <= tolerance:
                raise ContractError(
                    f"{what}: the loss of the {epoch} epoch is {given:.9g} on {backend} but "
                    f"{wanted:.9g} on {other}; programs that compute different things are not timed"
                )


def _difference(given: float, wanted: float) -> float:
    return abs(given - wanted) / max(abs(wanted), sys.float_info.min)
