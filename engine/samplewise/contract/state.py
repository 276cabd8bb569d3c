"""What a program reads and updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class TrainingState:
    """All that a step changes.

    Args:
        parameters: flat vector of the network's layout, (P,), 64-byte aligned.
        optimizer_state: the optimizer's slots one after the other, (slots * P,), aligned.
        step: updates made so far; the engine counts.
    """

    parameters: NDArray[Any]
    optimizer_state: NDArray[Any]
    step: int = 0


@dataclass(frozen=True)
class Steps:
    """Consecutive steps of one epoch: the batches of `order[start:stop]`.

    Args:
        order: int64 (n,), the rows in the order of the epoch. The engine passes the same array
            object as long as the order stays the same, and never writes to it.
        start, stop: the window; `start` is a multiple of `batch_size`, and `stop` too unless it
            is n.
        batch_size: rows of a step; the last batch of the epoch may be shorter.
        learning_rate: of every step here.
        dropout_key: of the epoch, 64 bits; `contract.dropout` makes masks of it.
    """

    order: NDArray[np.int64]
    start: int
    stop: int
    batch_size: int
    learning_rate: float
    dropout_key: int = 0
