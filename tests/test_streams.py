"""One seed, independent named streams, each draw a function of seed, stream and epoch."""

from pathlib import Path

import pytest

from samplewise.errors import ParameterError
from samplewise.streams import Streams

PINNED = {
    "init": [802237, 942937, 5483],
    "split": [892460, 364433, 310224],
}
OF_EPOCHS = {
    "order": ([400141, 589177, 130411], [695816, 53484, 112336]),
    "dropout": ([203566, 292950, 377542], [970409, 848434, 971406]),
    "augment": ([385974, 101271, 971449], [707514, 720021, 899212]),
}


def test_a_stream_starts_anew_each_time():
    streams = Streams(5)
    assert streams.of_run("init").random() == streams.of_run("init").random()
    assert streams.of_epoch("order", 3).random() == streams.of_epoch("order", 3).random()


def test_streams_seeds_and_epochs_differ():
    draws = {
        Streams(seed).of_epoch(name, epoch).random()
        for seed in (0, 1)
        for name in OF_EPOCHS
        for epoch in (1, 2, 3)
    }
    draws |= {Streams(seed).of_run(name).random() for seed in (0, 1) for name in PINNED}
    assert len(draws) == 22


@pytest.mark.parametrize("name", PINNED)
def test_the_meaning_of_a_seed_is_pinned(name):
    # A change here changes the results of every user's seed.
    assert Streams(0).of_run(name).integers(10**6, size=3).tolist() == PINNED[name]


@pytest.mark.parametrize("name", OF_EPOCHS)
def test_the_meaning_of_a_seed_in_an_epoch_is_pinned(name):
    for epoch, expected in enumerate(OF_EPOCHS[name], start=1):
        drawn = Streams(0).of_epoch(name, epoch).integers(10**6, size=3)
        assert drawn.tolist() == expected


@pytest.mark.parametrize("name", OF_EPOCHS)
def test_a_stream_of_epochs_cannot_be_drawn_from_without_one(name):
    with pytest.raises(KeyError, match=name):
        Streams(0).of_run(name)
    for epoch in (0, -1, 1.5, None):
        with pytest.raises(ParameterError, match="epoch"):
            Streams(0).of_epoch(name, epoch)


def test_a_stream_of_the_run_has_no_epochs():
    with pytest.raises(KeyError, match="init"):
        Streams(0).of_epoch("init", 1)


@pytest.mark.parametrize("seed", [-1, 1.0, "0", True, None])
def test_a_seed_is_a_whole_number_from_zero_on(seed):
    with pytest.raises(ParameterError, match="seed"):
        Streams(seed)


@pytest.mark.parametrize("draw", [lambda s: s.of_run("noise"), lambda s: s.of_epoch("noise", 1)])
def test_a_stream_that_there_is_not_cannot_be_drawn_from(draw):
    with pytest.raises(KeyError, match="noise"):
        draw(Streams(0))


ROOT = Path(__file__).parents[1]
ROOMS = [ROOT / "engine" / "samplewise" / room for room in ("contract", "training", "experiment")]


@pytest.mark.parametrize("room", [*ROOMS, ROOT / "backends"], ids=lambda room: room.name)
def test_no_room_that_trains_makes_or_keeps_a_generator(room):
    """All draws come from `Streams`, as functions of seed, stream and epoch."""
    apart = {"tests", "checks"}  # they make data, and train nothing by themselves
    paths = [one for one in room.rglob("*.py") if apart.isdisjoint(one.relative_to(room).parts)]
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("np.random", "default_rng", "Generator")), path
