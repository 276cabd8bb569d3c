"""The values that dropout keeps, worked out with whole numbers of any length."""

import numpy as np
import pytest

from samplewise.contract import dropout

WORD = 2**64


def mixed(word):
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
    return word ^ (word >> 31)


def kept(key, position, layer, value, rate):
    golden = 0x9E3779B97F4A7C15
    start = mixed((mixed((key + golden * (position + 1)) % WORD) + layer) % WORD)
    return mixed((start + golden * (value + 1)) % WORD) >> 32 >= round(rate * 2**32)


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.8])
def test_the_values_kept_follow_from_key_position_layer_and_number(rate):
    positions = [0, 1, 7, 1000]
    for key, layer in ((0, 0), (3, 2), (2**64 - 1, 5)):
        found = dropout.kept(key, positions, layer, 9, rate)
        wanted = [[kept(key, at, layer, j, rate) for j in range(9)] for at in positions]
        assert found.tolist() == wanted


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_is_the_share_that_is_dropped(rate):
    share = dropout.kept(1, np.arange(200), 3, 500, rate).mean()
    # 100,000 values: the deviation of the share is at most 0.0016.
    assert share == pytest.approx(1 - rate, abs=0.008)
