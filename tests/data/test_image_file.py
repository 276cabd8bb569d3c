"""One image to grey, and the images that are refused."""

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samplewise.data.sources import image_file
from samplewise.data.sources.grey_levels import warn_of_few_bits
from samplewise.data.sources.image_file import read_grey, read_pixels
from samplewise.errors import DataError

CASES = Path(__file__).parents[2].parent / "shared" / "cases"

NOISE = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(content, **options):
    return np.asarray(read_grey(content, "x", **options).pixels)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth, colour, row, *more, width=2, height=1):
    """Return a PNG whose rows are all the same bytes.

    Args:
        depth, colour: bits of each value, and 0 for grey, 2 for RGB, 4 and 6 for those with alpha.
        row: the bytes of one.
        more: chunks before the pixels.
        width, height: in pixels.
    """
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = zlib.compress((b"\0" + row) * height)
    chunks = (chunk(b"IHDR", header), *more, chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def key(*levels):
    """Return the chunk that makes one grey or colour of a PNG transparent."""
    return chunk(b"tRNS", struct.pack(f">{len(levels)}H", *levels))


def test_sixteen_bit_is_scaled_not_cut():
    levels = NOISE.astype(np.uint16) * 257
    np.testing.assert_array_equal(grey(encoded(Image.fromarray(levels))), NOISE)


def test_white_of_sixteen_bits_is_what_the_user_says_else_all_bits():
    content = png(16, 0, struct.pack(">HH", 1023, 512))
    assert grey(content).tolist() == [[4, 2]]
    assert grey(content, full_scale=1023).tolist() == [[255, 128]]
    assert read_grey(content, "x").peak == 1023
    # PNG scales the significant bits to the whole range, and names their number all the same.
    significant = png(16, 0, struct.pack(">HH", 65_535, 512), chunk(b"sBIT", bytes([10])))
    assert grey(significant).tolist() == [[255, 2]]


def test_white_of_eight_bits_is_what_the_user_says():
    assert grey(png(8, 0, bytes([1, 0])), full_scale=1).tolist() == [[255, 0]]
    # It can only mean the images of 16 bits beside this one.
    assert grey(png(8, 0, bytes([200, 0])), full_scale=1023).tolist() == [[200, 0]]


def test_values_above_the_full_scale_are_refused():
    with pytest.raises(DataError, match="x has values up to 1,023, above the full scale 255"):
        grey(png(16, 0, struct.pack(">HH", 1023, 512)), full_scale=255)


def test_sixteen_bits_of_colour_keep_their_upper_eight_and_take_no_other_scale():
    content = png(16, 2, struct.pack(">6H", *[40_000] * 3, *[1023] * 3))
    assert grey(content).tolist() == [[156, 3]]
    with pytest.raises(DataError, match="colours of 16 bits, of which 8 are read"):
        grey(content, full_scale=1023)


@pytest.mark.parametrize("level", [15, 255])
def test_the_peak_of_sixteen_bit_colours_is_on_their_scale(level):
    content = png(16, 2, struct.pack(">6H", *[level * 257] * 3, *[0] * 3))
    assert read_grey(content, "x").peak == level * 257


@pytest.mark.parametrize("peak", [1, 1023, 4095])
def test_sixteen_bits_that_hold_fewer_are_told(peak):
    white = {1: 255, 1023: 1023, 4095: 4095}[peak]
    with pytest.warns(UserWarning, match=f"x: values reach .*say --full-scale {white}$"):
        warn_of_few_bits(peak, "x")


@pytest.mark.parametrize("peak", [0, 4096, 65_535])
def test_black_and_bright_images_of_sixteen_bits_are_not(peak):
    warn_of_few_bits(peak, "x")


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


@pytest.mark.parametrize(
    ("depth", "colour", "row", "used", "unused"),
    [
        (1, 0, b"\x80", (1,), None),
        (2, 0, b"\xc0", (3,), (1,)),
        (4, 0, b"\xf0", (15,), (14,)),
        (8, 0, bytes([3, 4]), (4,), (5,)),
        (16, 0, struct.pack(">HH", 300, 40_000), (300,), (301,)),
        (8, 2, bytes([1, 2, 3, 4, 5, 6]), (4, 5, 6), (1, 2, 6)),
        (16, 2, struct.pack(">6H", *[300] * 3, *[40_000] * 3), (300,) * 3, (300, 300, 40_000)),
    ],
)
def test_a_transparent_colour_is_refused_where_a_pixel_has_it(depth, colour, row, used, unused):
    with pytest.raises(DataError, match="x has transparent pixels"):
        grey(png(depth, colour, row, key(*used)))
    if unused is not None:
        plain = grey(png(depth, colour, row))
        np.testing.assert_array_equal(grey(png(depth, colour, row, key(*unused))), plain)


@pytest.mark.parametrize(("colour", "row"), [(4, (300, 30_000)), (6, (300, 300, 300, 30_000))])
def test_sixteen_bits_with_alpha(colour, row):
    def image(*levels):
        return png(16, colour, struct.pack(f">{2 * len(levels)}H", *levels * 2))

    with pytest.raises(DataError, match="x has transparent pixels"):
        grey(image(*row))
    assert grey(image(*row[:-1], 65_535)).tolist() == [[1, 1]]


def test_turned_upright_by_exif():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    row = grey(encoded(Image.fromarray(NOISE), exif=exif))
    np.testing.assert_array_equal(row, np.rot90(NOISE, -1))
    upright = read_grey(encoded(Image.fromarray(NOISE[:20]), exif=exif), "x")
    assert (upright.size, upright.pixels.size) == ((28, 20), (20, 28))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_damaged_exif_leaves_the_image_as_stored(kind):
    image = Image.new("L", (8, 8), 99)
    assert (grey(encoded(image, kind, exif=b"Exif\0\0damaged")) == 99).all()


def several_pictures():
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    return encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=100)


def test_the_first_picture_of_several_in_a_jpeg():
    content = several_pictures()
    assert Image.open(io.BytesIO(content)).is_animated
    assert np.abs(grey(content).astype(int) - NOISE).max() <= 4
    # A second one that is cut off does not matter.
    np.testing.assert_array_equal(grey(content[:-100]), grey(content))


@pytest.mark.real_data
@pytest.mark.skipif(not CASES.exists(), reason="the cases are not beside the checkout")
def test_the_first_picture_of_a_cameras_jpeg():
    path = CASES / "two-pictures.jpg"
    with Image.open(path) as image:
        first = np.asarray(image.convert("L"))
    np.testing.assert_array_equal(grey(path.read_bytes()), first)


def smooth(width, height):
    """Return a JPEG of a bright spot on grey, of any size."""
    spot = Image.radial_gradient("L").resize((64, 64)).rotate(30, fillcolor=90)
    return encoded(spot.resize((width, height)).convert("RGB"), "JPEG")


def test_a_large_jpeg_is_decoded_smaller_and_gives_the_same_row(monkeypatch):
    content = smooth(640, 480)
    whole, _ = read_pixels(content, "x", (28, 28), "stretch")
    monkeypatch.setattr(image_file, "DECODED_WHOLE", 640 * 480 - 1)
    row, found = read_pixels(content, "x", (28, 28), "stretch")
    assert (found.pixels.size, found.size) == ((160, 120), (480, 640))
    assert np.abs(row.astype(int) - whole).max() <= 1
    # Not where the row needs the pixels.
    assert read_pixels(content, "x", (28, 200), "stretch")[1].pixels.size == (640, 480)
    assert read_grey(content, "x").pixels.size == (640, 480)


def test_a_jpeg_may_have_more_pixels_than_are_decoded(monkeypatch):
    monkeypatch.setattr(image_file, "DECODED_WHOLE", 1_000)
    monkeypatch.setattr(image_file, "MAX_DECODED_PIXELS", 20_000)
    assert read_pixels(smooth(640, 480), "x", (28, 28), "crop")[1].pixels.size == (160, 120)
    for content, size in (
        (smooth(640, 480), (100, 100)),
        (encoded(Image.new("L", (640, 480)), "JPEG", progressive=True), (28, 28)),
        (encoded(Image.new("L", (640, 480))), (28, 28)),
    ):
        with pytest.raises(DataError, match="x has 640 x 480 pixels, at most 20,000"):
            read_pixels(content, "x", size, "stretch")
    monkeypatch.setattr(image_file, "MAX_PIXELS", 300_000)
    with pytest.raises(DataError, match="x has 640 x 480 pixels, at most 300,000"):
        read_pixels(smooth(640, 480), "x", (28, 28), "stretch")


@pytest.mark.real_data
@pytest.mark.skipif(not CASES.exists(), reason="the cases are not beside the checkout")
def test_the_photograph_of_a_camera_gives_the_row_of_the_public_recipe():
    path = CASES / "sizes" / "7" / "camera-3024x3024.jpg"
    row, found = read_pixels(path.read_bytes(), "x", (28, 28), "stretch")
    assert found.size == (3024, 3024)
    with Image.open(path) as image:
        upright = image.convert("L").transpose(Image.Transpose.ROTATE_270)
    expected = np.asarray(upright.resize((28, 28), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(row.reshape(28, 28), expected)


def bomb(width, height):
    """Return a PNG whose header claims a size; its pixels are missing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bomb(10_000, 10_001), "10,000 x 10,001 pixels, at most 100,000,000"),
        (bomb(50_000, 50_000), "over 100,000,000 pixels"),
        (encoded(Image.fromarray(NOISE))[:-40], "is damaged, or not a PNG"),
        (encoded(Image.fromarray(NOISE))[:20], "is damaged, or not a PNG"),
        (b"", "is damaged, or not a PNG"),
        (b"text", "is damaged, or not a PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is damaged, or not a PNG"),
        (encoded(Image.fromarray(NOISE), "TIFF"), "is damaged, or not a PNG"),
        (encoded(Image.fromarray(NOISE), "PPM"), "is damaged, or not a PNG"),
        (b"SIMPLE  =                    T".ljust(2880), "is damaged, or not a PNG"),
    ],
    ids=["cap", "bomb", "cut", "head", "empty", "text", "svg", "tiff", "ppm", "fits"],
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
            assert read_grey(bytes(changed), "x").pixels.mode == "L"
