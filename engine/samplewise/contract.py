"""The contract between the engine and its backends.

The engine says what to train and owns everything that must be equal on every backend: initial
weights, the order of samples, batch edges, learning rates, seeds and stopping. A backend compiles
a network to a program and executes it. It holds no randomness, starts no thread that it was not
given, and changes none of its inputs but `state` and `losses`.

What every program computes:

- The gradient of a step is the mean over its batch; a short last batch uses its own mean.
- `losses` gets the loss of each sample as seen in the forward pass that produced its update.
- Losses come from logits, and their gradient with respect to the logits is p - y.
- The slope of ReLU at exactly 0 is 0.
- float64 in means float64 inside. No compiler flag may hide NaN or infinity.

`samplewise.testing.check_backend(name)` says whether a backend keeps the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samplewise.network.losses import Loss
from samplewise.network.network import Network
from samplewise.network.optimizers import Optimizer

# A backend may say which version it is made for, in `contract_version`; another one is refused.
CONTRACT_VERSION = 1
ENTRY_POINT_GROUP = "samplewise.backends"


@dataclass(frozen=True)
class Capabilities:
    """What a backend can compile, as data, so that it is asked before training.

    Args:
        layers: kinds of layers, such as "dense".
        activations, losses, optimizers: names.
        dtypes: "float64", "float32" or both.
        deterministic: True where the same call on the same machine gives the same bits.
    """

    layers: frozenset[str]
    activations: frozenset[str]
    losses: frozenset[str]
    optimizers: frozenset[str]
    dtypes: frozenset[str]
    deterministic: bool

    def missing(
        self, network: Network, loss: Loss, optimizer: Optimizer, dtype: np.dtype[Any]
    ) -> list[str]:
        """Return what this run needs and the backend lacks, each as "kind 'name'"."""
        needed = [
            *(("layer", layer.kind, self.layers) for layer in network.layers),
            *(("activation", layer.activation, self.activations) for layer in network.layers),
            ("loss", loss.name, self.losses),
            ("optimizer", optimizer.name, self.optimizers),
            ("dtype", dtype.name, self.dtypes),
        ]
        return sorted({f"{kind} '{name}'" for kind, name, offered in needed if name not in offered})


@dataclass
class TrainingState:
    """All that a step changes.

    Args:
        parameters: flat vector of the network's layout, (P,), 64-byte aligned.
        optimizer_state: the optimizer's slots one after the other, (slots * P,), aligned.
        step: updates made so far; the engine counts.
    """

    parameters: NDArray[Any]
    optimizer_state: NDArray[Any]
    step: int = 0


@dataclass(frozen=True)
class Steps:
    """Consecutive steps of one epoch: the batches of `order[start:stop]`.

    Args:
        order: int64 (n,), the rows in the order of the epoch. The engine passes the same array
            object as long as the order stays the same, and never writes to it.
        start, stop: the window; `start` is a multiple of `batch_size`, and `stop` too unless it
            is n.
        batch_size: rows of a step; the last batch of the epoch may be shorter.
        learning_rate: of every step here.
    """

    order: NDArray[np.int64]
    start: int
    stop: int
    batch_size: int
    learning_rate: float


class Program(Protocol):
    """A network, loss and optimizer compiled for one dtype; called from one thread at a time.

    Arrays are C-contiguous, of the program's dtype, finite and of the right shape: the engine has
    checked. X is (n, inputs) and Y is (n, outputs); either may be read-only.
    """

    def warm_up(self) -> None:
        """Do now whatever the first call would do once: compile, load, allocate."""
        ...

    def run_epoch(
        self,
        state: TrainingState,
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Steps,
        losses: NDArray[Any],
    ) -> None:
        """Train on the batches of `steps`, updating `state` in place.

        Writes `losses[i]` for each i in [steps.start, steps.stop): the loss of the sample
        `steps.order[i]` before its update. `losses` has shape (n,) and the program's dtype.
        """
        ...

    def gradients(
        self, parameters: NDArray[Any], X: NDArray[Any], Y: NDArray[Any]
    ) -> tuple[float, NDArray[Any]]:
        """Return the mean loss of the rows and its gradient, a new flat vector (P,)."""
        ...

    def predict(self, parameters: NDArray[Any], X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits, a new array of shape (n, outputs)."""
        ...


class Backend(Protocol):
    """A way to execute networks. The entry point names an object with these members."""

    @property
    def name(self) -> str:
        """Name, equal to that of the entry point."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can compile."""
        ...

    def compile(
        self, network: Network, loss: Loss, optimizer: Optimizer, dtype: np.dtype[Any]
    ) -> Program:
        """Return a program. The engine asks only for what `capabilities` offer."""
        ...
