"""Optimizers: frozen descriptions of an update and of the state it needs.

With g the mean gradient over the batch and eta the learning rate, every step is

    g     <- g limited to [-clip_value, clip_value]          each entry
    g     <- g min(1, clip_norm / |g|)                       |g| over all parameters
    g     <- g + l2 W + l1 sign(W)                           weights only
    theta <- theta - eta weight_decay theta                  weights only
    theta <- theta - eta (direction of the optimizer)

Biases, and the scales and shifts of a normalisation, are never penalised.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import decay_factor, not_negative, positive_number, true_or_false
from samplewise.errors import CombinationError


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """The options of all optimizers: penalties and limits of the gradient.

    Args:
        l1: weight of the penalty l1 sum |W| added to the loss of a batch, at least 0.
        l2: weight of the penalty l2/2 |W|^2, at least 0.
        weight_decay: decoupled decay, at least 0: with Adam, it makes AdamW.
        clip_value: clips the gradient's entries to +-clip_value; None disables.
        clip_norm: limits the gradient's Euclidean norm; None disables.

    Raises:
        ParameterError: a value is out of its range.
    """

    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None

    name: ClassVar[str]
    # What a backend must offer by name where it is on; other fields are numbers in its formulas.
    options: ClassVar[tuple[str, ...]] = ("l1", "l2", "weight_decay", "clip_value", "clip_norm")

    def __post_init__(self) -> None:
        for field in ("l1", "l2", "weight_decay"):
            object.__setattr__(self, field, not_negative(field, getattr(self, field)))
        for field in ("clip_value", "clip_norm"):
            limit = getattr(self, field)
            if limit is not None:
                object.__setattr__(self, field, positive_number(field, limit))

    @property
    def slots(self) -> int:
        """Number of flat vectors of parameter length kept between steps."""
        raise NotImplementedError

    @property
    def is_linear(self) -> bool:
        """True where a step is linear in weights and state, with the same factors for each entry.

        Only then can a block of steps be made at once.
        """
        return False

    @property
    def features(self) -> tuple[str, ...]:
        """The capabilities that a backend needs: the optimizer, and each option that is on."""
        return (self.name, *(option for option in self.options if getattr(self, option)))

    @property
    def variant(self) -> str:
        """Key of the update's formula in a backend's table: the name, or what changes it."""
        return self.name

    @property
    def words(self) -> tuple[str, ...]:
        """The differences from plain SGD, for people: as in ("adam", "beta1 0.5", "l2 0.1")."""
        usual = {field.name: field.default for field in dataclasses.fields(self)}
        given = {name: value for name, value in vars(self).items() if value != usual[name]}
        return (
            *([self.name] * (self.name != SGD.name)),
            *(name if value is True else f"{name} {value:g}" for name, value in given.items()),
        )

    def _is_plain(self) -> bool:
        limited = self.clip_value is not None or self.clip_norm is not None
        return not (limited or self.l1 or self.weight_decay)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum where asked for.

        v     <- mu v + g
        theta <- theta - eta v                             or, with nesterov,
        theta <- theta - eta (g + mu v)

    Batch size 1 without either is the report's Algorithm 1. It is PyTorch's SGD without dampening.

    Args:
        momentum: mu, in [0, 1).
        nesterov: look ahead; needs a momentum.

    Raises:
        ParameterError: a value is out of its range.
    """

    momentum: float = 0.0
    nesterov: bool = False

    name: ClassVar[str] = "sgd"
    options: ClassVar[tuple[str, ...]] = (*Optimizer.options, "momentum", "nesterov")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "momentum", decay_factor("momentum", self.momentum))
        true_or_false("nesterov", self.nesterov)
        if self.nesterov and self.momentum == 0:
            raise CombinationError("nesterov needs a momentum above 0")

    @property
    def slots(self) -> int:
        """One velocity with momentum, else none."""
        return 1 if self.momentum else 0

    @property
    def is_linear(self) -> bool:
        """True where nothing limits the gradient, and penalties are multiples of W."""
        return self._is_plain()

    @property
    def variant(self) -> str:
        """Key of the update's formula: sgd, momentum or nesterov."""
        if self.nesterov:
            return "nesterov"
        return "momentum" if self.momentum else self.name


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """Steps by moving averages of the gradient and of its square; t counts steps from 1.

        m     <- beta1 m + (1 - beta1) g
        v     <- beta2 v + (1 - beta2) g^2
        theta <- theta - eta (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Source: Kingma and Ba (2015); with `weight_decay`, Loshchilov and Hutter (2019), AdamW.

    Args:
        beta1, beta2: in [0, 1).
        epsilon: above 0.

    Raises:
        ParameterError: a value is out of its range.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    name: ClassVar[str] = "adam"

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("beta1", "beta2"):
            object.__setattr__(self, field, decay_factor(field, getattr(self, field)))
        object.__setattr__(self, "epsilon", positive_number("epsilon", self.epsilon))

    @property
    def slots(self) -> int:
        """Two moments."""
        return 2


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """Steps by the gradient over a moving average of its size.

        v     <- rho v + (1 - rho) g^2
        theta <- theta - eta g / (sqrt(v) + epsilon)

    Source: Tieleman and Hinton (2012), lecture 6.5; epsilon outside the root, as in PyTorch.

    Args:
        rho: in [0, 1).
        epsilon: above 0.

    Raises:
        ParameterError: a value is out of its range.
    """

    rho: float = 0.99
    epsilon: float = 1e-8

    name: ClassVar[str] = "rmsprop"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rho", decay_factor("rho", self.rho))
        object.__setattr__(self, "epsilon", positive_number("epsilon", self.epsilon))

    @property
    def slots(self) -> int:
        """One average."""
        return 1


@dataclass(frozen=True, kw_only=True)
class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum of all its squares so far.

        v     <- v + g^2
        theta <- theta - eta g / (sqrt(v) + epsilon)

    Source: Duchi, Hazan, Singer (2011).

    Args:
        epsilon: above 0.

    Raises:
        ParameterError: a value is out of its range.
    """

    epsilon: float = 1e-10

    name: ClassVar[str] = "adagrad"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "epsilon", positive_number("epsilon", self.epsilon))

    @property
    def slots(self) -> int:
        """One sum."""
        return 1


OPTIMIZERS: dict[str, type[Optimizer]] = {
    optimizer.name: optimizer for optimizer in (SGD, Adam, RMSprop, Adagrad)
}
