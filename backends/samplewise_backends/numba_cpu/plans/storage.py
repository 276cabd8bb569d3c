"""Storage of the parameters of networks while they train together."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix, Vector
from samplewise_backends.numba_cpu.plans.lowering import Layers, layer_table, padded
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.trainer import States


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


# Parts that are copied, each with the part of a state; and the parameters, with the pairs of the
# first layers' weights and those of all else.
Pairs = list[tuple[Vector, Vector]]
Entered = tuple[Parameters, Pairs, Pairs]


class Storage(ABC):
    """The parameters of networks while they train.

    What kernels cannot use where it lies in the states is copied in and out with each call.

    Args:
        own: the arrays for that.
    """

    def __init__(self, own: Sequence[Vector]) -> None:
        self._own = own
        self._vectors: list[Vector] = []
        self._known: Entered | None = None

    def forget(self) -> None:
        """Let go of the states, and clear what kernels left beside them."""
        self._vectors, self._known = [], None
        for array in self._own:
            array.fill(0)

    def enter(self, states: States, *, first: bool = True) -> Parameters:
        """Copy the states in, and return them for kernels; `first`: the first layers too."""
        vectors = [v for state in states for v in (state.parameters, state.optimizer_state)]
        same = len(vectors) == len(self._vectors) and all(map(operator.is_, vectors, self._vectors))
        # The same states come with every call, and views take longer to make than to copy.
        if self._known is None or not same:
            self._vectors, self._known = vectors, self._views(states)
        parameters, firsts, rests = self._known
        for ours, theirs in firsts + rests if first else rests:
            ours[...] = theirs
        return parameters

    def leave(self, *, first: bool = True) -> None:
        """Copy the states that were entered back; `first`: the first layers too."""
        assert self._known is not None
        _, firsts, rests = self._known
        for ours, theirs in firsts + rests if first else rests:
            theirs[...] = ours

    @abstractmethod
    def layers(self, rows: int, out: int) -> tuple[list[Layers], int]:
        """Return the records of each network's layers, and the length of the buffers."""

    @abstractmethod
    def _views(self, states: States) -> Entered:
        """Return the parameters, and each part of them with the part of a state that it copies."""


class InPlace(Storage):
    """One network: kernels work on the caller's own vectors, but for the first layer's bias."""

    def __init__(self, member: Member, dtype: DType) -> None:
        self._member = member
        super().__init__([aligned_zeros(padded(member.units), dtype) for _ in range(2)])

    def layers(self, rows: int, out: int) -> tuple[list[Layers], int]:
        """As `Storage.layers`: parameters lie where the network's layout has them."""
        table, out = layer_table(self._member.network, rows, out, training=True)
        return [table], out

    def _views(self, states: States) -> Entered:
        member, (bias, bias_velocity) = self._member, self._own
        theta, velocity = states[0].parameters, states[0].optimizer_state
        W, pairs = member.first_weights(theta), [(bias[: member.units], member.first_bias(theta))]
        if not len(velocity):
            return Parameters(theta, velocity, W, W, bias, bias), [], pairs
        pairs.append((bias_velocity[: member.units], member.first_bias(velocity)))
        V = member.first_weights(velocity)
        return Parameters(theta, velocity, W, V, bias, bias_velocity), [], pairs


class Stacked(Storage):
    """Several networks: first layers one above the other, then all biases, then later layers.

    They are copied in and out with each call, at the cost of about one sample's step.

    Args:
        members: the networks, at least one, with the same inputs.
    """

    def __init__(self, members: Sequence[Member], dtype: DType) -> None:
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
        super().__init__([rest, velocity, W, V])

    def layers(self, rows: int, out: int) -> tuple[list[Layers], int]:
        """As `Storage.layers`: parameters lie in the arrays that all networks share."""
        found = []
        for member, (units, later) in zip(self._members, self._places, strict=True):
            table, out = layer_table(member.network, rows, out, training=True)
            moved = later.start - member.later_layers.start
            table["weight"][1:] += moved
            table["bias"][1:] += moved
            table["bias"][0] = units.start
            found.append(table)
        return found, out

    def _views(self, states: States) -> Entered:
        stacked, firsts, rests = self._stacked, [], []
        for member, (units, later), state in zip(self._members, self._places, states, strict=True):
            vectors = [(stacked.W, stacked.theta, state.parameters)]
            if len(state.optimizer_state):
                vectors.append((stacked.V, stacked.velocity, state.optimizer_state))
            for first, rest, vector in vectors:
                firsts.append((first[units], member.first_weights(vector)))
                rests.append((rest[units], member.first_bias(vector)))
                rests.append((rest[later], vector[member.later_layers]))
        return stacked, firsts, rests
