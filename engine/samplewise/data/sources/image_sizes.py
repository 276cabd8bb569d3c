"""The sizes of the images of a folder: in words, and a note where their shapes differ."""

from __future__ import annotations

import warnings
from collections.abc import Collection

from samplewise.data.sources.options import CROP, PAD

SAME_SHAPE = 1.05
"""Largest ratio of two proportions that count as one: cameras round to whole blocks of pixels."""

_MADE = {PAD: "padded", CROP: "cropped"}
_Size = tuple[int, int]


def described(sizes: Collection[_Size], row: _Size, fit: str) -> str:
    """Return what was done to the images of a folder, to be put after its name.

    Args:
        sizes: (height, width) of the images, at least one.
        row: that of the rows made of them.
        fit: a name of `FITS`.
    """
    if set(sizes) == {row}:
        return ""
    made = "resized" if not differ_in_shape({*sizes, row}) else _MADE.get(fit, "stretched")
    return f", {_range(sizes)} pixels, {made} to {_text(row)}"


def differ_in_shape(sizes: Collection[_Size]) -> bool:
    """Return whether the proportions of some differ by over 5 %."""
    proportions = [height / width for height, width in sizes]
    return max(proportions) > SAME_SHAPE * min(proportions)


def warn_of_shapes(sizes: Collection[_Size], row: _Size, where: str) -> None:
    """Say that stretching gives images of different shapes different proportions.

    Warns:
        UserWarning: always.
    """
    warnings.warn(
        f"{where}: the images have different shapes, {_range(sizes)} pixels (height x width); "
        f"stretching them to {_text(row)} changes their proportions: --fit pad or --fit crop "
        "keeps them",
        UserWarning,
        stacklevel=2,
    )


def _range(sizes: Collection[_Size]) -> str:
    """Return "100 x 100", or "3 sizes from 100 x 100 to 3024 x 3024", by the number of pixels."""
    ordered = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    if len(ordered) == 1:
        return _text(ordered[0])
    return f"{len(ordered):,} sizes from {_text(ordered[0])} to {_text(ordered[-1])}"


def _text(size: _Size) -> str:
    return f"{size[0]} x {size[1]}"
