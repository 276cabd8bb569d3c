"""Networks that train at once: figures of all of them, and the run that they share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samplewise.training.history import SharedRun
from samplewise.training.training_run import TrainingRun
from samplewise.training.user_functions import number_of


def ensemble_figures(runs: Sequence[TrainingRun], epoch: int) -> dict[str, float | None]:
    """Return the figures of all networks that have not diverged, after an epoch from 1."""
    first = runs[0]
    held = first.rows.validation
    ensemble = first.functions.ensemble
    if not ensemble or held is None:
        return {}
    going = [run for run in runs if run.error is None]
    if not going:
        return {}
    predictions = np.stack([run.predictions(epoch) for run in going])
    return {
        name: number_of("ensemble", name, of(first.evaluation.targets_of(held), predictions))
        for name, of in ensemble.items()
    }


def keep_shared_run(
    runs: Sequence[TrainingRun], epoch_ms: Sequence[float], synchronize_ms: float
) -> None:
    """Write into each history the run that all networks shared.

    Args:
        runs: ended.
        epoch_ms: of all networks, in milliseconds, of each epoch.
        synchronize_ms: of all networks, after the last one.
    """
    ms = sum(epoch_ms) + synchronize_ms
    work = [run.network.multiply_adds * run.samples_run for run in runs]
    total = sum(work)
    for index, run in enumerate(runs):
        share = work[index] / total if total else 0.0
        run.history.shared = SharedRun(
            networks=len(work),
            index=index,
            all_networks_ms=ms,
            all_networks_epoch_ms=list(epoch_ms),
            multiply_add_share=share,
            estimated_ms=ms * share,
        )
