"""The capabilities of a backend, as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise.contract.state import DECISIONS
from samplewise.network.custom import CUSTOM_ACTIVATIONS, CUSTOM_LOSSES, CUSTOM_OPTIMIZERS
from samplewise.network.layers import Layer
from samplewise.network.losses import Loss
from samplewise.network.network import Network
from samplewise.network.optimizers import Optimizer

# Names, or the classes that have them; a table by either is iterated over its keys.
Names = Iterable[str | type[Layer] | type[Loss] | type[Optimizer]]
# The kind of a capability, such as "layer", and its name, such as "conv".
Need = tuple[str, str]
CPU, FULL = "cpu", "full"

if TYPE_CHECKING:
    import numpy as np


class Others(TypedDict, total=False):
    """Fields of `Capabilities` that are not names in a table."""

    deterministic: bool
    many: bool
    device: str
    matmul_precision: str


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of a backend, as data, so that they are checked before training.

    Args:
        layers: kinds of layers, such as "dense", and "frozen" where layers need not be trained.
        activations, losses: names.
        optimizers: names and options of optimizers, such as "sgd", "momentum" and "l2".
        dtypes: "float64", "float32" or both.
        deterministic: True where the same call on the same machine gives the same bits.
        plans: names of `PLANS`: the ways to train that a workload may ask for.
        many: True where `compile_many` trains several networks at once.
        step_fields: fields of `Steps` that it follows: "rates" that change by the step, "weights"
            of the rows, "penalties" of the batches. Where a run needs one that is not named here,
            the backend is not asked.
        decisions: True where it writes `Steps.decisions`. Without, the engine measures the training
            accuracy in a pass of its own.
        device: that computes, such as "cpu" or "gpu:0".
        matmul_precision: of its matrix products, in a word: "full" where none rounds its factors to
            fewer digits than their dtype has.
    """

    layers: frozenset[str]
    activations: frozenset[str]
    losses: frozenset[str]
    optimizers: frozenset[str]
    dtypes: frozenset[str]
    deterministic: bool
    plans: frozenset[str] = frozenset({DIRECT})
    many: bool = False
    step_fields: frozenset[str] = frozenset()
    decisions: bool = False
    device: str = CPU
    matmul_precision: str = FULL

    @classmethod
    def of(
        cls,
        *,
        layers: Names,
        activations: Names,
        losses: Names,
        optimizers: Names,
        dtypes: Names = ("float32", "float64"),
        plans: Names = (DIRECT,),
        step_fields: Names = (),
        **others: Unpack[Others],
    ) -> Capabilities:
        """Return the capabilities that a backend's dispatch tables hold.

        Args:
            layers: keys of every table of layers, by kind or class, and of their options.
            activations: table by name.
            losses: table by name, or by class.
            optimizers: keys of every table in which update rules and their options are looked up.
            dtypes: as the field.
            plans: as the field.
            step_fields: of `Steps`, those that it follows, and "decisions" where it writes them.
            others: the other fields; deterministic is True where it is left out.
        """
        fields = _names(step_fields)
        others.setdefault("deterministic", True)
        return cls(
            layers=_names(layers),
            activations=_names(activations),
            losses=_names(losses),
            optimizers=_names(optimizers),
            dtypes=_names(dtypes),
            plans=_names(plans),
            step_fields=fields - {DECISIONS},
            decisions=DECISIONS in fields,
            **others,
        )

    def with_custom(self) -> Capabilities:
        """Return these and all that the user has registered, for backends that compute in NumPy."""
        if not (CUSTOM_ACTIVATIONS.names or CUSTOM_LOSSES.names or CUSTOM_OPTIMIZERS.names):
            return self
        return dataclasses.replace(
            self,
            activations=self.activations | CUSTOM_ACTIVATIONS.names,
            losses=self.losses | CUSTOM_LOSSES.names,
            optimizers=self.optimizers | CUSTOM_OPTIMIZERS.names,
        )

    def missing(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        plan: str = AUTO_PLAN,
        step_fields: Iterable[str] = (),
    ) -> list[str]:
        """Return the capabilities that a run needs and the backend lacks, as "kind 'name'"."""
        needed = needs(network, loss, optimizer, dtype, plan, step_fields)
        offered = self.names()
        return sorted(f"{kind} '{name}'" for kind, name in needed if name not in offered[kind])

    def names(self) -> dict[str, frozenset[str]]:
        """Return the offered names of each kind, with the kinds of `needs`."""
        return {
            "layer": self.layers,
            "activation": self.activations,
            "loss": self.losses,
            "optimizer": self.optimizers,
            "dtype": self.dtypes,
            "plan": self.plans | {AUTO_PLAN},
            "step field": self.step_fields,
        }


def needs(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    dtype: np.dtype[Any],
    plan: str = AUTO_PLAN,
    step_fields: Iterable[str] = (),
) -> set[Need]:
    """Return the capabilities that a run takes."""
    return {
        *(("layer", feature) for layer in network.layers for feature in layer.features),
        *(("activation", layer.activation) for layer in network.layers),
        ("loss", loss.name),
        *(("optimizer", feature) for feature in optimizer.features),
        ("dtype", _name_of(dtype)),
        ("plan", plan),
        *(("step field", field) for field in step_fields),
    }


@cache
def _name_of(dtype: np.dtype[Any]) -> str:
    # NumPy makes it anew each time, which takes as long as all other needs of a run.
    return dtype.name


def _names(table: Names) -> frozenset[str]:
    """Return the names of a table's keys."""
    return frozenset(map(_name, table))


def _name(key: str | type[Layer] | type[Loss] | type[Optimizer]) -> str:
    if isinstance(key, str):
        return key
    return key.kind if issubclass(key, Layer) else key.name
