"""What a backend can do, as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise.network.activations import OWN_ACTIVATIONS
from samplewise.network.losses import Loss, own_losses
from samplewise.network.network import Network
from samplewise.network.optimizers import Optimizer, own_optimizers

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Capabilities:
    """What a backend can compile, as data, so that it is asked before training.

    Args:
        layers: kinds of layers, such as "dense".
        activations, losses: names.
        optimizers: names and options of optimizers, such as "sgd", "momentum" and "l2".
        dtypes: "float64", "float32" or both.
        deterministic: True where the same call on the same machine gives the same bits.
        plans: names of `PLANS`: the ways to train that a workload may ask for.
        many: True where `compile_many` trains several networks at once.
        step_fields: what it follows of `Steps`: "rates" that change from step to step, "weights"
            of the rows. Where a run needs one that is not named here, the backend is not asked.
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

    def with_own(self) -> Capabilities:
        """Return these and all that the user has registered, for what computes in NumPy."""
        return dataclasses.replace(
            self,
            activations=self.activations | set(OWN_ACTIVATIONS),
            losses=self.losses | own_losses(),
            optimizers=self.optimizers | own_optimizers(),
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
        """Return what this run needs and the backend lacks, each as "kind 'name'"."""
        needed = [
            *(("layer", layer.kind, self.layers) for layer in network.layers),
            *(("activation", layer.activation, self.activations) for layer in network.layers),
            ("loss", loss.name, self.losses),
            *(("optimizer", feature, self.optimizers) for feature in optimizer.features),
            ("dtype", dtype.name, self.dtypes),
            ("plan", plan, self.plans | {AUTO_PLAN}),
            *(("step field", field, self.step_fields) for field in step_fields),
        ]
        return sorted({f"{kind} '{name}'" for kind, name, offered in needed if name not in offered})
