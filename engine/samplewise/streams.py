"""One seed, named random streams. Only the engine draws; a backend holds no randomness.

Each draw is a function of (seed, stream, epoch): no generator outlives the call that made it, so
training that continues from the middle makes the same draws as one without a stop.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

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
        return self._generator(_OF_A_RUN[name])

    def of_epoch(self, name: str, epoch: int) -> Generator:
        """Return a new generator of a stream in an epoch: "order", "dropout" or "augment".

        Args:
            name: of the stream.
            epoch: counted from 1.

        Raises:
            KeyError: the stream is drawn from once in a run.
            ParameterError: the epoch is not a whole number from 1 on.
        """
        return self._generator(_OF_AN_EPOCH[name], whole_number("epoch", epoch))

    def _generator(self, *key: int) -> Generator:
        return Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))
