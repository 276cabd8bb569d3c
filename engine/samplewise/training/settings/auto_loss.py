"""The loss that is chosen by the number of outputs."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from samplewise.checks import decay_factor
from samplewise.network import LOSSES, Loss
from samplewise.network.losses import BinaryCrossEntropy, CategoricalCrossEntropy
from samplewise.network.losses.classification import SMOOTHING_HELP
from samplewise.options.arguments import CheckedOptions
from samplewise.options.fields import documented, option
from samplewise.options.kinds import number


@documented
@dataclass(frozen=True, kw_only=True)
class AutoLoss(CheckedOptions):
    """Binary cross-entropy for two classes, else categorical.

    Raises:
        ParameterError: a value is out of its range.
    """

    label_smoothing: float = option(0.0, number(decay_factor), SMOOTHING_HELP)

    name: ClassVar[str] = "auto"

    def for_outputs(self, outputs: int) -> Loss:
        """Return the loss of a network of `outputs` logits."""
        kind = BinaryCrossEntropy if outputs == 1 else CategoricalCrossEntropy
        return _loss(kind, self.label_smoothing)


# Asked for before each training. To make one takes 1 us, and 15 in between two trainings.
@lru_cache(16)
def _loss(kind: type[BinaryCrossEntropy | CategoricalCrossEntropy], label_smoothing: float) -> Loss:
    return kind(label_smoothing)


# A view: losses that a user registers later are in it.
LOSS_KINDS: ChainMap[str, type[Any]] = ChainMap(LOSSES, {AutoLoss.name: AutoLoss})
