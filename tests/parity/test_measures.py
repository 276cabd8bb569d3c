"""The differences that a measure finds and allows, worked out by hand."""

import math

import numpy as np
import pytest

from samplewise.network import Dense, Network
from samplewise.testing import measures
from samplewise.testing.tolerances import Tolerance

ALLOWED = Tolerance(1 / 16, 1 / 128, "of the test")
LAYOUT = Network((2,), (Dense(1),)).layout


def test_an_entry_is_allowed_its_own_size():
    """The largest difference is not the worst one: 5 of 100 are less than a half of 0.5."""
    want = np.array([100.0, 0.5, 0.0])
    found = measures.entries("x", want + np.array([5.0, 0.25, 0.0]), want, ALLOWED)
    assert (found.difference, found.allowed) == (0.25, 0.5 / 16 + 1 / 128)
    assert not found.passed
    assert measures.entries("x", want + np.array([5.0, 0.03, 1 / 128]), want, ALLOWED).passed


def test_losses_are_allowed_the_size_of_the_largest_but_at_least_of_1():
    small = np.array([0.25, 0.5])
    found = measures.losses(small + np.array([0.0, 0.0625]), small, ALLOWED)
    assert (found.difference, found.allowed) == (0.0625, 1 / 16 + 1 / 128)
    large = np.array([0.25, -4.0])
    assert measures.losses(large, large, ALLOWED).allowed == 4 / 16 + 1 / 128
    assert measures.losses(large, large, ALLOWED).difference == 0


def test_each_tensor_is_allowed_the_size_of_the_largest_weight_of_all():
    want = LAYOUT.zeros("float64")
    views = LAYOUT.views(want)
    views["0.weight"][...], views["0.bias"][...] = [[2.0, -8.0]], 0.5
    got = want.copy()
    LAYOUT.views(got)["0.bias"][...] += 0.25
    weight, bias = measures.layers("weights", LAYOUT, got, want, ALLOWED)
    assert (weight.what, weight.difference, weight.allowed) == (
        *("weights 0.weight", 0.0),
        8 / 16 + 1 / 128,
    )
    assert (bias.what, bias.difference, bias.allowed) == ("weights 0.bias", 0.25, 8 / 16 + 1 / 128)


@pytest.mark.parametrize(
    ("difference", "allowed", "ratio", "passed"),
    [
        (0.5, 1.0, 0.5, True),
        (1.0, 1.0, 1.0, True),
        (3.0, 2.0, 1.5, False),
        (0.0, 0.0, 0.0, True),
        (0.5, 0.0, math.inf, False),
        (math.nan, 1.0, math.inf, False),
        (math.inf, 1.0, math.inf, False),
    ],
)
def test_the_ratio_says_how_near_to_failing(difference, allowed, ratio, passed):
    found = measures.Measure("x", difference, allowed)
    assert (found.ratio, found.passed) == (ratio, passed)


@pytest.mark.parametrize("got", [np.zeros(4), np.zeros(3, np.float32)], ids=["shape", "dtype"])
def test_another_shape_or_dtype_never_passes(got):
    assert not measures.entries("x", got, np.zeros(3), ALLOWED).passed
    assert not measures.losses(got, np.zeros(3), ALLOWED).passed
    assert not measures.same_bits("x", got, np.zeros(3)).passed
