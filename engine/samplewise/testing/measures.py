"""Differences between results and expectations, as numbers that a report can rank."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import ParameterLayout
from samplewise.testing.tolerances import Tolerance


@dataclass(frozen=True)
class Measure:
    """One comparison.

    Args:
        what: name of the thing compared, with its layer.
        difference: largest difference found; infinite where a condition does not hold.
        allowed: largest difference that passes.
    """

    what: str
    difference: float
    allowed: float

    @property
    def passed(self) -> bool:
        """True if the difference is allowed; NaN never is."""
        return self.difference <= self.allowed

    @property
    def ratio(self) -> float:
        """difference / allowed, at most 1 where it passed; infinite for NaN."""
        if self.difference == 0:
            return 0.0
        if self.allowed == 0 or not math.isfinite(self.difference):
            return math.inf
        return self.difference / self.allowed

    def __str__(self) -> str:
        if math.isinf(self.difference):
            return self.what
        return f"{self.what}: differs by {self.difference:.3g}, allowed {self.allowed:.3g}"


def condition(what: str, holds: bool) -> Measure:
    """Measure whether a condition holds; `what` is the complaint where it does not."""
    return Measure(what, 0.0 if holds else math.inf, 0.0)


def same_bits(what: str, got: NDArray[Any], want: NDArray[Any]) -> Measure:
    """Measure whether two arrays hold the same bytes."""
    return condition(f"{what}: other bits", _alike(got, want) and got.tobytes() == want.tobytes())


def entries(what: str, got: NDArray[Any], want: NDArray[Any], tolerance: Tolerance) -> Measure:
    """Measure the worst entry, each against its own size."""
    if not _alike(got, want):
        return _unlike(what, got, want)
    allowed = tolerance.relative * np.abs(want) + tolerance.absolute
    difference = np.abs(np.subtract(got, want, dtype=np.float64))
    # A NaN wins argmax, and 0 / 0 counts as no difference.
    ratios = np.where(difference == 0, 0.0, difference / np.maximum(allowed, np.finfo(float).tiny))
    worst = int(np.argmax(ratios))
    return Measure(what, float(difference.flat[worst]), float(allowed.flat[worst]))


def losses(got: NDArray[Any], want: NDArray[Any], tolerance: Tolerance) -> Measure:
    """Measure losses, relative to the largest of them but at least to 1."""
    return sized("losses", got, want, tolerance)


def sized(what: str, got: NDArray[Any], want: NDArray[Any], tolerance: Tolerance) -> Measure:
    """Measure an array, relative to its largest entry but at least to 1."""
    if not _alike(got, want):
        return _unlike(what, got, want)
    size = max(1.0, float(np.abs(want).max()))
    return Measure(what, _distance(got, want), tolerance.relative * size + tolerance.absolute)


def layers(
    what: str,
    layout: ParameterLayout,
    got: NDArray[Any],
    want: NDArray[Any],
    tolerance: Tolerance,
) -> list[Measure]:
    """Measure flat vectors (P,) tensor by tensor, each relative to the largest entry of all."""
    if not _alike(got, want):
        return [_unlike(what, got, want)]
    allowed = tolerance.relative * float(np.abs(want).max()) + tolerance.absolute
    expected = layout.views(want)
    return [
        Measure(f"{what} {name}", _distance(view, expected[name]), allowed)
        for name, view in layout.views(got).items()
    ]


def _alike(got: NDArray[Any], want: NDArray[Any]) -> bool:
    return got.shape == want.shape and got.dtype == want.dtype


def _unlike(what: str, got: NDArray[Any], want: NDArray[Any]) -> Measure:
    came, wanted = (f"{a.dtype} {a.shape}" for a in (got, want))
    return condition(f"{what}: is {came}, expected {wanted}", holds=False)


def _distance(got: NDArray[Any], want: NDArray[Any]) -> float:
    return float(np.abs(np.subtract(got, want, dtype=np.float64)).max())
