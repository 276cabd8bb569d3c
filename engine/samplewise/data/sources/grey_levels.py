"""From a decoded image of any mode to 8-bit grey levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samplewise.errors import DataError
from samplewise.warn import warn

SIXTEEN_BIT_WHITE = 65_535

_OPAQUE = 255
_ROWS_AT_ONCE = 256
# As Pillow names them; of 16 bits it keeps all of grey, and the upper 8 of colour.
_GREY_OF_16, _COLOUR_OF_16 = "I;16", ("RGB;16B", "LA;16B", "RGBA;16B")
_DEPTH_AT, _PNG_HEADER = 24, b"IHDR"


def grey_levels(
    image: Image.Image, content: bytes, where: str, full_scale: float | None
) -> tuple[Image.Image, int | None]:
    """Return an image in Pillow's mode L, white 255, and the largest value of a 16-bit one.

    Args:
        image: of any mode that Pillow gives for PNG, JPEG, BMP, GIF and WebP.
        content: its file.
        where: the file, for messages.
        full_scale: value of a white pixel, where its bits can hold so much; None, or a larger
            value, for the largest that they can.

    Raises:
        DataError: transparent pixels, values above `full_scale`, or a `full_scale` of 16-bit
            colours, of which only 8 bits are read.
    """
    bits = _bits(image, content)
    image = _opaque(image, bits, where)
    if image.mode == _GREY_OF_16:
        levels = np.asarray(image)
        white = full_scale or SIXTEEN_BIT_WHITE
        return Image.fromarray(_scaled(levels, white, where)), int(levels.max())
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")
    grey = image.convert("L")
    if bits == 16:
        if full_scale not in (None, SIXTEEN_BIT_WHITE):
            raise DataError(
                f"{where} has colours of 16 bits, of which 8 are read, so a full scale of "
                f"{full_scale:g} would lose most of them; make it grey, or scale it to 8 bits"
            )
        return grey, int(np.asarray(grey).max()) * (SIXTEEN_BIT_WHITE // _OPAQUE)
    if full_scale is not None and full_scale < _OPAQUE:
        grey = Image.fromarray(_scaled(np.asarray(grey), full_scale, where))
    return grey, None


def warn_of_few_bits(peak: int, where: str) -> None:
    """Say where images of 16 bits are nearly black, as if they held 8 to 12 bits.

    Warns:
        SamplewiseWarning: `peak` is within 1 to 4,095, a sixteenth of white.
    """
    if not 0 < peak < SIXTEEN_BIT_WHITE // 16 + 1:
        return
    white = 2 ** max(peak.bit_length(), 8) - 1
    warn(
        f"{where}: values reach {peak:,}, and white is {SIXTEEN_BIT_WHITE:,}, so all is nearly "
        f"black; if white is {white:,}, say --full-scale {white}"
    )


def _bits(image: Image.Image, content: bytes) -> int:
    """Return the number of bits of each value of a PNG; 8 for other formats."""
    if image.format != "PNG" or content[12:16] != _PNG_HEADER:
        return 8
    return content[_DEPTH_AT]


def _opaque(image: Image.Image, bits: int, where: str) -> Image.Image:
    """Return the image without an alpha channel that counts.

    Raises:
        DataError: a pixel is not opaque.
    """
    key = image.info.get("transparency")
    if image.format == "PNG" and key is not None and image.mode != "P":
        transparent = _has_colour(image, key, bits)
    elif image.mode in ("LA", "RGBA"):
        transparent = image.getchannel("A").getextrema()[0] != _OPAQUE
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        transparent = image.getchannel("A").getextrema()[0] != _OPAQUE
    else:
        transparent = False
    if transparent:
        raise DataError(f"{where} has transparent pixels; put it on a background first")
    return image


def _has_colour(image: Image.Image, key: int | tuple[int, ...], bits: int) -> bool:
    """Return True if a pixel of a PNG has the colour that stands for transparency.

    Pillow compares the key, which has the file's bits, with pixels of 8 bits.
    """
    channels = np.atleast_3d(np.asarray(image)).transpose(2, 0, 1)
    wanted = key if isinstance(key, tuple) else (key,)
    if image.mode == "1":
        wanted = tuple(min(level, 1) for level in wanted)
    elif image.mode != _GREY_OF_16:
        wanted = tuple(
            level >> 8 if bits == 16 else level * _OPAQUE // (2**bits - 1) for level in wanted
        )
    same = [channel == level for channel, level in zip(channels, wanted, strict=True)]
    return bool(np.logical_and.reduce(same).any())


def _scaled(levels: NDArray[np.integer], white: float, where: str) -> NDArray[np.uint8]:
    """Return levels from 0 to `white` as 0 to 255, shape (height, width)."""
    peak = int(levels.max())
    if peak > white:
        raise DataError(
            f"{where} has values up to {peak:,}, above the full scale {white:g}; "
            "give the value of white"
        )
    table = np.rint(np.arange(peak + 1) * (_OPAQUE / white)).astype(np.uint8)
    scaled = np.empty(levels.shape, np.uint8)
    # Some rows at a time: indices take eight bytes each.
    for start in range(0, len(levels), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        scaled[rows] = table[levels[rows]]
    return scaled
