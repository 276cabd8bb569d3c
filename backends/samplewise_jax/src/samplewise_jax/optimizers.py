"""Optimizers: one step along the mean gradient of a batch.

The numbers of an optimizer are data, so that another momentum or penalty compiles nothing: `k` has
them by name, with the learning rate `eta` of the step and what depends on the step's number t. They
are computed in Python's floats: 1 - beta in float32 would lose digits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Adam, Optimizer
from samplewise_jax.lazy import jnp

Array = Any
Numbers = Mapping[str, Array]
Tensors = dict[str, Array]
# The new parameters and slots of a tensor, of theta, g, slots and k.
Updated = tuple[Array, tuple[Array, ...]]
Update = Callable[[Array, Array, tuple[Array, ...], Numbers], Updated]

# What moving averages forget in a step.
_COMPLEMENTS = ("beta1", "beta2", "rho")


def sgd(theta: Array, g: Array, slots: tuple[Array, ...], k: Numbers) -> Updated:
    """theta <- theta - eta g."""
    return theta - k["eta"] * g, ()


def momentum(theta: Array, g: Array, slots: tuple[Array, ...], k: Numbers) -> Updated:
    """v <- mu v + g; theta <- theta - eta v."""
    v = k["momentum"] * slots[0] + g
    return theta - k["eta"] * v, (v,)


def nesterov(theta: Array, g: Array, slots: tuple[Array, ...], k: Numbers) -> Updated:
    """v <- mu v + g; theta <- theta - eta (g + mu v)."""
    v = k["momentum"] * slots[0] + g
    return theta - k["eta"] * (g + k["momentum"] * v), (v,)


def rate_in_velocity(
    theta: Array, g: Array, slots: tuple[Array, ...], k: Numbers, *, ahead: bool
) -> Updated:
    """v <- mu v + eta g; theta <- theta - v, or theta - (eta g + mu v) with Nesterov."""
    v = k["momentum"] * slots[0] + k["eta"] * g
    return theta - (k["eta"] * g + k["momentum"] * v if ahead else v), (v,)


def adam(theta: Array, g: Array, slots: tuple[Array, ...], k: Numbers) -> Updated:
    """m and v are moving averages of g and g^2, each divided by its bias correction."""
    m, v = _moments(g, slots, k)
    # The corrections go into two numbers: each division of every entry takes as long as the rest.
    rate, scale = k["eta"] / k["mean_correction"], 1 / jnp.sqrt(k["square_correction"])
    return theta - rate * m / (jnp.sqrt(v) * scale + k["epsilon"]), (m, v)


def epsilon_hat(theta: Array, g: Array, slots: tuple[Array, ...], k: Numbers) -> Updated:
    """As `adam`, but epsilon is added to the root of v, not to that of the corrected v."""
    m, v = _moments(g, slots, k)
    rate = k["eta"] * jnp.sqrt(k["square_correction"]) / k["mean_correction"]
    return theta - rate * m / (jnp.sqrt(v) + k["epsilon"]), (m, v)


def _moments(g: Array, slots: tuple[Array, ...], k: Numbers) -> tuple[Array, Array]:
    m, v = slots
    m = k["beta1"] * m + k["1 - beta1"] * g
    return m, k["beta2"] * v + k["1 - beta2"] * g * g


def rmsprop(theta: Array, g: Array, slots: tuple[Array, ...], k: Numbers) -> Updated:
    """v <- rho v + (1 - rho) g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    v = k["rho"] * slots[0] + k["1 - rho"] * g * g
    return theta - k["eta"] * g / (jnp.sqrt(v) + k["epsilon"]), (v,)


def adagrad(theta: Array, g: Array, slots: tuple[Array, ...], k: Numbers) -> Updated:
    """v <- v + g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    v = slots[0] + g * g
    return theta - k["eta"] * g / (jnp.sqrt(v) + k["epsilon"]), (v,)


UPDATES: dict[str, Callable[..., Updated]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rate_in_velocity": rate_in_velocity,
    "adam": adam,
    "epsilon_hat": epsilon_hat,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


def clip_value(gradient: Tensors, largest: Array) -> Tensors:
    """Limit each entry of the gradient to [-largest, largest]."""
    return {name: jnp.clip(g, -largest, largest) for name, g in gradient.items()}


def clip_norm(gradient: Tensors, largest: Array) -> Tensors:
    """Limit the length of the gradient, over all tensors, also where squares overflow."""
    largest_entry = jnp.max(jnp.stack([jnp.abs(g).max() for g in gradient.values()]))
    scale = jnp.where(jnp.isinf(_length(gradient)), largest_entry, 1)
    scaled = {name: g / scale for name, g in gradient.items()}
    norm = _length(scaled)
    factor = jnp.where(norm > largest / scale, largest / norm, scale)
    return {name: g * factor for name, g in scaled.items()}


def _length(gradient: Tensors) -> Array:
    return jnp.sqrt(sum((g * g).sum() for g in gradient.values()))


# In this order.
LIMITS: dict[str, Callable[[Tensors, Array], Tensors]] = {
    "clip_value": clip_value,
    "clip_norm": clip_norm,
}
# The gradients of l2/2 |W|^2 and l1 sum |W|.
PENALTIES: dict[str, Callable[[Array, Array], Array]] = {
    "l2": lambda W, l2: l2 * W,
    "l1": lambda W, l1: l1 * jnp.sign(W),
}
# W <- W - eta factor W.
DECAYS: dict[str, Callable[[Array, Array], Array]] = {
    "weight_decay": lambda W, factor: W - factor * W,
}


@dataclasses.dataclass(frozen=True)
class Rule:
    """An optimizer without its numbers: all that decides what is compiled.

    Args:
        variant: key of `UPDATES`.
        features: names of what is on, as `Optimizer.features`.
        slots: vectors that it keeps.
    """

    variant: str
    features: frozenset[str]
    slots: int

    @classmethod
    def of(cls, optimizer: Optimizer) -> Rule:
        """Return the rule of an optimizer."""
        return cls(optimizer.variant, frozenset(optimizer.features), optimizer.slots)

    @property
    def update(self) -> Update:
        """The step of one tensor."""
        update = UPDATES[self.variant]
        if self.variant == "rate_in_velocity":
            return partial(update, ahead="nesterov" in self.features)
        return update

    def step(
        self,
        theta: Tensors,
        gradient: Tensors,
        slots: tuple[Tensors, ...],
        penalised: Iterable[str],
        k: Numbers,
    ) -> tuple[Tensors, tuple[Tensors, ...]]:
        """Return parameters and slots after a step.

        Args:
            theta: tensors that are trained, by name.
            gradient: mean over the batch, likewise.
            slots: the optimizer's vectors, likewise.
            penalised: names of the weights that penalties shrink.
            k: the optimizer's numbers; `step_l2` is the penalty of this step alone, where there is
                one.
        """
        for name, limit in LIMITS.items():
            if name in self.features:
                gradient = limit(gradient, k[name])
        theta, gradient = dict(theta), dict(gradient)
        for name in penalised:
            theta[name], gradient[name] = self._penalised(theta[name], gradient[name], k)
        after = {
            name: self.update(theta[name], g, tuple(slot[name] for slot in slots), k)
            for name, g in gradient.items()
        }
        return (
            {name: new for name, (new, _) in after.items()},
            tuple({name: kept[i] for name, (_, kept) in after.items()} for i in range(self.slots)),
        )

    def _penalised(self, W: Array, g: Array, k: Numbers) -> tuple[Array, Array]:
        if "step_l2" in k:
            g = g + PENALTIES["l2"](W, k["step_l2"])
        for name, penalty in PENALTIES.items():
            if name in self.features:
                g = g + penalty(W, k[name])
        for name, decay in DECAYS.items():
            if name in self.features:
                W = decay(W, k["eta"] * k[name])
        return W, g


def numbers(optimizer: Optimizer, dtype: np.dtype[Any]) -> dict[str, NDArray[Any]]:
    """Return the numbers of an optimizer that stay, each of shape ()."""
    found = {field.name: getattr(optimizer, field.name) for field in dataclasses.fields(optimizer)}
    found |= {f"1 - {name}": 1 - found[name] for name in _COMPLEMENTS if name in found}
    return {
        name: np.asarray(value, dtype)
        for name, value in found.items()
        if value is not None and not isinstance(value, bool)
    }


def numbers_of_steps(
    optimizer: Optimizer, rates: NDArray[np.float64], done: int, dtype: np.dtype[Any]
) -> dict[str, NDArray[Any]]:
    """Return the numbers of each step, (steps,).

    Args:
        optimizer: whose steps they are.
        rates: learning rates, (steps,).
        done: steps made before.
        dtype: of the numbers.
    """
    found = {"eta": rates}
    if isinstance(optimizer, Adam):
        t = np.arange(done + 1, done + len(rates) + 1, dtype=np.float64)
        found["mean_correction"] = 1 - optimizer.beta1**t
        found["square_correction"] = 1 - optimizer.beta2**t
    return {name: values.astype(dtype) for name, values in found.items()}
