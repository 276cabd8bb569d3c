"""The inputs of a program, and the state that it updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from samplewise.network import Network


# The fields of `Steps` that a backend need not follow, and the one that it need not write.
RATES, WEIGHTS, PENALTIES, DECISIONS = "rates", "weights", "penalties", "decisions"


def step_count(rows: int, batch_size: int) -> int:
    """Return the steps that rows take in batches, of which the last may be shorter."""
    return -(-rows // batch_size)


@dataclass
class TrainingState:
    """All that a step changes.

    Args:
        parameters: flat vector of the network's layout, (P,), 64-byte aligned.
        optimizer_state: the optimizer's slots one after the other, (slots * P,), aligned.
        step: updates made so far; the engine counts.
        network: that was trained, and alone may go on; None where any of this length may.
    """

    parameters: NDArray[Any]
    optimizer_state: NDArray[Any]
    step: int = 0
    network: Network | None = None

    def copy(self) -> TrainingState:
        """Return the state as it is now, in arrays of its own."""
        parameters, slots = self.parameters.copy(), self.optimizer_state.copy()
        return TrainingState(parameters, slots, self.step, self.network)

    def go_back(self, earlier: TrainingState) -> None:
        """Write an earlier `copy` into the arrays of this state."""
        self.parameters[...] = earlier.parameters
        self.optimizer_state[...] = earlier.optimizer_state
        self.step = earlier.step


@dataclass(frozen=True)
class Steps:
    """Consecutive steps of one epoch: the batches of `order[start:stop]`.

    A backend follows `rates`, `weights`, and `l2` with `penalties`, only where its
    `Capabilities.step_fields` name "rates", "weights" and "penalties"; others never see them set.

    Args:
        order: int64 (n,), the rows in the order of the epoch. The engine passes the same array
            object as long as the order stays the same, and never writes to it.
        start, stop: the window; `start` is a multiple of `batch_size`, and `stop` too unless it
            is n.
        batch_size: rows of a step; the last batch of the epoch may be shorter.
        learning_rate: of every step here; where there are `rates`, of the first one.
        dropout_key: of the epoch, 64 bits; `contract.dropout` makes masks of it.
        rates: learning rate of each step of the window, (steps,), where it changes from step to
            step; else None.
        weights: of each row of X, (n,), of the program's dtype, finite and at least 0; the
            gradient of a batch is then sum_i w_i g_i / rows in the batch. `losses` stay as they
            are without weights. None where every row counts as 1.
        l2: L2 penalty of each step of the window, (steps,), at least 0: the penalised weights W
            get l2[i] W added to the gradient of step i, beside the optimizer's own l2 and at the
            same place. Neither `rates` nor `weights` multiply it. None where there is none.
        penalties: float64 (steps,), written: `penalties[i]` is l2[i]/2 |W|^2 with the penalised
            weights before step i, summed in float64 or in parts of some thousand squares that are.
            An array where `l2` is one, else None.
        decisions: int64 (n,), written as `losses` are: `decisions[i]` is the class that the logits
            behind `losses[i]` decide for, with one output 1 where it is above 0, else 0, and with
            more the index of the largest, the first of equal ones. Only where the loss learns
            classes and `Capabilities.decisions` is True; else None.
    """

    order: NDArray[np.int64]
    start: int
    stop: int
    batch_size: int
    learning_rate: float
    dropout_key: int = 0
    rates: NDArray[np.float64] | None = None
    weights: NDArray[Any] | None = None
    l2: NDArray[np.float64] | None = None
    penalties: NDArray[np.float64] | None = None
    decisions: NDArray[np.int64] | None = None

    @property
    def count(self) -> int:
        """Number of steps in the window."""
        return step_count(self.stop - self.start, self.batch_size)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step of the window, counted from 0.

        It is Python's own float: NumPy's would lift a step in float32 to float64.
        """
        return self.learning_rate if self.rates is None else float(self.rates[step])

    def step_l2(self, step: int) -> float:
        """Return the L2 penalty of a step of the window, counted from 0, as Python's own float."""
        return 0.0 if self.l2 is None else float(self.l2[step])
