"""The contract between the engine and its backends.

The engine says what to train and owns everything that must be equal on every backend: initial
weights, the order of samples, batch edges, learning rates, seeds and stopping. A backend compiles
a network to a program and executes it. It holds no randomness, starts no thread that it was not
given, and changes none of its inputs but `state`, `losses` and what `Steps` says is written.

What every program computes:

- The gradient of a step is the mean over its batch; a short last batch uses its own mean.
- Where `Steps.weights` are given, the gradient of a row counts so often in that mean; the division
  is still by the rows of the batch.
- `losses` gets the loss of each sample as seen in the forward pass that produced its update.
- Losses come from logits, and their gradient with respect to the logits is p - y. What a penalty
  adds to the gradient is not part of the loss; `penalties` gets the value of `Steps.l2` by itself.
- The slope of ReLU at exactly 0 is 0.
- float64 in means float64 inside. No compiler flag may hide NaN or infinity.

`samplewise.testing.check_backend(name)` says whether a backend keeps the contract.
"""

from samplewise.contract.backend import Backend
from samplewise.contract.capabilities import Capabilities
from samplewise.contract.plan import PLANS, Plan, PlanSpec, Workload
from samplewise.contract.program import (
    DetachedManyProgram,
    EpochsManyProgram,
    EpochsProgram,
    ManyProgram,
    Program,
)
from samplewise.contract.state import DECISIONS, PENALTIES, RATES, WEIGHTS, Steps, TrainingState

# A backend may say which version it is made for, in `contract_version`; another one is refused.
CONTRACT_VERSION = 1
ENTRY_POINT_GROUP = "samplewise.backends"

__all__ = [
    "CONTRACT_VERSION",
    "DECISIONS",
    "ENTRY_POINT_GROUP",
    "PENALTIES",
    "PLANS",
    "RATES",
    "WEIGHTS",
    "Backend",
    "Capabilities",
    "DetachedManyProgram",
    "EpochsManyProgram",
    "EpochsProgram",
    "ManyProgram",
    "Plan",
    "PlanSpec",
    "Program",
    "Steps",
    "TrainingState",
    "Workload",
]
