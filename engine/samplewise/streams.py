"""One seed, named random streams. Only the engine draws; a backend holds no randomness.

Each draw is a function of (seed, stream, epoch): no generator outlives the call that made it, so
training that continues from the middle makes the same draws as one without a stop.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray

from samplewise.checks import whole_number

# A stream's number is part of what a seed means: never renumber, only append.
_OF_A_RUN = {"init": 0, "split": 3}
_OF_AN_EPOCH = {"order": 1, "dropout": 2, "augment": 4}


class Streams:
    """The random streams of one seed, independent of each other.

    Args:
        seed: whole number from 0 on.

    Raises:
        ParameterError: `seed` is not such a number.
    """

    def __init__(self, seed: int) -> None:
        self.seed = whole_number("seed", seed, minimum=0)

    def of_run(self, name: str) -> Generator:
        """Return a new generator of a stream that is drawn from once: "init" or "split".

        Raises:
            KeyError: the stream is drawn from in every epoch.
        """
        return Generator(PCG64(SeedSequence(self.seed, spawn_key=(_OF_A_RUN[name],))))

    def of_epoch(self, name: str, epoch: int) -> Generator:
        """Return a new generator of a stream in an epoch: "order", "dropout" or "augment".

        Args:
            name: of the stream.
            epoch: counted from 1.

        Raises:
            KeyError: the stream is drawn from once in a run.
            ParameterError: the epoch is not a whole number from 1 to 2**32 - 1.
        """
        seeds = _seeds_of_epochs(self.seed, _OF_AN_EPOCH[name])
        words = seeds.of(whole_number("epoch", epoch, maximum=_MASK))
        # NumPy's annotation has no `ISeedSequence`, which its documentation has.
        return Generator(PCG64(words))  # type: ignore[arg-type]


# Of `SeedSequence`: constants that hash words into its pool, mix two words, and hash words out.
_MASK = 2**32 - 1
_INTO, _INTO_TIMES, _OUT, _OUT_TIMES = 0x43B0D7E5, 0x931E8875, 0x8B51F9DD, 0x58F38DED
_MIX_LEFT, _MIX_RIGHT = 0xCA01F9DD, 0x4973F715
_POOL, _WORDS = 4, 8


class _SeedsOfEpochs:
    """The seeds that NumPy's `SeedSequence(seed, spawn_key=(stream, epoch))` gives to PCG64.

    Seed and stream are mixed once, by NumPy; an epoch is one word more, in a third of the time.
    Source: O'Neill (2015), "Developing a seed_seq Alternative", with the constants of NumPy.
    """

    def __init__(self, seed: int, stream: int) -> None:
        pool = SeedSequence(seed, spawn_key=(stream,)).pool
        self._left = [_MIX_LEFT * int(word) for word in pool]
        # Words before that of the epoch: the seed, filled up to the pool, and the stream.
        words = max(-(-seed.bit_length() // 32), _POOL) + 1
        hashed = _POOL * _POOL + _POOL * (words - _POOL)
        self._into = _constants(_INTO * pow(_INTO_TIMES, hashed, 2**32), _INTO_TIMES, _POOL)

    def of(self, epoch: int) -> _Seeds:
        """Return the seeds of an epoch, from 1 to 2**32 - 1."""
        pool = []
        for left, (first, second) in zip(self._left, self._into, strict=True):
            word = (epoch ^ first) * second & _MASK
            word = left - _MIX_RIGHT * (word ^ word >> 16) & _MASK
            pool.append(word ^ word >> 16)
        words = []
        for word, (first, second) in zip(2 * pool, _OUT_OF_POOL, strict=True):
            hashed = (word ^ first) * second & _MASK
            words.append(hashed ^ hashed >> 16)
        halves = zip(words[::2], words[1::2], strict=True)
        return _Seeds([low | high << 32 for low, high in halves])


class _Seeds(ISeedSequence):
    """Seeds that are known already: the four words of 64 bits that PCG64 asks for."""

    def __init__(self, words: list[int]) -> None:
        self._words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint64) -> NDArray[Any]:
        """Return the first words."""
        return np.array(self._words[:n_words], dtype)


def _constants(first: int, times: int, count: int) -> list[tuple[int, int]]:
    """Return the two constants of each of some hashes, which follow one another."""
    return list(pairwise(first * pow(times, power, 2**32) & _MASK for power in range(count + 1)))


_OUT_OF_POOL = _constants(_OUT, _OUT_TIMES, _WORDS)
_seeds_of_epochs = lru_cache(maxsize=256)(_SeedsOfEpochs)
