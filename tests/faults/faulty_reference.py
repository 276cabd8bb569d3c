"""The reference, opened up so that one thing at a time can be done wrong."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import (
    DECISIONS,
    PENALTIES,
    RATES,
    WEIGHTS,
    Capabilities,
    ManyProgram,
    Plan,
    Program,
    Steps,
    TrainingState,
    Workload,
)
from samplewise.network import SGD, Loss, Network, Optimizer
from samplewise.testing.problems import REFERENCE

Array = NDArray[Any]
Settings = tuple[Network, Loss, Optimizer, np.dtype[Any]]
# Index of the network, its steps, and the row that its losses go to.
Call = tuple[int, Steps, Array]


class FaultyReference(Program):
    """Trains by a right program's gradients of single rows; each fault overrides one method.

    Args:
        inner: the right program of `network`, such as the reference's.
        network: to train.
        optimizer: sgd with its options.
    """

    def __init__(self, inner: Program, network: Network, optimizer: SGD) -> None:
        self.inner, self.network, self.optimizer = inner, network, optimizer

    def warm_up(self) -> None:
        """Do nothing."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        """Run the batches of the window."""
        for k, first in enumerate(range(steps.start, steps.stop, steps.batch_size)):
            last = min(first + steps.batch_size, steps.stop)
            rows = steps.order[first:last]
            weights = None if steps.weights is None else steps.weights[rows]
            decisions = None if steps.decisions is None else steps.decisions[first:last]
            own = dataclasses.replace(
                steps,
                learning_rate=steps.rate(k),
                rates=None,
                weights=weights,
                l2=None if steps.l2 is None else steps.l2[k : k + 1],
                penalties=None if steps.penalties is None else steps.penalties[k : k + 1],
                decisions=decisions,
            )
            self.step(state, X[rows], Y[rows], own, losses[first:last])

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        """Make one step on the rows of a batch, with its rate, L2 and the weights of its rows."""
        weights = np.ones(len(X), X.dtype) if steps.weights is None else steps.weights
        total = np.zeros_like(state.parameters)
        for i in range(len(X)):
            losses[i], gradient = self.gradients(state.parameters, X[i : i + 1], Y[i : i + 1])
            total += weights[i] * gradient
            if steps.decisions is not None:
                z = self.predict(state.parameters, X[i : i + 1])[0]
                steps.decisions[i] = z.argmax() if len(z) > 1 else z[0] > 0
        l2, gradient = steps.step_l2(0), total / self.divisor(len(X), steps)
        if steps.penalties is not None:
            steps.penalties[0] = self.penalty(state.parameters, l2)
            gradient = self.penalised_in_step(state.parameters, gradient, l2)
        self.update(state, self.penalised(state.parameters, gradient), steps.learning_rate)

    def divisor(self, rows: int, steps: Steps) -> int:
        """Return the divisor of the summed gradient."""
        return rows

    def penalised(self, parameters: Array, gradient: Array) -> Array:
        """Return the gradient with that of the L2 penalty, which biases do not have."""
        weights = self.with_biases_times(0, parameters)
        return np.asarray(gradient + self.optimizer.l2 * weights, dtype=gradient.dtype)

    def penalised_in_step(self, parameters: Array, gradient: Array, l2: float) -> Array:
        """Return the gradient with that of the step's own L2 penalty."""
        return np.asarray(gradient + l2 * self.with_biases_times(0, parameters))

    def penalty(self, parameters: Array, l2: float) -> float:
        """Return the step's own L2 penalty, of the weights and not of the gaps between them."""
        views = (parameters[slot.offset :][: slot.size] for slot in self.network.weights)
        return float(l2 / 2 * sum(W @ W for W in views))

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        """Move parameters and velocity along a gradient."""
        optimizer, v = self.optimizer, state.optimizer_state
        if optimizer.rate_in_velocity:
            gradient, learning_rate = learning_rate * gradient, 1.0
        if optimizer.momentum:
            v[...] = optimizer.momentum * v + gradient
            gradient = gradient + optimizer.momentum * v if optimizer.nesterov else v
        state.parameters -= learning_rate * gradient

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        """Return the right gradient."""
        return self.inner.gradients(parameters, X, Y)

    def predict(self, parameters: Array, X: Array) -> Array:
        """Return the right logits."""
        return self.inner.predict(parameters, X)

    def with_biases_times(self, factor: float, vector: Array) -> Array:
        """Return a copy of a flat vector with its biases multiplied."""
        copy = vector.copy()
        for name, view in self.network.layout.views(copy).items():
            if name.endswith(".bias"):
                view *= factor
        return copy


class DetachedReference(FaultyReference):
    """Trains a copy, and brings it into the state when asked to."""

    plan = Plan(in_place=False)

    def __init__(self, inner: Program, network: Network, optimizer: SGD) -> None:
        super().__init__(inner, network, optimizer)
        self.seen: TrainingState | None = None
        self.kept = TrainingState(np.zeros(0), np.zeros(0))

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        """Run the window on the copy, which is made when a state is new."""
        if state is not self.seen:
            self.seen = state
            self.kept = TrainingState(state.parameters.copy(), state.optimizer_state.copy())
        super().run_epoch(self.kept, X, Y, steps, losses)

    def synchronize(self, state: TrainingState) -> None:
        """Bring the copy into the state."""
        if state is self.seen:
            state.parameters[...] = self.kept.parameters
            state.optimizer_state[...] = self.kept.optimizer_state


class OneByOne:
    """Trains several networks, each with a program of its own."""

    plan = Plan()

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = programs

    def warm_up(self) -> None:
        """Do nothing."""

    def run_epoch(
        self,
        states: Sequence[TrainingState],
        X: Array,
        Y: Array,
        steps: Sequence[Steps],
        losses: Array,
        active: Sequence[int],
    ) -> None:
        """Run the window with each active network."""
        for k, own_steps, own_losses in self.calls(steps, losses, active):
            self.programs[k].run_epoch(states[k], X, Y, own_steps, own_losses)

    def calls(self, steps: Sequence[Steps], losses: Array, active: Sequence[int]) -> list[Call]:
        """Return the calls of single programs that one call of all makes."""
        return [(k, steps[k], losses[k]) for k in active]

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Do so with each network."""
        for program, state in zip(self.programs, states, strict=True):
            program.synchronize(state)


class OneByOneBackend(ABC):
    """A backend that trains several networks with programs of single ones."""

    many: type[OneByOne]

    @abstractmethod
    def program_of(self, settings: Settings, workload: Workload | None, *, alone: bool) -> Program:
        """Return the program of one network, which trains alone or beside others."""

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None = None,
    ) -> Program:
        """Return the program of one network with the fault."""
        return self.program_of((network, loss, optimizer, dtype), workload, alone=True)

    def compile_many(
        self,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: np.dtype[Any],
        workload: Workload,
    ) -> ManyProgram:
        """Return the program of several networks with the fault."""
        return self.many(
            [
                self.program_of((network, loss, optimizer, dtype), workload, alone=False)
                for network, optimizer in zip(networks, optimizers, strict=True)
            ]
        )


@dataclass(frozen=True)
class FaultyBackend(OneByOneBackend):
    """A right backend with a fault, in its program of one network or in that of several.

    Args:
        name: of the faulty backend.
        program: with the fault.
        many: program of several networks.
        decisions: whether it offers to write them.
        inner: name of the right backend.
    """

    name: str
    program: type[FaultyReference] = FaultyReference
    many: type[OneByOne] = OneByOne
    decisions: bool = False
    inner: str = REFERENCE

    @property
    def capabilities(self) -> Capabilities:
        """All that `FaultyReference` trains, and several networks at once."""
        return Capabilities.of(
            layers=["dense"],
            activations=["identity", "sigmoid", "tanh", "relu"],
            losses=["binary_cross_entropy", "categorical_cross_entropy"],
            optimizers=["sgd", "momentum", "nesterov", "rate_in_velocity", "l2"],
            dtypes=["float64"],
            many=True,
            step_fields=[RATES, WEIGHTS, PENALTIES, *([DECISIONS] if self.decisions else [])],
        )

    def program_of(
        self, settings: Settings, workload: Workload | None, *, alone: bool
    ) -> FaultyReference:
        """Return the right backend's program with the fault."""
        network, _, optimizer, _ = settings
        inner = registry.load(self.inner).compile(*settings, workload)
        return self.program(inner, network, cast(SGD, optimizer))
