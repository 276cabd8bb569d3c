"""One training problem in a few values; `problems.problem` draws its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplewise.contract import Capabilities
from samplewise.contract.capabilities import Need, needs
from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise.contract.state import step_count
from samplewise.network import SGD, Loss, Network, Optimizer, loss_named, multilayer_perceptron
from samplewise.options.fields import changed_fields

ROWS = 39
# Several blocks of any built-in backend that treats steps together, and a part of one.
LONG_ROWS = 301
PLAIN = SGD()


@dataclass(frozen=True)
class Case:
    """A network and its training.

    Args:
        batch_size: rows of a step, at most `rows`.
        rows: number of samples.
        step_fields: of `Capabilities.step_fields`, those that are set.
        edge: a key of `problems.EDGES`, or empty for a calm problem.
        learning_rate: of every step, or about that of a step; calm for calm cases.
        seed: of the weights. Rows follow from network sizes, loss and rows alone.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer = PLAIN
    batch_size: int = 1
    rows: int = ROWS
    dtype: str = "float64"
    step_fields: frozenset[str] = frozenset()
    edge: str = ""
    learning_rate: float = 0.02
    seed: int = 0

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return step_count(self.rows, self.batch_size)

    def needs(self, plan: str | None = None) -> list[Need]:
        """Return the capabilities that training it by this plan takes, as (kind, name), sorted."""
        how = np.dtype(self.dtype), plan or AUTO_PLAN, self.step_fields
        return sorted(needs(self.network, self.loss, self.optimizer, *how))

    def is_offered(self, capabilities: Capabilities, plan: str | None = None) -> bool:
        """Return True if a backend with these capabilities can train it by this plan."""
        how = np.dtype(self.dtype), plan or AUTO_PLAN, self.step_fields
        return not capabilities.missing(self.network, self.loss, self.optimizer, *how)

    def __str__(self) -> str:
        sizes = [f"{self.rows} rows", f"batch {self.batch_size}", self.dtype]
        parts = [_layers(self.network), _settings(self.loss), _settings(self.optimizer), *sizes]
        return ", ".join([*parts, *sorted(self.step_fields), *([self.edge] * bool(self.edge))])


@dataclass(frozen=True)
class Trial:
    """A case, and the plan that the backend is asked for.

    Args:
        case: `Case`, or `many.ManyCase` on the rung of several networks.
        plan: name; None compiles without a workload.
    """

    case: Any
    plan: str | None = None

    def __str__(self) -> str:
        shown = "" if self.plan in (None, DIRECT, AUTO_PLAN) else f", {self.plan} plan"
        return f"{self.case}{shown}"


def _layers(network: Network) -> str:
    kinds = [
        layer.kind if layer.activation == "identity" else f"{layer.kind} {layer.activation}"
        for layer in network.layers
    ]
    return f"{network} ({' > '.join(kinds)})"


def _settings(described: Loss | Optimizer) -> str:
    """Return the name and the settings that differ from the usual ones."""
    given = changed_fields(described).items()
    return " ".join([described.name, *(f"{name}={value:g}" for name, value in given)])


def dense_case(
    inputs: int, hidden: Sequence[int], outputs: int, activation: str = "sigmoid", **fields: Any
) -> Case:
    """Return a case of dense layers; 1 output means binary cross-entropy, more categorical."""
    network = multilayer_perceptron(inputs, hidden, outputs, activation)
    kind = "binary" if outputs == 1 else "categorical"
    return Case(network, loss_named(f"{kind}_cross_entropy"), **fields)
