"""Optimizers: frozen descriptions of an update rule and of the state it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import decay_factor, not_negative, true_or_false
from samplewise.errors import CombinationError


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with momentum and an L2 penalty where asked for.

    With g the mean gradient over the batch, mu the momentum and eta the learning rate:

        g     <- g + l2 W                                  for weights; biases are not penalised
        v     <- mu v + g
        theta <- theta - eta v                             or, with nesterov,
        theta <- theta - eta (g + mu v)

    Batch size 1 without either is the report's Algorithm 1. The rule is that of PyTorch's SGD
    without dampening.

    Args:
        momentum: mu, in [0, 1).
        nesterov: look ahead; needs a momentum.
        l2: weight of the penalty l2/2 |W|^2 added to the loss of a batch, at least 0.

    Raises:
        ParameterError: a value is out of its range.
    """

    momentum: float = 0.0
    nesterov: bool = False
    l2: float = 0.0

    name: ClassVar[str] = "sgd"

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", decay_factor("momentum", self.momentum))
        object.__setattr__(self, "l2", not_negative("l2", self.l2))
        true_or_false("nesterov", self.nesterov)
        if self.nesterov and self.momentum == 0:
            raise CombinationError("nesterov needs a momentum above 0")

    @property
    def slots(self) -> int:
        """Flat vectors of parameter length that the rule keeps between steps."""
        return 1 if self.momentum else 0

    @property
    def features(self) -> tuple[str, ...]:
        """What a backend must offer: the rule, and each option that is on."""
        options = {"momentum": self.momentum, "nesterov": self.nesterov, "l2": self.l2}
        return (self.name, *(option for option, on in options.items() if on))


Optimizer = SGD
