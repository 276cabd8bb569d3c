"""The duties of a plan once it is chosen: to train some networks, and to give up their state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

from samplewise.contract import Steps, TrainingState
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.plans.arrays import Matrix, Vector

# Networks' records of several windows that outlive their training: up to 1 KB each.
KEPT_RECORDS = 1024
# One of each network that trains: its state, its steps, and the array for its losses.
States = Sequence[TrainingState]
Windows = Sequence[Steps]
Losses = Sequence[Vector] | Matrix


class Trainer:
    """Runs a plan for some networks; by default the states hold all of it between calls."""

    def prepare(
        self, states: States, X: Matrix, Y: Matrix, steps: Sequence[Windows], losses: Matrix
    ) -> Callable[[int], None]:
        """Prepare windows, such as epochs; return a function that runs the window of a number.

        The steps of a window push Python's code out of the caches: what is done before the first
        one takes half the time. Nobody writes to `states` in between, and nobody but the
        caller counts their steps. `losses` are (windows, networks, n).
        """
        raise NotImplementedError

    def company(self) -> AbstractContextManager[None]:
        """Return a context to run prepared windows in: the threads that take part live as long."""
        return nullcontext()

    def run(self, states: States, X: Matrix, Y: Matrix, steps: Windows, losses: Matrix) -> None:
        """Run a window of each network."""
        run = self.prepare(states, X, Y, [steps], losses[None])
        with self.company():
            run(0)

    def forget(self) -> None:
        """Let go of the arrays of a training; the next one has the bits of a new trainer."""
        raise NotImplementedError

    def synchronize(self, states: States) -> None:
        """Bring parameters that the plan keeps elsewhere into the states."""

    def held_state(self, states: States) -> dict[str, Matrix]:
        """Return copies of the state that the plan keeps elsewhere, by names of its own."""
        return {}

    def restore(self, states: States, X: Matrix, held: Mapping[str, Matrix]) -> None:
        """Go on from states and what `held_state` returned with them."""

    def first_values(self, states: States, X: Matrix) -> Matrix | None:
        """Return the first layers' products with X, (rows, R), or None where the states have W."""
        return None


Records = TypeVar("Records", bound=Struct)


class OfWindows(Generic[Records]):
    """Settled records, and as many copies of them as there are windows."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._repeated: Records | None = None

    def of(self, windows: int) -> Records:
        """Return the records of so many windows, those of a window side by side."""
        if windows == 1:
            return self._records
        count = windows * len(self._records.memory)
        if self._repeated is None or len(self._repeated.memory) != count:
            self._repeated = self._records.repeated(windows)
        return self._repeated

    def forget(self) -> None:
        """Let go of the copies' arrays; few copies stay. The records forget by themselves."""
        if self._repeated is None:
            return
        kept = len(self._repeated.memory) <= KEPT_RECORDS
        self._repeated.forget()
        self._repeated = self._repeated if kept else None
