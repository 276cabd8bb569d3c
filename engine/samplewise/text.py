"""Numbers as people read them."""

from __future__ import annotations

import math


def three_digits(value: float) -> str:
    """Return a figure with three digits, "4.87", or all before the point, "1,180"."""
    # Rounded first: 9.996 is "10.0", not "10.00".
    rounded = float(f"{value:.3g}")
    digits = max(0, 2 - math.floor(math.log10(rounded))) if rounded > 0 else 0
    return f"{value:,.{digits}f}"
