"""The state and the history with which the training of a network begins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import TrainingState
from samplewise.network import Loss, Network, aligned_zeros, initialize
from samplewise.registry import Choice
from samplewise.streams import Streams
from samplewise.training.history import History
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.settings.training_settings import TrainingSettings


def first_state(
    network: Network,
    settings: TrainingSettings,
    dtype: np.dtype[Any],
    parameters: NDArray[Any] | None,
) -> TrainingState:
    """Return a state of no steps: drawn weights or these parameters, and empty optimizer slots."""
    if parameters is None:
        rng = Streams(settings.seed).of_run("init")
        weights = initialize(network, settings.init, rng, dtype)
    else:
        weights = network.layout.zeros(dtype)
        weights[...] = parameters
    return TrainingState(weights, aligned_zeros(settings.optimizer.slots * len(weights), dtype))


def new_history(
    network: Network, loss: Loss, settings: TrainingSettings, rows: TrainingRows, choice: Choice
) -> History:
    """Return a history without epochs, not compiled yet."""
    notes = list(rows.notes)
    if settings.batch_size > len(rows):
        notes.append(
            f"batch_size is {settings.batch_size}, but there are {len(rows)} rows; "
            "all rows make one batch"
        )
    return History(
        backend=choice.backend.name,
        backend_reason=choice.reason,
        settings={**settings.to_options(), "loss": loss.name},
        network=network.to_dict(),
        environment={},
        fingerprint=rows.fingerprint,
        deterministic=choice.backend.capabilities.deterministic and settings.threads == 1,
        compile_ms=0.0,
        rows=len(rows),
        validation_rows=0 if rows.validation is None else len(rows.validation),
        notes=notes,
    )
