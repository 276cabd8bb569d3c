"""`python new_process.py FILE`: do the work that FILE holds, in a process that does nothing else.

It writes the seconds that reading the file took: those of a peer's own bookkeeping, which a script
of that library would not have. NumPy, which all of them import, is not part of that; samplewise,
whose import a process of its own times, is imported by the work.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from samplewise import Network, TrainingSettings


@dataclass(frozen=True, eq=False)
class PublicCall:
    """A task as a user of samplewise gives it: by `train_many`, or `train` for each network."""

    networks: Sequence[Network]
    X: Any
    targets: Any
    settings: Sequence[TrainingSettings]
    at_once: bool

    def __call__(self) -> None:
        """Train every network from its initial weights."""
        from samplewise import train, train_many

        if self.at_once:
            train_many(self.networks, self.X, self.targets, self.settings)
            return
        for network, settings in zip(self.networks, self.settings, strict=True):
            train(network, self.X, self.targets, settings)


if __name__ == "__main__":
    np.zeros(1)
    began = time.perf_counter()
    work = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - written by our parent
    read_s = time.perf_counter() - began
    work()
    sys.stdout.write(f"{read_s}\n")
