"""Numbers that matplotlib can draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST, SMALLEST = 1e300, 1e-280
"""Beyond these the margins and ticks of an axis overflow, and a linear axis shows zeros alone."""


def drawn(values: Any) -> NDArray[np.float64]:
    """Return numbers as they are drawn: beyond +-1e300 as +-1e300; NaN and infinity stay."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), np.clip(numbers, -LARGEST, LARGEST), numbers)


def logarithmic_limits(low: float, high: float) -> tuple[float, float]:
    """Return the ends of a logarithmic axis for numbers above 0, with a margin.

    matplotlib's own margin overflows beside large numbers, and it then draws another axis.
    """
    first, last = np.log10((low, high))
    margin = 0.05 * (last - first) or 0.3
    # Within the range of float64.
    return float(10 ** max(first - margin, -323.3)), float(10 ** min(last + margin, 308.0))
