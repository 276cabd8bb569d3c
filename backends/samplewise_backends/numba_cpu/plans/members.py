"""Networks as the planner and the plans see them: each with its optimizer, and what it allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from samplewise.contract import PENALTIES, RATES
from samplewise.network import Network, Optimizer
from samplewise_backends.numba_cpu.kernels.codes import Kind
from samplewise_backends.numba_cpu.plans.arrays import Matrix, Vector
from samplewise_backends.numba_cpu.plans.lowering import Layers, layer_table

# Where steps use one of these, a block of them cannot be made at once.
ONE_BY_ONE = frozenset({RATES, PENALTIES})
# Optimizers, and their options, of networks that train in lanes.
ABREAST_FEATURES = frozenset({"sgd", "momentum", "nesterov", "rate_in_velocity", "l2"})
# Inputs of a unit whose squared weights they sum for a penalty, in the dtype: 20,000 equal weights
# in float32 gave an error of 3.5e-5, 200,000 one of 2.3e-4.
MOST_SQUARES = 4096


@dataclass(frozen=True)
class Member:
    """A network, its optimizer, and the fields of `Steps` that its steps use."""

    network: Network
    optimizer: Optimizer
    step_fields: frozenset[str] = frozenset()

    @cached_property
    def layers(self) -> Layers:
        """The records of its layers in training, with outputs of no rows."""
        return layer_table(self.network, 0, training=True)[0]

    @property
    def starts_dense(self) -> bool:
        """True if the first layer that computes something is dense, on the inputs as they are."""
        return bool(self.layers["kind"][0] == Kind.DENSE)

    @property
    def first_is_trained(self) -> bool:
        """True if the first layer's weights are trained: a block saves work on these alone."""
        return bool(self.layers["trained"][0])

    @property
    def in_blocks(self) -> bool:
        """True if a block of steps can be made at once, where the first layer is trained."""
        alone = self.step_fields & ONE_BY_ONE
        return self.starts_dense and self.optimizer.is_linear and not alone

    @property
    def sums_few_squares(self) -> bool:
        """True if no step sums more than `MOST_SQUARES` squares for the penalty of a unit."""
        widest = int(self.layers["inputs"].max())
        return widest <= MOST_SQUARES or PENALTIES not in self.step_fields

    @property
    def units(self) -> int:
        """Units of the first layer."""
        return int(self.layers["units"][0])

    @property
    def later_layers(self) -> slice:
        """Slice of the network's flat vector with all parameters but the first layer's."""
        slots, size = self.network.layout.slots, self.network.layout.size
        return slice(slots[2].offset if len(slots) > 2 else size, size)

    def first_weights(self, vector: Vector) -> Matrix:
        """Return the view of the first layer's weights, (units, inputs)."""
        return self.network.layout.views(vector)[f"{self._first}.weight"]

    def first_bias(self, vector: Vector) -> Vector:
        """Return the view of the first layer's bias, (units,)."""
        return self.network.layout.views(vector)[f"{self._first}.bias"]

    @property
    def _first(self) -> int:
        return int(self.layers["index"][0])


def can_be_thin(members: Sequence[Member], batch_size: int) -> bool:
    """Return True if the batches of networks can lie in the lanes: see `kernels.thin`."""
    all_dense = all((member.layers["kind"] == Kind.DENSE).all() for member in members)
    return batch_size > 1 and all_dense


def can_be_abreast(members: Sequence[Member], batch_size: int) -> bool:
    """Return True if networks can lie in the lanes, row by row: see `kernels.abreast`."""
    all_dense = all((member.layers["kind"] == Kind.DENSE).all() for member in members)
    known = all(ABREAST_FEATURES.issuperset(member.optimizer.features) for member in members)
    trained = all(member.first_is_trained and member.sums_few_squares for member in members)
    return batch_size == 1 and all_dense and known and trained


def can_be_shared(member: Member) -> bool:
    """Return True if threads can take a part each of a network's batches: see `kernels.shared`."""
    convolves = bool((member.layers["kind"] == Kind.CONV).any())
    # A norm is of the whole gradient.
    return convolves and member.optimizer.clip_norm is None
