"""One seed, independent named streams."""

import pytest

from samplewise.errors import ParameterError
from samplewise.streams import Streams

PINNED = {
    "init": [802237, 942937, 5483],
    "order": [662052, 677196, 352792],
    "dropout": [656380, 838271, 462845],
    "split": [892460, 364433, 310224],
}


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


@pytest.mark.parametrize("name", PINNED)
def test_the_meaning_of_a_seed_is_pinned(name):
    # A change here changes the results of every user's seed.
    assert Streams(0).generator(name).integers(10**6, size=3).tolist() == PINNED[name]


@pytest.mark.parametrize("seed", [-1, 1.0, "0", True, None])
def test_a_seed_is_a_whole_number_from_zero_on(seed):
    with pytest.raises(ParameterError, match="seed"):
        Streams(seed)
