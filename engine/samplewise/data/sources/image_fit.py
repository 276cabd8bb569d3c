"""Images brought to the size of a row (stretched, padded or cropped), and words for it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from PIL import Image, ImageOps

from samplewise.data.sources.options import CROP, PAD
from samplewise.warn import warn

SAME_SHAPE = 1.05
"""Largest ratio of two proportions that count as one: cameras round to whole blocks of pixels."""

_MADE = {PAD: "padded", CROP: "cropped"}
_Size = tuple[int, int]
_FILTER = Image.Resampling.LANCZOS


def fitted(image: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    """Return a grey image at (height, width), by Lanczos' filter where it has another size.

    Args:
        image: in Pillow's mode L.
        size: height and width in pixels, each at least 1.
        fit: a name of `samplewise.data.sources.options.FITS`. "stretch" changes the proportions.
            "pad" keeps them and the whole image, in the middle; the borders get the median grey
            of the image's edges that they touch. "crop" keeps them and fills the size with the
            middle of the image.
    """
    height, width = size
    if image.size == (width, height):
        return image
    if fit == CROP:
        return ImageOps.fit(image, (width, height), _FILTER)
    if fit == PAD:
        return _padded(image, height, width)
    return image.resize((width, height), _FILTER)


def _padded(image: Image.Image, height: int, width: int) -> Image.Image:
    factor = min(width / image.width, height / image.height)
    # A line of 1 x 1,000 pixels would else vanish.
    inner_size = (
        min(width, max(1, round(image.width * factor))),
        min(height, max(1, round(image.height * factor))),
    )
    inner = image.resize(inner_size, _FILTER)
    if inner.size == (width, height):
        return inner
    pixels = np.asarray(inner)
    edges = pixels[:, [0, -1]] if inner.width < width else pixels[[0, -1]]
    padded = Image.new("L", (width, height), round(float(np.median(edges))))
    padded.paste(inner, ((width - inner.width) // 2, (height - inner.height) // 2))
    return padded


def described(sizes: Collection[_Size], row: _Size, fit: str) -> str:
    """Return a phrase on how the images of a folder were fitted, to follow its name.

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
    """Return True if the proportions of some differ by over 5 %."""
    proportions = [height / width for height, width in sizes]
    return max(proportions) > SAME_SHAPE * min(proportions)


def warn_of_shapes(sizes: Collection[_Size], row: _Size, where: str) -> None:
    """Warn that stretching gives images of different shapes different proportions.

    Warns:
        SamplewiseWarning: always.
    """
    warn(
        f"{where}: the images have different shapes, {_range(sizes)} pixels (height x width); "
        f"stretching them to {_text(row)} changes their proportions: --fit pad or --fit crop "
        "keeps them"
    )


def _range(sizes: Collection[_Size]) -> str:
    """Return "100 x 100", or "3 sizes from 100 x 100 to 3024 x 3024", by the number of pixels."""
    ordered = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    if len(ordered) == 1:
        return _text(ordered[0])
    return f"{len(ordered):,} sizes from {_text(ordered[0])} to {_text(ordered[-1])}"


def _text(size: _Size) -> str:
    return f"{size[0]} x {size[1]}"
