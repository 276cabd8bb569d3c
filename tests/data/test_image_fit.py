"""Images of one shape brought to another."""

import numpy as np
import pytest
from PIL import Image

from samplewise.data.sources.image_fit import fitted
from samplewise.data.sources.options import FITS

# Bright left, dark right, on a third of the height; 30 wide and 10 high.
WIDE = np.repeat(np.repeat([[200, 200, 40]], 10, axis=0), 10, axis=1).astype(np.uint8)


def fit(pixels, size, how):
    return np.asarray(fitted(Image.fromarray(pixels), size, how))


@pytest.mark.parametrize("how", FITS)
def test_an_image_of_the_size_is_untouched_and_one_of_the_shape_only_resized(how):
    np.testing.assert_array_equal(fit(WIDE, (10, 30), how), WIDE)
    expected = Image.fromarray(WIDE).resize((15, 5), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(fit(WIDE, (5, 15), how), expected)


def test_stretching_keeps_everything_and_no_proportion():
    square = fit(WIDE, (30, 30), "stretch")
    assert (square[:, :15] == 200).all()
    assert (square[:, 25:] == 40).all()


def test_cropping_fills_the_size_with_the_middle():
    np.testing.assert_array_equal(fit(WIDE, (10, 10), "crop"), WIDE[:, 10:20])
    np.testing.assert_array_equal(fit(WIDE.T, (10, 10), "crop"), WIDE.T[10:20])


def test_padding_keeps_the_whole_image_between_borders_of_its_edges_grey():
    framed = WIDE.copy()
    framed[[0, -1], :25] = 90
    square = fit(framed, (30, 30), "pad")
    np.testing.assert_array_equal(square[10:20], framed)
    # The left and right edges touch no border, and most of the image is bright.
    assert (np.delete(square, np.s_[10:20], axis=0) == 90).all()
    np.testing.assert_array_equal(fit(framed.T, (30, 30), "pad"), square.T)


@pytest.mark.parametrize("how", FITS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (7, 5)])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (28, 28)])
def test_any_shape_gives_the_size(how, shape, size):
    assert fit(np.full(shape, 77, np.uint8), size, how).tolist() == np.full(size, 77).tolist()
