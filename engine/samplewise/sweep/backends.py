"""The backends and devices that a sweep names, looked for before its first trial."""

from __future__ import annotations

from samplewise import registry
from samplewise.errors import UnavailableBackendError, UnknownBackendError
from samplewise.sweep.definition import Sweep
from samplewise.sweep.points import Grid
from samplewise.sweep.trials import named

_WORDS = ("backend", "device")


def check_backends(sweep: Sweep) -> None:
    """Refuse backends and devices that are not on this machine.

    Raises:
        UnknownBackendError, UnavailableBackendError: the message names the values of the space.
    """
    training, factors = sweep.base.training, sweep.space.factors
    fixed = {word: getattr(training, word) for word in _WORDS}
    listed = {w: factor for w in _WORDS if isinstance(factor := factors.get(w), tuple)}
    for values in Grid(listed):
        chosen = fixed | values
        try:
            registry.check_here(chosen["backend"], chosen["device"])
        except (UnknownBackendError, UnavailableBackendError) as error:
            where = f"space ({named(values)}): " if values else ""
            raise type(error)(f"{where}{error}") from error
