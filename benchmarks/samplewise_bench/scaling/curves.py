"""What a scaling measurement varies, and what it finds: axes, methods, points and curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samplewise.contract import PLANS, Plan
from samplewise.contract.plan import AUTO_PLAN
from samplewise_bench.scaling.power_law import PowerLaw
from samplewise_bench.timing import Spread

NETWORKS = "networks"
BASE = {"rows": 800, "epochs": 10, "inputs": 784, "hidden": 10, NETWORKS: 1}
"""The report's network and its 800 rows; an axis changes one of these."""
DTYPE = "float32"
# What the project promises: the cost is linear in every size.
LINEAR = (0.9, 1.1)


def _doubled(first: int) -> tuple[int, ...]:
    return tuple(first * 2**k for k in range(8))


@dataclass(frozen=True)
class Axis:
    """One size of a training, and the values it takes while all others stay at `BASE`."""

    name: str
    symbol: str
    meaning: str
    sizes: tuple[int, ...]

    @property
    def label(self) -> str:
        """Meaning and symbol."""
        return f"{self.meaning} {self.symbol}"


AXES = {
    axis.name: axis
    for axis in (
        Axis("rows", "n", "training rows", _doubled(200)),
        Axis("epochs", "E", "epochs", _doubled(1)),
        Axis("inputs", "d", "inputs", _doubled(98)),
        Axis("hidden", "H", "hidden units", _doubled(5)),
        Axis(NETWORKS, "M", "networks at once", _doubled(1)),
    )
}


@dataclass(frozen=True)
class Method:
    """A backend, and the plan that is asked of it."""

    backend: str
    plan: str = AUTO_PLAN

    @classmethod
    def named(cls, text: str) -> Method:
        """Return the method of "numba_cpu" or "numba_cpu/blocked"."""
        backend, _, plan = text.rpartition("/")
        return cls(backend, plan) if backend and plan in (AUTO_PLAN, *PLANS) else cls(text)

    def __str__(self) -> str:
        return self.backend if self.plan == AUTO_PLAN else f"{self.backend}/{self.plan}"


@dataclass(frozen=True)
class Point:
    """A training of one size.

    Args:
        size: the axis's value.
        spread: processor time of the training; compiling is not part of it.
        plan: that the program chose.
        peak_bytes: most that rows, parameters and the program's buffers took at once.
        given_bytes: of that, rows, targets, parameters and optimizer state.
    """

    size: int
    spread: Spread
    plan: Plan
    peak_bytes: int
    given_bytes: int


@dataclass(frozen=True)
class Curve:
    """Trainings along one axis by one method.

    Args:
        axis, method: what was varied, and what trained.
        points: by size, ascending; empty where the backend cannot do it.
        law: of the least times, which other work of the machine disturbs least; None where there
            are too few points.
        remark: why there are fewer points than sizes; empty where there are not.
    """

    axis: Axis
    method: Method
    points: tuple[Point, ...]
    law: PowerLaw | None
    remark: str

    @property
    def is_linear(self) -> bool:
        """Whether the exponent lies where the promise wants it."""
        return self.law is not None and LINEAR[0] <= self.law.exponent <= LINEAR[1]


@dataclass(frozen=True)
class Scaling:
    """All curves, and what they were taken on."""

    dtype: str
    rounds: int
    curves: list[Curve]
    conditions: dict[str, Any]
