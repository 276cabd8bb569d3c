"""The weights that a run returns: the last ones, an average, or those of the best epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class WeightAverage:
    """The average of the weights, taken at the end of every epoch.

    Args:
        decay: d in [0, 1) of d average + (1 - d) weights; None takes no average.
        trained: the parts of the weights that training changes; of the others, an average would
            round.

    Attributes:
        is_wanted: True if an average is taken.
        value: flat (P,); None before the first epoch.
    """

    def __init__(self, decay: float | None, trained: tuple[slice, ...]) -> None:
        self._decay, self._trained = decay, trained
        self.is_wanted = decay is not None
        self.value: NDArray[Any] | None = None

    def update(self, parameters: NDArray[Any]) -> None:
        """Take the weights after an epoch into the average."""
        assert self._decay is not None
        if self.value is None:
            self.value = parameters.copy()
            return
        for part in self._trained:
            self.value[part] *= self._decay
            self.value[part] += (1 - self._decay) * parameters[part]


class BestWeights:
    """The weights after the best epoch so far.

    Attributes:
        value: flat (P,); None before the first whole epoch.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self.value: NDArray[Any] | None = None

    def update(self, parameters: NDArray[Any]) -> None:
        """Keep a copy of these weights in place of those before."""
        if self.value is None:
            self.value = parameters.copy()
        else:
            np.copyto(self.value, parameters)
