"""One seed, named random streams. Only the engine draws; a backend holds no randomness."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from samplewise.checks import whole_number

# A stream's number is part of what a seed means: never renumber, only append.
_NUMBERS = {"init": 0, "order": 1, "dropout": 2, "split": 3, "augment": 4}


class Streams:
    """The random streams of one run.

    Streams are independent of each other: drawing more from one never shifts another.

    Args:
        seed: whole number from 0 on.

    Raises:
        ParameterError: `seed` is no such number.
    """

    def __init__(self, seed: int) -> None:
        self.seed = whole_number("seed", seed, minimum=0)

    def generator(self, name: str) -> Generator:
        """Return a new generator at the start of the stream `name` (a key of the streams)."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(_NUMBERS[name],))
        return Generator(np.random.PCG64(sequence))
