"""The backends and devices that the trials of a sweep name, looked for before the first trains."""

from __future__ import annotations

from collections.abc import Iterable

from samplewise import registry
from samplewise.errors import UnavailableBackendError, UnknownBackendError
from samplewise.sweep.trials import Trial, named

PLACE_WORDS = ("backend", "device")
"""The words of the settings that say what computes."""


def check_backends(trials: Iterable[Trial]) -> None:
    """Refuse backends and devices that are not on this machine.

    Args:
        trials: of those that differ in no word of `PLACE_WORDS`, one is enough.

    Raises:
        UnknownBackendError, UnavailableBackendError: the message names the candidate.
    """
    for trial in trials:
        training = trial.experiment.training
        try:
            registry.check_here(training.backend, training.device)
        except (UnknownBackendError, UnavailableBackendError) as error:
            where = f"candidate {trial.candidate} ({named(trial.values)}): " if trial.values else ""
            raise type(error)(f"{where}{error}") from error
