"""One untrusted image to grey pixels."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from samplewise.errors import DataError

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".webp": "WEBP",
}
"""Accepted endings and Pillow's format for each; no other decoder is ever tried."""
MAX_PIXELS = 64_000_000

_OPAQUE = 255
_SIXTEEN_BIT_STEP = 257
"""65,535 / 255: what one of 256 levels spans of 65,536."""


def read_grey(content: bytes, where: str) -> Image.Image:
    """Decode an image to 8-bit grey (Pillow's mode L), turned upright as its EXIF data says.

    Args:
        content: the whole file; PNG, JPEG, BMP, GIF or WebP, whatever its name says.
        where: the file, for messages.

    Raises:
        DataError: none of these formats, damaged, animated, over 64 million pixels, or with
            transparent pixels, whose grey nobody can know.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=sorted(set(FORMATS.values()))) as image:
                _check(image, where)
                return _grey(ImageOps.exif_transpose(image), where)
    except DataError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(
            f"{where} has over {MAX_PIXELS:,} pixels; expected a small image"
        ) from error
    # Pillow's decoders let out OSError, SyntaxError, ValueError, struct.error, EOFError and more.
    except Exception as error:
        raise DataError(
            f"{where} is damaged or no PNG, JPEG, BMP, GIF or WebP image; replace or remove it"
        ) from error


def _check(image: Image.Image, where: str) -> None:
    """Refuse by what the header says, before any pixel is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{where} has {width} x {height} pixels, at most {MAX_PIXELS:,} in all are allowed"
        )
    if getattr(image, "is_animated", False):
        raise DataError(f"{where} is animated; expected a single image")


def _grey(image: Image.Image, where: str) -> Image.Image:
    if image.mode.startswith("I"):
        # convert("L") would cut every value above 255 to white.
        levels = np.asarray(image.convert("I")) // _SIXTEEN_BIT_STEP
        return Image.fromarray(levels.astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        darkest, _ = rgba.getchannel("A").getextrema()
        if darkest != _OPAQUE:
            raise DataError(f"{where} has transparent pixels; put it on a background first")
        image = rgba
    if image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return image.convert("L")
