"""The backend as the engine finds it; nothing here imports JAX."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from samplewise.contract import (
    DECISIONS,
    PENALTIES,
    RATES,
    WEIGHTS,
    Capabilities,
    Workload,
)
from samplewise.network import FROZEN, Loss, Network, Optimizer
from samplewise_jax import device, optimizers
from samplewise_jax.activations import ACTIVATIONS
from samplewise_jax.layers import LAYERS
from samplewise_jax.losses import LOSSES
from samplewise_jax.many import JaxManyProgram
from samplewise_jax.program import JaxProgram


class JaxBackend:
    """Networks compiled by XLA, one loop over the steps of a call."""

    name = "jax"
    contract_version = 1
    capabilities = Capabilities.of(
        layers=[*LAYERS, FROZEN],
        activations=ACTIVATIONS,
        losses=LOSSES,
        optimizers=[
            *optimizers.UPDATES,
            *optimizers.LIMITS,
            *optimizers.PENALTIES,
            *optimizers.DECAYS,
        ],
        many=True,
        step_fields=[RATES, WEIGHTS, PENALTIES, DECISIONS],
    )

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None = None,
    ) -> JaxProgram:
        """Return a program; XLA compiles each of its functions when it first meets a shape."""
        return JaxProgram(network, loss, optimizer, dtype, workload)

    def compile_many(
        self,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: np.dtype[Any],
        workload: Workload,
    ) -> JaxManyProgram:
        """Return a program in which equal networks make their steps in one call."""
        return JaxManyProgram(networks, loss, optimizers, dtype, workload)

    def unavailable(self) -> str | None:
        """Return why JAX cannot compute on the chosen device, or None."""
        return device.unavailable()

    @property
    def kernels(self) -> str:
        """JAX's version, the device and the precision of products, for history and listing."""
        where = device.name(device.chosen())
        return f"XLA of JAX {version('jax')}, on {where}, products of full precision"
