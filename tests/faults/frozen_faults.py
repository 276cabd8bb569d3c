"""Faults with frozen layers: the reference, but for one thing that it does to their parameters."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Capabilities, Program, Steps, TrainingState, Workload
from samplewise.network import Loss, Network, Optimizer
from samplewise.testing.problems import REFERENCE

Array = NDArray[Any]


def thawed(network: Network) -> Network:
    """Return the network with every layer trained."""
    layers = tuple(layer.with_trainable(True) for layer in network.layers)
    return Network(network.input_shape, layers)


class FrozenReference(Program):
    """A right program, step by step; each fault overrides `step`.

    Args:
        network: with frozen layers, or without.
        right: the right program of it.
        everything: the right program that trains all of its layers.
        optimizer: of both.
    """

    def __init__(
        self, network: Network, right: Program, everything: Program, optimizer: Optimizer
    ) -> None:
        self.right, self.everything, self.optimizer = right, everything, optimizer
        self.frozen = np.ones(network.layout.size, dtype=bool)
        for part in network.trained:
            self.frozen[part] = False
        # Penalties shrink these, if no layer is frozen.
        self.shrinks = np.zeros_like(self.frozen)
        for slot in thawed(network).weights:
            self.shrinks[slot.offset : slot.offset + slot.size] = True

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        for k, first in enumerate(range(steps.start, steps.stop, steps.batch_size)):
            stop = min(first + steps.batch_size, steps.stop)
            rate = steps.rate(k)
            own = dataclasses.replace(steps, start=first, stop=stop, learning_rate=rate, rates=None)
            if steps.l2 is not None and steps.penalties is not None:
                of_step = slice(k, k + 1)
                own = dataclasses.replace(
                    own, l2=steps.l2[of_step], penalties=steps.penalties[of_step]
                )
            now = TrainingState(state.parameters, state.optimizer_state, state.step + k)
            self.step(now, X, Y, own, losses)

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        """Make one step."""
        self.right.run_epoch(state, X, Y, steps, losses)

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        return self.right.gradients(parameters, X, Y)

    def predict(self, parameters: Array, X: Array) -> Array:
        return self.right.predict(parameters, X)


class UpdatesIt(FrozenReference):
    """Trains a frozen layer like all others."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        self.everything.run_epoch(state, X, Y, steps, losses)


class PenalisesIt(FrozenReference):
    """Shrinks the weights of a frozen layer by L2."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        super().step(state, X, Y, steps, losses)
        factor = 1 - steps.learning_rate * getattr(self.optimizer, "l2", 0.0)
        state.parameters[self.frozen & self.shrinks] *= state.parameters.dtype.type(factor)


class CountsItInTheNorm(FrozenReference):
    """Limits the norm of the gradient with that of frozen layers in it."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        before = state.parameters.copy(), state.optimizer_state.copy()
        self.everything.run_epoch(state, X, Y, steps, losses)
        for vector, kept in zip((state.parameters, state.optimizer_state), before, strict=True):
            frozen = np.tile(self.frozen, len(vector) // len(self.frozen))
            vector[frozen] = kept[frozen]


class LetsItRollOn(FrozenReference):
    """Moves a frozen layer by the velocity that it had."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        super().step(state, X, Y, steps, losses)
        if getattr(self.optimizer, "momentum", 0.0):
            moved = steps.learning_rate * state.optimizer_state[self.frozen]
            state.parameters[self.frozen] -= moved.astype(state.parameters.dtype)


class HasAGradientOfIt(FrozenReference):
    """Returns the gradient of a frozen layer too."""

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        return self.everything.gradients(parameters, X, Y)


# name -> (program, the option of the optimizer that shows it, the rungs that reject it).
FROZEN_FAULTS: dict[str, tuple[type[FrozenReference], str, frozenset[str]]] = {
    "updates_it": (UpdatesIt, "sgd", frozenset({"epoch", "contract"})),
    "penalises_it": (PenalisesIt, "l2", frozenset({"epoch", "contract"})),
    "counts_it_in_the_norm": (CountsItInTheNorm, "clip_norm", frozenset({"epoch"})),
    "lets_it_roll_on": (LetsItRollOn, "momentum", frozenset({"epoch", "contract"})),
    "has_a_gradient_of_it": (HasAGradientOfIt, "sgd", frozenset({"gradient", "contract"})),
}


@dataclass(frozen=True)
class FrozenFaultBackend:
    """A right backend with a fault.

    Args:
        name: of the faulty backend.
        program: with the fault.
        inner: name of the right backend.
    """

    name: str
    program: type[FrozenReference] = FrozenReference
    inner: str = REFERENCE

    @property
    def capabilities(self) -> Capabilities:
        """Those of the right backend, one network at a time."""
        return dataclasses.replace(registry.load(self.inner).capabilities, many=False)

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None = None,
    ) -> FrozenReference:
        """Return the program with the fault."""
        settings = loss, optimizer, dtype
        inner = registry.load(self.inner)
        right, everything = (inner.compile(n, *settings) for n in (network, thawed(network)))
        return self.program(network, right, everything, optimizer)
