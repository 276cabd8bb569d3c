"""The duties of a plan once it is chosen: to train some networks, and to give up their state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState

Matrix = NDArray[Any]


class Trainer(Protocol):
    """Runs a plan for some networks."""

    def windows(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Sequence[Steps]],
        losses: Matrix,
    ) -> Callable[[int], None]:
        """Prepare windows, such as epochs; return what runs one by its number, each in its turn.

        Behind the steps of a window, Python's code is no longer in the caches: what is done before
        the first one takes half the time.

        Args:
            states: the members'; nobody but the caller counts their steps, and nobody writes to
                them in between.
            X: rows.
            Y: targets.
            steps: of each window those of the members.
            losses: (windows, members, n), written.
        """
        ...

    def run(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
    ) -> None:
        """Run one window; `states`, `steps` and rows of `losses` are the members'."""
        self.windows(states, X, Y, [steps], losses[None])(0)

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Bring parameters that the plan keeps elsewhere into the states."""
        ...

    def held_state(self, states: Sequence[TrainingState]) -> dict[str, Matrix]:
        """Return copies of the state that the plan keeps elsewhere, by names of its own."""
        ...

    def restore(
        self, states: Sequence[TrainingState], X: Matrix, held: Mapping[str, Matrix]
    ) -> None:
        """Go on from states and what `held_state` returned with them."""
        ...

    def forget(self) -> None:
        """Let go of the arrays of a training; the next one has the bits of a new trainer."""
        ...

    def first_values(self, states: Sequence[TrainingState], X: Matrix) -> Matrix | None:
        """Return the first layers' products with X, (rows, R), or None where the states have W."""
        ...
