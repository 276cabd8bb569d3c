"""One seed, independent named streams."""

import pytest

from samplewise.errors import ParameterError
from samplewise.streams import Streams


def test_a_stream_starts_anew_each_time():
    streams = Streams(5)
    assert streams.generator("init").random() == streams.generator("init").random()


def test_streams_and_seeds_differ():
    draws = {
        Streams(seed).generator(name).random()
        for seed in (0, 1)
        for name in ("init", "order", "dropout", "split")
    }
    assert len(draws) == 8


def test_the_meaning_of_a_seed_is_pinned():
    # A change here changes the results of every user's seed.
    assert Streams(0).generator("init").integers(10**6, size=3).tolist() == PINNED


PINNED = [802237, 942937, 5483]


@pytest.mark.parametrize("seed", [-1, 1.0, "0", True, None])
def test_a_seed_is_a_whole_number_from_zero_on(seed):
    with pytest.raises(ParameterError, match="seed"):
        Streams(seed)
