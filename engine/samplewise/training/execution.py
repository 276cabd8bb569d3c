"""Programs as the epoch loop takes them, and whom to blame for what they raise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

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


class Reading(Protocol):
    """What can be learnt of a network between two stretches."""

    def weights(self) -> NDArray[Any]:
        """Return the parameters, which change as training goes on."""
        ...

    def logits(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits of rows."""
        ...

    def predict(self, parameters: NDArray[Any], X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits that other parameters give."""
        ...


class Readings:
    """Reads the networks of a program at the end of an epoch.

    Args:
        backend: its name, for errors.
        program: of all networks.
        predictors: of each; empty where no logits are wanted.
        states: of each.
    """

    def __init__(
        self,
        backend: str,
        program: ManyProgram,
        predictors: Sequence[Program],
        states: Sequence[TrainingState],
    ) -> None:
        self.backend, self._program = backend, program
        self.predictors, self.states = predictors, states
        self._synchronized = False

    def synchronize(self) -> None:
        """Bring the networks out of the program, once for all."""
        if not self._synchronized:
            with blamed_on(self.backend):
                self._program.synchronize(self.states)
            self._synchronized = True


class ReadingOf(Reading):
    """Reads one of the networks.

    Args:
        all_networks: of the program.
        index: of this one.
    """

    def __init__(self, all_networks: Readings, index: int) -> None:
        self._all, self._index = all_networks, index

    def weights(self) -> NDArray[Any]:
        """Return the parameters, brought out of the program."""
        self._all.synchronize()
        return self._all.states[self._index].parameters

    def logits(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits of rows; several networks are brought out of their program first."""
        if len(self._all.states) > 1:
            self._all.synchronize()
        with blamed_on(self._all.backend):
            return self._all.predictors[self._index].logits(self._all.states[self._index], X)

    def predict(self, parameters: NDArray[Any], X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits that other parameters give."""
        with blamed_on(self._all.backend):
            return self._all.predictors[self._index].predict(parameters, X)


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
