"""Activations, losses and optimizers that a user registers, checked when they are registered.

They run on backends that compute in NumPy (`reference`, `vectorized`), in this process: a process
that loads a model with a custom activation or loss has to register it first.
"""

from samplewise.network.custom.kinds import CustomActivation as CustomActivation
from samplewise.network.custom.kinds import CustomLoss as CustomLoss
from samplewise.network.custom.kinds import CustomOptimizer as CustomOptimizer
from samplewise.network.custom.registration import CUSTOM_ACTIVATIONS as CUSTOM_ACTIVATIONS
from samplewise.network.custom.registration import CUSTOM_LOSSES as CUSTOM_LOSSES
from samplewise.network.custom.registration import CUSTOM_OPTIMIZERS as CUSTOM_OPTIMIZERS
from samplewise.network.custom.registration import register_activation as register_activation
from samplewise.network.custom.registration import register_loss as register_loss
from samplewise.network.custom.registration import register_optimizer as register_optimizer
