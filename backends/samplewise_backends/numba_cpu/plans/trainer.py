"""The duties of a plan once it is chosen: to train some networks, and to give up their state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState

Matrix = NDArray[Any]


class Trainer(Protocol):
    """Runs a plan for some networks."""

    def run(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
    ) -> None:
        """Run all steps; `states`, `steps` and rows of `losses` are the members'."""
        ...

    def epochs(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Sequence[Steps]],
        losses: Matrix,
    ) -> Callable[[int], None]:
        """Prepare whole epochs; return what runs one of them by its number, each in its turn.

        Args:
            states: the members'; nobody counts their steps in between but the caller.
            X: rows.
            Y: targets.
            steps: of each epoch those of the members.
            losses: (epochs, members, n), written.
        """
        return lambda epoch: self.run(states, X, Y, steps[epoch], losses[epoch])

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
