"""How a cost grows with a size: the exponent of a power law, fitted to measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Two points always lie on a line: their error would be unknown.
FEWEST = 3


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

    The smaller half is left out because fixed costs hide there how a cost grows.

    Args:
        sizes: ascending, above 0.
        costs: above 0, one a size.

    Returns:
        The law, or None where there are fewer than three sizes.
    """
    count = max((len(sizes) + 1) // 2, FEWEST)
    if len(sizes) < count:
        return None
    x, y = np.log(sizes[-count:]), np.log(costs[-count:])
    spread = x - x.mean()
    exponent = float(spread @ y / (spread @ spread))
    offset = float(y.mean() - exponent * x.mean())
    residuals = y - (offset + exponent * x)
    variance = residuals @ residuals / (count - 2) / (spread @ spread)
    factor = float(np.exp(offset))
    return PowerLaw(exponent, float(np.sqrt(variance)), factor, sizes[-count], sizes[-1])
