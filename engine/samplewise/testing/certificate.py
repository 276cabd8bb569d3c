"""The result of a check: trials, the closeness of agreement, untested parts and the reasons."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from samplewise.io import strict_json
from samplewise.text import counted

SHOWN_FAILURES = 10


@dataclass(frozen=True)
class RungResult:
    """The result of one rung.

    Args:
        largest_ratio: largest difference / tolerance of the comparisons that passed, at most 1.
        nearest: the trial and the comparison with that ratio.
    """

    rung: str
    trials: int
    checks: int
    failed: int
    largest_ratio: float
    nearest: str


@dataclass(frozen=True)
class CapabilityResult:
    """The result of one capability on all rungs.

    Args:
        kind: of capability, such as "layer".
        name: of it, such as "conv".
        largest_ratio: as `RungResult`.
    """

    kind: str
    name: str
    trials: int
    failed: int
    largest_ratio: float


@dataclass(frozen=True)
class Untested:
    """A thing that was not tested."""

    what: str
    why: str


@dataclass(frozen=True)
class Certificate:
    """The result of `check_backend`.

    Args:
        backend: its name.
        version: of samplewise.
        strength: 2 where any two compatible capabilities met in a trial, 3 where any three did.
        rungs: results by rung.
        capabilities: results by capability.
        untested: each thing that was not tested, and why.
        suspects: a line for each capability that failures follow, the likeliest first.
        failures: a line for each comparison that failed.
    """

    backend: str
    version: str
    strength: int
    rungs: tuple[RungResult, ...]
    capabilities: tuple[CapabilityResult, ...]
    untested: tuple[Untested, ...]
    suspects: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """True if nothing failed."""
        return not self.failures

    def __str__(self) -> str:
        return "\n".join([*self._verdict(), "", *self._tables(), "", *self._not_tested()])

    def complaint(self) -> str:
        """Return the verdict of a failed check: the suspects, then the first failures."""
        shown = [*self.suspects, *self.failures[:SHOWN_FAILURES]]
        more = len(self.failures) - SHOWN_FAILURES
        rest = [f"and {more} more"] if more > 0 else []
        head = f"{self.backend} failed {counted(len(self.failures), 'check')}:"
        return "\n  ".join([head, *shown, *rest])

    def to_json(self) -> str:
        """Return everything as JSON text; numbers are finite."""
        return strict_json.text_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {"passed": self.passed, **dataclasses.asdict(self)}

    def _verdict(self) -> list[str]:
        if not self.passed:
            return self.complaint().splitlines()
        checks, trials = sum(r.checks for r in self.rungs), sum(r.trials for r in self.rungs)
        met = "two" if self.strength == 2 else "three"
        counts = f"{counted(checks, 'comparison')} in {counted(trials, 'trial')}"
        return [f"{self.backend} keeps the contract: {counts}; any {met} capabilities met"]

    def _tables(self) -> list[str]:
        """Return the largest ratios by rung and by capability."""
        rungs = [(r.rung, r.trials, r.checks, r.failed, r.largest_ratio) for r in self.rungs]
        lines = _table(("rung", "trials", "checks", "failed", "largest/allowed"), rungs)
        each = [
            (f"{c.kind} {c.name}", c.trials, c.failed, c.largest_ratio) for c in self.capabilities
        ]
        return [*lines, "", *_table(("capability", "trials", "failed", "largest/allowed"), each)]

    def _not_tested(self) -> list[str]:
        by_reason: dict[str, list[str]] = {}
        for each in self.untested:
            by_reason.setdefault(each.why, []).append(each.what)
        return ["not tested", *(f"  {why}: {', '.join(what)}" for why, what in by_reason.items())]


def _table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    """Return lines of columns: the first on the left, numbers on the right."""
    cells = [header, *(tuple(map(_cell, row)) for row in rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]


def _cell(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
