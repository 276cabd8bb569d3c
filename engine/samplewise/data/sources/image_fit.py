"""An image brought to the size of a row: stretched, padded or cropped."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from samplewise.data.sources.options import CROP, PAD

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
