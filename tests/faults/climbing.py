"""A rung climbed on one case, as lines."""

from __future__ import annotations

from typing import Any

from samplewise.contract import Backend
from samplewise.testing import ladder
from samplewise.testing.cases import Trial


def failures(backend: Backend, rung: str, case: Any, plan: str | None = None) -> list[str]:
    """Return a line for each failed measure, naming backend, rung, case and layer."""
    where = f"{backend.name}, {rung} rung, {Trial(case, plan)}"
    found = ladder.climb(backend, rung, case, plan)
    return [f"{where}: {measure}" for measure in found if not measure.passed]
