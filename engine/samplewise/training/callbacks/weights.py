"""Which weights a run returns: the last ones, an average, or those of the best epoch."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from samplewise.training.evaluation import Predict
from samplewise.training.session import Session


class Keeping:
    """Averages the weights once an epoch, and keeps those after the best one.

    Args:
        decay: of the average; None for none.
        best: whether the best ones are kept.
    """

    def __init__(self, decay: float | None, *, best: bool) -> None:
        self._decay, self.keeps_best = decay, best
        self._average: NDArray[Any] | None = None
        self._best: NDArray[Any] | None = None

    def average(self, session: Session, index: int) -> None:
        """Take the weights at an epoch's end into the average."""
        if self._decay is None:
            return
        weights = session.parameters(index)
        if self._average is None:
            self._average = weights.copy()
            return
        self._average *= self._decay
        self._average += (1 - self._decay) * weights

    def predicting(self, session: Session, index: int) -> Predict:
        """Return what gives the logits of rows, by the average where there is one."""
        average = self._average
        if average is None:
            return lambda X: session.logits(index, X)
        return lambda X: session.predict(index, average, X)

    def best(self, session: Session, index: int) -> None:
        """Keep what would be returned now, as the best so far."""
        if self.keeps_best:
            now = session.parameters(index) if self._average is None else self._average
            self._best = now.copy()

    def bring_into(self, parameters: NDArray[Any]) -> None:
        """Write what is kept into the parameters at the end of the run."""
        kept = self._average if self._best is None else self._best
        if kept is not None:
            parameters[...] = kept
