"""One image to grey, and the images that are refused (RELIABILITY 2A, 20)."""

import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from samplewise.data.image_file import read_grey
from samplewise.errors import DataError

NOISE = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(content):
    return np.asarray(read_grey(content, "x"))


def test_sixteen_bit_is_scaled_not_cut():
    levels = NOISE.astype(np.uint16) * 257
    np.testing.assert_array_equal(grey(encoded(Image.fromarray(levels))), NOISE)


def test_palette_cmyk_and_one_bit():
    row = grey(encoded(Image.fromarray(NOISE).convert("P")))
    np.testing.assert_array_equal(row, NOISE)
    row = grey(encoded(Image.fromarray(NOISE > 99)))
    np.testing.assert_array_equal(row, np.where(NOISE > 99, 255, 0))
    cmyk = Image.new("CMYK", (28, 28), (0, 0, 0, 0))
    assert grey(encoded(cmyk, "JPEG")).min() == 255


def test_opaque_alpha_is_dropped_and_transparency_refused():
    noise = Image.fromarray(NOISE)
    opaque = Image.merge("LA", (noise, Image.new("L", noise.size, 255)))
    np.testing.assert_array_equal(grey(encoded(opaque)), NOISE)
    veiled = Image.merge("LA", (noise, Image.new("L", noise.size, 254)))
    with pytest.raises(DataError, match="x has transparent pixels"):
        grey(encoded(veiled))


def test_transparent_palette_is_refused():
    with pytest.raises(DataError, match="has transparent pixels"):
        grey(encoded(Image.new("P", (28, 28)), transparency=0))


def test_turned_upright_by_exif():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    row = grey(encoded(Image.fromarray(NOISE), exif=exif))
    np.testing.assert_array_equal(row, np.rot90(NOISE, -1))


def bomb(width, height):
    """Return a PNG whose header claims a size; its pixels are missing."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bomb(8000, 8001), "8000 x 8001 pixels, at most 64,000,000"),
        (bomb(9500, 9500), "over 64,000,000 pixels"),
        (bomb(50_000, 50_000), "over 64,000,000 pixels"),
        (encoded(Image.fromarray(NOISE))[:-40], "is damaged or no PNG"),
        (encoded(Image.fromarray(NOISE))[:20], "is damaged or no PNG"),
        (b"", "is damaged or no PNG"),
        (b"text", "is damaged or no PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is damaged or no PNG"),
        (encoded(Image.fromarray(NOISE), "TIFF"), "is damaged or no PNG"),
        (encoded(Image.fromarray(NOISE), "PPM"), "is damaged or no PNG"),
        (b"SIMPLE  =                    T".ljust(2880), "is damaged or no PNG"),
    ],
    ids=["cap", "warned", "bomb", "cut", "head", "empty", "text", "svg", "tiff", "ppm", "fits"],
)
def test_content_that_is_refused(content, message):
    with pytest.raises(DataError, match=f"x .*{message}"):
        grey(content)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animation(kind):
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    with pytest.raises(DataError, match="is animated"):
        grey(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG", "BMP", "WEBP"])
def test_any_flipped_byte_gives_grey_or_a_data_error(kind):
    content = encoded(Image.fromarray(NOISE[:6, :6]), kind)
    for position in range(0, len(content), 5):
        changed = bytearray(content)
        changed[position] ^= 0xFF
        with suppress(DataError):
            assert read_grey(bytes(changed), "x").mode == "L"
