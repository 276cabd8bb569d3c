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

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import decay_factor, not_negative, positive_number
from samplewise.errors import CombinationError
from samplewise.options.arguments import CheckedOptions
from samplewise.options.fields import changed_fields, documented, option
from samplewise.options.kinds import SWITCH, number

SHARE, PENALTY, POSITIVE = number(decay_factor), number(not_negative), number(positive_number)
EPSILON_HELP = "added to the root in the denominator of a step, above 0"


@documented
@dataclass(frozen=True, kw_only=True)
class Optimizer(CheckedOptions):
    """Penalties and gradient clipping, which all optimizers share.

    Raises:
        ParameterError: a value is out of its range.
    """

    l1: float = option(0.0, PENALTY, "L1 penalty l1 sum |W|, at least 0; not on biases")
    l2: float = option(0.0, PENALTY, "L2 penalty l2/2 |W|^2, at least 0; not on biases")
    weight_decay: float = option(
        0.0, PENALTY, "decoupled weight decay, at least 0; with adam this is AdamW"
    )
    clip_value: float | None = option(
        None, POSITIVE, "clip each gradient entry to +-clip_value; none disables"
    )
    clip_norm: float | None = option(
        None, POSITIVE, "clip the norm of the gradient to clip_norm; none disables"
    )

    ELSEWHERE: ClassVar[dict[str, str]] = {"learning_rate": "TrainingSettings"}
    name: ClassVar[str]
    # What a backend must offer by name where it is on; other fields are numbers in its formulas.
    options: ClassVar[tuple[str, ...]] = ("l1", "l2", "weight_decay", "clip_value", "clip_norm")

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
        """Key of the update's formula in a backend's table: the name, or that of a variant."""
        return self.name

    @property
    def words(self) -> tuple[str, ...]:
        """The differences from plain SGD, for people: as in ("adam", "beta1 0.5", "l2 0.1")."""
        given = changed_fields(self).items()
        return (
            *([self.name] * (self.name != SGD.name)),
            *(name if value is True else f"{name} {value:g}" for name, value in given),
        )


@documented
@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum where asked for.

        v     <- mu v + g
        theta <- theta - eta v                             or, with nesterov,
        theta <- theta - eta (g + mu v)

    Batch size 1 without either is the report's Algorithm 1. It is PyTorch's SGD without dampening.
    With `rate_in_velocity` it is Keras' and scikit-learn's, which differs where the rate changes:

        v     <- mu v + eta g
        theta <- theta - v                                 or, with nesterov,
        theta <- theta - (eta g + mu v)

    Raises:
        ParameterError: a value is out of its range.
        CombinationError: `nesterov` or `rate_in_velocity` without a momentum.
    """

    momentum: float = option(0.0, SHARE, "momentum mu, in [0, 1)")
    nesterov: bool = option(False, SWITCH, "Nesterov's momentum, which looks ahead")
    rate_in_velocity: bool = option(
        False, SWITCH, "sum steps, not gradients, in the velocity, as Keras and scikit-learn do"
    )

    name: ClassVar[str] = "sgd"
    options: ClassVar[tuple[str, ...]] = (
        *Optimizer.options,
        "momentum",
        "nesterov",
        "rate_in_velocity",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for needing in ("nesterov", "rate_in_velocity"):
            if getattr(self, needing) and self.momentum == 0:
                raise CombinationError(f"{needing}: must have a momentum above 0, got 0")

    @property
    def slots(self) -> int:
        """One velocity with momentum, else none."""
        return 1 if self.momentum else 0

    @property
    def is_linear(self) -> bool:
        """True where nothing limits the gradient, and penalties are multiples of W.

        Blocks take no rate into the velocity.
        """
        limited = self.clip_value is not None or self.clip_norm is not None
        return not (limited or self.l1 or self.weight_decay or self.rate_in_velocity)

    @property
    def variant(self) -> str:
        """Key of the update's formula: sgd, momentum, nesterov or rate_in_velocity."""
        if self.rate_in_velocity:
            return "rate_in_velocity"
        if self.nesterov:
            return "nesterov"
        return "momentum" if self.momentum else self.name


@documented
@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """Steps by moving averages of the gradient and of its square; t counts steps from 1.

        m     <- beta1 m + (1 - beta1) g
        v     <- beta2 v + (1 - beta2) g^2
        theta <- theta - eta (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Source: Kingma and Ba (2015); with `weight_decay`, Loshchilov and Hutter (2019), AdamW. With
    `epsilon_hat`, the form at the end of section 2 of Kingma and Ba, which scikit-learn has:

        theta <- theta - eta sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)

    Raises:
        ParameterError: a value is out of its range.
    """

    beta1: float = option(0.9, SHARE, "decay of the gradient's moving average, in [0, 1)")
    beta2: float = option(0.999, SHARE, "decay of the squared gradient's moving average, in [0, 1)")
    epsilon: float = option(1e-8, POSITIVE, EPSILON_HELP)
    epsilon_hat: bool = option(
        False, SWITCH, "add epsilon to the root before its bias is corrected, as scikit-learn does"
    )

    name: ClassVar[str] = "adam"
    slots = 2
    options: ClassVar[tuple[str, ...]] = (*Optimizer.options, "epsilon_hat")

    @property
    def variant(self) -> str:
        """Key of the update's formula: adam or epsilon_hat."""
        return "epsilon_hat" if self.epsilon_hat else self.name


@documented
@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """Steps by the gradient over a moving average of its size.

        v     <- rho v + (1 - rho) g^2
        theta <- theta - eta g / (sqrt(v) + epsilon)

    Source: Tieleman and Hinton (2012), lecture 6.5; epsilon outside the root, as in PyTorch.

    Raises:
        ParameterError: a value is out of its range.
    """

    rho: float = option(0.99, SHARE, "decay of the squared gradient's moving average, in [0, 1)")
    epsilon: float = option(1e-8, POSITIVE, EPSILON_HELP)

    name: ClassVar[str] = "rmsprop"
    slots = 1


@documented
@dataclass(frozen=True, kw_only=True)
class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum of all its squares so far.

        v     <- v + g^2
        theta <- theta - eta g / (sqrt(v) + epsilon)

    Source: Duchi, Hazan, Singer (2011).

    Raises:
        ParameterError: a value is out of its range.
    """

    epsilon: float = option(1e-10, POSITIVE, EPSILON_HELP)

    name: ClassVar[str] = "adagrad"
    slots = 1


OPTIMIZERS: dict[str, type[Optimizer]] = {
    optimizer.name: optimizer for optimizer in (SGD, Adam, RMSprop, Adagrad)
}
