"""Optimizers: frozen descriptions of an update rule and of the state it needs.

With g the mean gradient over the batch and eta the learning rate, every step is

    g     <- g limited to [-clip_value, clip_value]          each entry
    g     <- g min(1, clip_norm / |g|)                       |g| over all parameters
    g     <- g + l2 W + l1 sign(W)                           weights only
    theta <- theta - eta weight_decay theta                  weights only
    theta <- theta - eta (what the rule makes of g)

Biases, and the scales and shifts of a normalisation, are never penalised.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from samplewise.checks import decay_factor, not_negative, positive_number, true_or_false
from samplewise.errors import CombinationError
from samplewise.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """What all rules share: penalties and limits of the gradient.

    Args:
        l1: weight of the penalty l1 sum |W| added to the loss of a batch, at least 0.
        l2: weight of the penalty l2/2 |W|^2, at least 0.
        weight_decay: decoupled decay, at least 0: with Adam, it makes AdamW.
        clip_value: the most that an entry of the gradient may be in size; None does not limit it.
        clip_norm: likewise, the gradient's Euclidean norm.

    Raises:
        ParameterError: a value is out of its range.
    """

    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None

    name: ClassVar[str]

    def __post_init__(self) -> None:
        for field in ("l1", "l2", "weight_decay"):
            object.__setattr__(self, field, not_negative(field, getattr(self, field)))
        for field in ("clip_value", "clip_norm"):
            limit = getattr(self, field)
            if limit is not None:
                object.__setattr__(self, field, positive_number(field, limit))

    @property
    def slots(self) -> int:
        """Flat vectors of parameter length that the rule keeps between steps."""
        raise NotImplementedError

    @property
    def is_linear(self) -> bool:
        """Whether a step is linear in weights and state, with the same factors for each entry.

        Only then can a block of steps be made at once.
        """
        return False

    @property
    def features(self) -> tuple[str, ...]:
        """What a backend must offer: the rule, and each option that is on."""
        options = {
            "l1": self.l1,
            "l2": self.l2,
            "weight_decay": self.weight_decay,
            "clip_value": self.clip_value is not None,
            "clip_norm": self.clip_norm is not None,
        }
        return (self.name, *(option for option, on in options.items() if on))

    @property
    def words(self) -> tuple[str, ...]:
        """What differs from plain SGD, for people: as in ("adam", "beta1 0.5", "l2 0.1")."""
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

    Batch size 1 without either is the report's Algorithm 1. The rule is that of PyTorch's SGD
    without dampening.

    Args:
        momentum: mu, in [0, 1).
        nesterov: look ahead; needs a momentum.

    Raises:
        ParameterError: a value is out of its range.
    """

    momentum: float = 0.0
    nesterov: bool = False

    name: ClassVar[str] = "sgd"

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
        """Whether nothing limits the gradient, and no penalty is but a multiple of W."""
        return self._is_plain()

    @property
    def features(self) -> tuple[str, ...]:
        """What a backend must offer: the rule, and each option that is on."""
        options = {"momentum": self.momentum, "nesterov": self.nesterov}
        return (*super().features, *(option for option, on in options.items() if on))


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


Direction: TypeAlias = "Callable[[Array, Array, int], tuple[Any, Any]]"
"""Of the gradient (P,), the state (slots, P) and the number of the step: direction, next state."""


@dataclass(frozen=True, kw_only=True)
class OwnOptimizer(Optimizer):
    """A rule given as a NumPy function; each registered one is a class of its own.

        direction, v <- rule(g, v, t)
        theta        <- theta - eta direction

    Attributes:
        rule: of the gradient (P,), the state (slots, P) and the number of the step from 1, the
            direction (P,) and the next state (slots, P).
        kept: slots.
    """

    rule: ClassVar[Direction]
    kept: ClassVar[int]

    @property
    def slots(self) -> int:
        """As many as were registered."""
        return type(self).kept

    def direction(self, gradient: Array, state: Array, t: int) -> tuple[Array, Array]:
        """Return what is gone along, times the rate and away from it, and the next state."""
        step, after = type(self).rule(gradient, state, t)
        return np.asarray(step, gradient.dtype), np.asarray(after, gradient.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by name: the process that reads it has to have registered it, too."""
        return _registered, (self.name, dict(vars(self)))


def _registered(name: str, options: dict[str, Any]) -> Optimizer:
    return OPTIMIZERS[name](**options)


OPTIMIZERS: dict[str, type[Optimizer]] = {rule.name: rule for rule in (SGD, Adam, RMSprop, Adagrad)}


def own_optimizers() -> frozenset[str]:
    """Return the names of the rules that `register_optimizer` has made known in this process."""
    return frozenset(name for name, rule in OPTIMIZERS.items() if issubclass(rule, OwnOptimizer))
