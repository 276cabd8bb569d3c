"""Programs as the epoch loop takes them, and whom to blame for what they raise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.contract import ManyProgram, Program, Steps, TrainingState
from samplewise.errors import ContractError, SamplewiseError


class Alone(ManyProgram):
    """A program of one network, as one of many networks."""

    def __init__(self, program: Program) -> None:
        self._program, self.plan = program, program.plan

    def warm_up(self) -> None:
        """Warm the program up."""
        self._program.warm_up()

    def run_epoch(
        self,
        states: Sequence[TrainingState],
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Steps],
        losses: NDArray[Any],
        active: Sequence[int],
    ) -> None:
        """Train the only network."""
        del active
        self._program.run_epoch(states[0], X, Y, steps[0], losses[0])

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Bring the only state out of the program."""
        self._program.synchronize(states[0])


@contextmanager
def blamed_on(backend: str) -> Iterator[None]:
    """Turn what a backend raises into an error that names it; memory may run out anywhere."""
    try:
        yield
    except (SamplewiseError, MemoryError):
        raise
    except Exception as error:
        what = printable(f"{type(error).__name__}: {error}")
        raise ContractError(f"backend '{backend}' raised {what}") from error
