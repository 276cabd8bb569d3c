"""A task as a user of samplewise gives it: the public functions `train` and `train_many`.

A new process reads this module before it imports samplewise, whose import it times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from samplewise import Network, TrainingSettings


@dataclass(frozen=True, eq=False)
class PublicCall:
    """Arguments of one call of `train_many`, or of `train` for each network.

    Args:
        networks: to train.
        X, targets: as `train`.
        settings: of each network.
        at_once: train all by one call.
    """

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
