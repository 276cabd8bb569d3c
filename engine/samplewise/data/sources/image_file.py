"""One untrusted image to grey pixels."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from samplewise.data.sources.grey_levels import grey_levels
from samplewise.data.sources.image_fit import fitted
from samplewise.errors import DataError, raised_by_signal_handler
from samplewise.io.reading import check_bytes

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".webp": "WEBP",
}
"""Accepted endings and Pillow's format for each; no other decoder is ever tried."""
WHITE = 255.0
"""Value of a white pixel in the rows made of image files."""
MAX_PIXELS = 256_000_000
"""Maximum pixels of a JPEG, which may be decoded at a smaller size; phones write 200 million."""
MAX_DECODED_PIXELS = 100_000_000
"""Maximum pixels of a decoded image: about 600 MB at its peak."""
DECODED_WHOLE = 10_000_000
"""Up to here a JPEG is decoded at its own size."""
REDUCED_TO = 4
"""A larger one keeps at least this many pixels for one of the row's, in height and width."""

_BYTES_A_PIXEL = 6
_METADATA_ERRORS = (SyntaxError, ValueError, LookupError, TypeError, OSError, struct.error)
_NOT_JPEG = sorted(set(FORMATS.values()) - {"JPEG"})


@dataclass(frozen=True, eq=False)
class GreyImage:
    """An image as decoded.

    Args:
        pixels: 8-bit grey (Pillow's mode L), upright.
        size: (height, width) in pixels of the upright image in the file; `pixels` may be smaller.
        peak: largest value of an image of 16 bits; None for 8 bits.
    """

    pixels: Image.Image
    size: tuple[int, int]
    peak: int | None = None


def read_grey(
    content: bytes, where: str, side: int | None = None, full_scale: float | None = None
) -> GreyImage:
    """Decode an image to 8-bit grey, turned upright as its EXIF data says.

    Of a JPEG of several pictures, as cameras write, the first is taken. A JPEG of over 10 million
    pixels is decoded at half, a quarter or an eighth of its size where rows of `side` pixels need
    no more: at 28 x 28 pixels, the grey levels differ by 1 at most, in a tenth of the time.

    Args:
        content: the whole file; PNG, JPEG, BMP, GIF or WebP, whatever its name says.
        where: the file, for messages.
        side: the longer side of the rows to make of it, in pixels; None keeps every pixel.
        full_scale: value of a white pixel; None takes 255, and 65,535 for 16 bits, whatever number
            of significant bits the file names: PNG scales those to the whole range. 8 bits have
            255 where it is larger.

    Raises:
        DataError: none of these formats, damaged, animated, too many pixels, values above
            `full_scale`, or transparent pixels, whose grey nobody can know.
    """
    try:
        with warnings.catch_warnings():
            # Of odd metadata, which plays no part, and of a size that is checked here.
            warnings.simplefilter("ignore")
            with _opened(content) as image:
                size = _prepare(image, where, side)
                return _upright(image, content, where, size, full_scale)
    except (DataError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{where} has over {MAX_DECODED_PIXELS:,} pixels; make it smaller"
        ) from error
    # Pillow's decoders let out OSError, SyntaxError, ValueError, struct.error, EOFError and more.
    except Exception as error:
        if raised_by_signal_handler(error):
            raise
        raise DataError(
            f"{where} is damaged, or not a PNG, JPEG, BMP, GIF or WebP image; replace or remove it"
        ) from error


def read_pixels(
    content: bytes,
    where: str,
    size: tuple[int, int],
    fit: str,
    full_scale: float | None = None,
) -> tuple[NDArray[np.uint8], GreyImage]:
    """Return an image as a row.

    Args:
        content: as `read_grey`.
        where: as `read_grey`.
        size: (height, width) of the row in pixels.
        fit: how an image of another shape is brought to it, a name of `FITS`.
        full_scale: as `read_grey`.

    Returns:
        The pixels, white 255, shape (height * width,), and the image as decoded.

    Raises:
        DataError: as `read_grey`.
    """
    found = read_grey(content, where, max(size), full_scale)
    return np.asarray(fitted(found.pixels, size, fit), np.uint8).reshape(-1), found


def _opened(content: bytes) -> Image.Image:
    if content.startswith(b"\xff\xd8\xff"):
        # Image.open would ask for every picture of several, and stop at 179 million pixels.
        return JpegImageFile(io.BytesIO(content))
    return Image.open(io.BytesIO(content), formats=_NOT_JPEG)


def _prepare(image: Image.Image, where: str, side: int | None) -> tuple[int, int]:
    """Refuse by the header, before any pixel is decoded, and let a large JPEG shrink on the way.

    Returns:
        (height, width) of the image in the file.
    """
    width, height = image.size
    jpeg = isinstance(image, JpegImageFile)
    # A progressive one takes the memory of all its pixels, however few are wanted.
    by_parts = jpeg and side is not None and not image.info.get("progressive")
    _check_pixels(image, where, MAX_PIXELS if by_parts else MAX_DECODED_PIXELS)
    if jpeg and side is not None and width * height > DECODED_WHOLE:
        image.draft(None, (REDUCED_TO * side, REDUCED_TO * side))
    _check_pixels(image, where, MAX_DECODED_PIXELS)
    check_bytes(image.size[0] * image.size[1] * _BYTES_A_PIXEL, None, f"{where}, decoded,")
    if not jpeg and getattr(image, "is_animated", False):
        raise DataError(f"{where} is animated; expected a single image")
    return height, width


def _check_pixels(image: Image.Image, where: str, limit: int) -> None:
    width, height = image.size
    if width * height > limit:
        raise DataError(
            f"{where} has {width:,} x {height:,} pixels, at most {limit:,} in all are allowed; "
            "make it smaller"
        )


def _upright(
    image: Image.Image,
    content: bytes,
    where: str,
    size: tuple[int, int],
    full_scale: float | None,
) -> GreyImage:
    width, _ = image.size
    grey, peak = grey_levels(image, content, where, full_scale)
    # Grey first: turning copies, and colours take four times the memory.
    grey.info = image.info
    try:
        upright = ImageOps.exif_transpose(grey)
    except _METADATA_ERRORS:  # the picture itself was read
        upright = grey
    turned = upright.size[0] != width
    return GreyImage(upright, size[::-1] if turned else size, peak)
