"""Activations, losses and optimizers that a user registers, checked when they are registered.

They run on backends that compute in NumPy (`reference`, `vectorized`), in this process: a process
that loads a model with a custom activation or loss has to register it first.
"""

from samplewise.network.custom.kinds import CustomActivation, CustomLoss, CustomOptimizer
from samplewise.network.custom.registration import (
    CUSTOM_ACTIVATIONS,
    CUSTOM_LOSSES,
    CUSTOM_OPTIMIZERS,
    register_activation,
    register_loss,
    register_optimizer,
)

__all__ = [
    "CUSTOM_ACTIVATIONS",
    "CUSTOM_LOSSES",
    "CUSTOM_OPTIMIZERS",
    "CustomActivation",
    "CustomLoss",
    "CustomOptimizer",
    "register_activation",
    "register_loss",
    "register_optimizer",
]
