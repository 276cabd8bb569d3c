"""The axes of a scaling measurement, its methods, and its findings: points, laws and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplewise.contract import PLANS, Plan
from samplewise.contract.plan import AUTO_PLAN
from samplewise_bench.timing import TimeSpread

NETWORKS = "networks"
BASE = {"rows": 800, "epochs": 10, "inputs": 784, "hidden": 10, NETWORKS: 1}
"""The report's network and its 800 rows; an axis changes one of these."""
DTYPE = "float32"
# The project promises a cost that is linear in every size.
LINEAR = (0.9, 1.1)
# Two points always lie on a line: their error would be unknown.
FEWEST = 3
DOUBLINGS = 8


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
    name: Axis(name, symbol, meaning, tuple(first * 2**k for k in range(DOUBLINGS)))
    for name, symbol, meaning, first in (
        ("rows", "n", "training rows", 200),
        ("epochs", "E", "epochs", 1),
        ("inputs", "d", "inputs", 98),
        ("hidden", "H", "hidden units", 5),
        (NETWORKS, "M", "networks at once", 1),
    )
}


@dataclass(frozen=True)
class Method:
    """A backend, and the plan that it is asked for."""

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
        spread: processor time of the training; compiling is not part of it.
        peak_bytes: most that rows, parameters and the program's buffers took at once.
        given_bytes: of that, rows, targets, parameters and optimizer state.
    """

    size: int
    spread: TimeSpread
    plan: Plan
    peak_bytes: int
    given_bytes: int


@dataclass(frozen=True)
class PowerLaw:
    """cost = factor * size ** exponent, over the larger sizes.

    Args:
        exponent: 1 where the cost is linear.
        standard_error: of the exponent, from how far the points lie off the line.
        factor: cost at size 1, in the unit of the costs.
        first, last: sizes between which it was fitted.
    """

    exponent: float
    standard_error: float
    factor: float
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.exponent:.2f} ± {self.standard_error:.2f}"

    def cost(self, size: float) -> float:
        """Return the cost at a size."""
        return float(self.factor * size**self.exponent)


def fit(sizes: Sequence[int], costs: Sequence[float]) -> PowerLaw | None:
    """Fit a power law by least squares on the logarithms of the larger half of the sizes.

    The smaller half is left out because fixed costs hide there how a cost grows. The sizes are
    ascending; fewer than three have no law.
    """
    count = max((len(sizes) + 1) // 2, FEWEST)
    if len(sizes) < count:
        return None
    x, y = np.log(sizes[-count:]), np.log(costs[-count:])
    (exponent, offset), covariance = np.polyfit(x, y, 1, cov=True)
    error, factor = float(np.sqrt(covariance[0, 0])), float(np.exp(offset))
    return PowerLaw(float(exponent), error, factor, sizes[-count], sizes[-1])


@dataclass(frozen=True)
class Curve:
    """Trainings along one axis by one method.

    Args:
        points: by size, ascending; empty where the backend cannot do it.
        law: of the least times, which other work of the machine disturbs least; None for too few
            points.
        remark: why there are fewer points than sizes; empty where there are not.
    """

    axis: Axis
    method: Method
    points: tuple[Point, ...]
    law: PowerLaw | None
    remark: str

    @property
    def is_linear(self) -> bool:
        """True if the exponent lies within `LINEAR`."""
        return self.law is not None and LINEAR[0] <= self.law.exponent <= LINEAR[1]


@dataclass(frozen=True)
class Scaling:
    """All curves, and the conditions they were taken in."""

    dtype: str
    rounds: int
    curves: list[Curve]
    conditions: dict[str, Any]
