"""Storage of the parameters of networks while they train together."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import TrainingState
from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.plans.lowering import Layers, layer_table, padded
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.trainer import Trainer

Vector = NDArray[Any]
Matrix = NDArray[Any]
Pair = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Parameters:
    """The parameters that kernels read and update.

    Args:
        theta: flat, all parameters but the first layers' weights, where the layers say.
        velocity: likewise, or empty.
        W: first layers' weights, (R, inputs).
        V: likewise their velocities; equal to W where there are none.
        bias: first layers' biases, (ld,), which is R or a little more.
        bias_velocity: likewise; equal to `bias` where there are none.
    """

    theta: Vector
    velocity: Vector
    W: Matrix
    V: Matrix
    bias: Vector
    bias_velocity: Vector


class InStates(Trainer):
    """A plan after whose calls the states hold all of the training."""

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Do nothing."""

    def held_state(self, states: Sequence[TrainingState]) -> dict[str, NDArray[Any]]:
        """Return nothing."""
        return {}

    def restore(
        self,
        states: Sequence[TrainingState],
        X: NDArray[Any],
        held: Mapping[str, NDArray[Any]],
    ) -> None:
        """Do nothing."""

    def first_values(self, states: Sequence[TrainingState], X: Matrix) -> Matrix | None:
        """Return None: the states have the weights."""
        return None


class InPlace:
    """One network: kernels work on the caller's own vectors, but for the first layer's bias."""

    def __init__(self, member: Member, dtype: np.dtype[Any]) -> None:
        self._member = member
        self._biases = [aligned_zeros(padded(member.units), dtype) for _ in range(2)]
        self.forget()

    def forget(self) -> None:
        """Let go of the states, and clear the biases that kernels left beside them."""
        self._vectors: list[Vector] = []
        self._pairs: list[Pair] = []
        self._parameters: Parameters | None = None
        for bias in self._biases:
            bias.fill(0)

    def layers(self, rows: int, out: int) -> tuple[list[Layers], int]:
        """Return the records of each network's layers, and the length of the buffers."""
        table, out = layer_table(self._member.network, rows, out, training=True)
        return [table], out

    def enter(self, states: Sequence[TrainingState], *, first: bool = True) -> Parameters:
        """Return the parameters of the states, for kernels."""
        vectors, parameters = _vectors_of(states), self._parameters
        if parameters is None or not _are_same(vectors, self._vectors):
            parameters, self._pairs = self._views(*vectors)
            self._vectors, self._parameters = vectors, parameters
        for ours, theirs in self._pairs:
            ours[: len(theirs)] = theirs
        return parameters

    def leave(self, states: Sequence[TrainingState], *, first: bool = True) -> None:
        """Copy the bias back: the rest kernels updated themselves."""
        for ours, theirs in self._pairs:
            theirs[...] = ours[: len(theirs)]

    def _views(self, theta: Vector, velocity: Vector) -> tuple[Parameters, list[Pair]]:
        member, (bias, bias_velocity) = self._member, self._biases
        W, pairs = member.first_weights(theta), [(bias, member.first_bias(theta))]
        if not len(velocity):
            return Parameters(theta, velocity, W, W, bias, bias), pairs
        pairs.append((bias_velocity, member.first_bias(velocity)))
        V = member.first_weights(velocity)
        return Parameters(theta, velocity, W, V, bias, bias_velocity), pairs


def _vectors_of(states: Sequence[TrainingState]) -> list[Vector]:
    return [v for state in states for v in (state.parameters, state.optimizer_state)]


def _are_same(ours: Sequence[Vector], theirs: Sequence[Vector]) -> bool:
    return len(ours) == len(theirs) and all(map(operator.is_, ours, theirs))


class Stacked:
    """Several networks: first layers one above the other, then all biases, then later layers.

    They are copied in and out with each call, at the cost of about one sample's step.

    Args:
        members: the networks, at least one, with the same inputs.
    """

    def __init__(self, members: Sequence[Member], dtype: np.dtype[Any]) -> None:
        self._members = list(members)
        rows = sum(member.units for member in members)
        size = padded(rows)
        self._places = []
        row = 0
        for member in members:
            length = member.later_layers.stop - member.later_layers.start
            self._places.append((slice(row, row + member.units), slice(size, size + length)))
            row, size = row + member.units, size + length
        has_velocity = any(member.optimizer.slots for member in members)
        inputs = members[0].network.inputs
        rest, velocity = aligned_zeros(size, dtype), aligned_zeros(size * has_velocity, dtype)
        W = aligned_zeros((rows, inputs), dtype)
        V = aligned_zeros((rows, inputs), dtype) if has_velocity else W
        biases = slice(padded(rows))
        bias_velocity = velocity[biases] if has_velocity else rest[biases]
        self._stacked = Parameters(rest, velocity, W, V, rest[biases], bias_velocity)
        self.forget()

    def forget(self) -> None:
        """Let go of the states, and empty the stacked vectors."""
        self._vectors: list[Vector] = []
        self._first: list[Pair] = []
        self._rest: list[Pair] = []
        stacked = self._stacked
        for array in (stacked.theta, stacked.velocity, stacked.W, stacked.V):
            array.fill(0)

    def layers(self, rows: int, out: int) -> tuple[list[Layers], int]:
        """Return the records of each network's layers, and the length of the buffers."""
        found = []
        for member, (units, later) in zip(self._members, self._places, strict=True):
            table, out = layer_table(member.network, rows, out, training=True)
            moved = later.start - member.later_layers.start
            table["weight"][1:] += moved
            table["bias"][1:] += moved
            table["bias"][0] = units.start
            found.append(table)
        return found, out

    def enter(self, states: Sequence[TrainingState], *, first: bool = True) -> Parameters:
        """Copy the states in, and return them for kernels; `first`: the first layers too."""
        for ours, theirs in self._pairs(states, first):
            ours[...] = theirs
        return self._stacked

    def leave(self, states: Sequence[TrainingState], *, first: bool = True) -> None:
        """Copy the states back; `first`: the first layers too."""
        for ours, theirs in self._pairs(states, first):
            theirs[...] = ours

    def _pairs(self, states: Sequence[TrainingState], with_first: bool) -> list[Pair]:
        """Return each part of the stacked vectors with the part of a state that it copies."""
        vectors = _vectors_of(states)
        # The same states come with every call, and views take longer to make than to copy.
        if not _are_same(vectors, self._vectors):
            self._vectors = vectors
            self._first, self._rest = self._paired(states)
        return self._first + self._rest if with_first else self._rest

    def _paired(self, states: Sequence[TrainingState]) -> tuple[list[Pair], list[Pair]]:
        stacked, firsts, rests = self._stacked, [], []
        for member, place, state in zip(self._members, self._places, states, strict=True):
            units, later = place
            vectors = [(stacked.W, stacked.theta, state.parameters)]
            if len(state.optimizer_state):
                vectors.append((stacked.V, stacked.velocity, state.optimizer_state))
            for first, rest, vector in vectors:
                firsts.append((first[units], member.first_weights(vector)))
                rests.append((rest[units], member.first_bias(vector)))
                rests.append((rest[later], vector[member.later_layers]))
        return firsts, rests
