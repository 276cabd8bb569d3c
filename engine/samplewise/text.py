"""Numbers as people read them."""

from __future__ import annotations

import math


def three_digits(value: float) -> str:
    """Return a figure with three digits, "4.87", or all before the point, "1,180"."""
    # Rounded first: 9.996 is "10.0", not "10.00".
    rounded = float(f"{value:.3g}")
    digits = max(0, 2 - math.floor(math.log10(rounded))) if rounded > 0 else 0
    return f"{value:,.{digits}f}"


def six_digits(value: float) -> str:
    """Return a number with up to six digits, all before the point: "1,072,431", "0.5"."""
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    digits = max(0, 5 - math.floor(math.log10(abs(value))))
    rounded = f"{value:,.{digits}f}"
    return rounded.rstrip("0").rstrip(".") if digits else rounded


def rounded(value: float, digits: int) -> str:
    """Return a number rounded to up to six digits: "10,510" for 10,513 and 4, "0.97"."""
    return six_digits(float(f"{value:.{digits}g}"))


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 run", "3 runs"; `plural` is that of nouns without a plain s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def grouped(count: int) -> str:
    """Return "4,000"."""
    return f"{count:,}"


def memory(size: int) -> str:
    """Return a size in bytes as "312 bytes", "48.5 KiB", "1,510 MiB"."""
    if size < 2**10:
        return counted(size, "byte")
    unit, divisor = ("KiB", 2**10) if size < 2**20 else ("MiB", 2**20)
    return f"{three_digits(size / divisor)} {unit}"


def times(ratio: float) -> str:
    """Return a ratio as "187 ×", "1.85 ×"."""
    return f"{three_digits(ratio)} ×"


def percent(share: float) -> str:
    """Return a share as "88.5 %"."""
    return f"{100 * share:.1f} %"


def tenths(share: float) -> str:
    """Return a share in percent as "88.5"."""
    return f"{100 * share:.1f}"
