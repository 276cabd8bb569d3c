"""The backend as the engine finds it; nothing here imports JAX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from samplewise.contract import DECISIONS, PENALTIES, RATES, WEIGHTS, Capabilities, Workload
from samplewise.network import FROZEN, Loss, Network, Optimizer
from samplewise_jax import device as devices
from samplewise_jax import optimizers as rules
from samplewise_jax.activations import ACTIVATIONS
from samplewise_jax.layers import LAYERS
from samplewise_jax.losses import LOSSES
from samplewise_jax.many import JaxManyProgram
from samplewise_jax.program import JaxProgram

OFFERED = Capabilities.of(
    layers=[*LAYERS, FROZEN],
    activations=ACTIVATIONS,
    losses=LOSSES,
    optimizers=[*rules.UPDATES, *rules.LIMITS, *rules.PENALTIES, *rules.DECAYS],
    many=True,
    step_fields=[RATES, WEIGHTS, PENALTIES, DECISIONS],
)


class JaxBackend:
    """Networks compiled by XLA, one loop over the steps of a call.

    Args:
        device: as `device.chosen`; None also leaves it out of `capabilities`, which then need no
            JAX.
    """

    name = "jax"
    contract_version = 1

    def __init__(self, device: str | None = None) -> None:
        self._given = device
        self._device = device or ""

    @cached_property
    def capabilities(self) -> Capabilities:
        """The capabilities of this backend on its device."""
        if self._given is None:
            return OFFERED
        found = devices.chosen(self._device)
        return replace(
            OFFERED, device=devices.name(found), deterministic=devices.deterministic(found)
        )

    def on_device(self, device: str) -> JaxBackend:
        """Return the backend for a device, which is looked for when it is needed."""
        return JaxBackend(device)

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None = None,
    ) -> JaxProgram:
        """Return a program; XLA compiles each of its functions when it first meets a shape."""
        return JaxProgram(network, loss, optimizer, dtype, workload, self._device)

    def compile_many(
        self,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: np.dtype[Any],
        workload: Workload,
    ) -> JaxManyProgram:
        """Return a program in which equal networks make their steps in one call."""
        return JaxManyProgram(networks, loss, optimizers, dtype, workload, self._device)

    def unavailable(self) -> str | None:
        """Return why JAX cannot compute on the device, or None."""
        return devices.unavailable(self._device)

    @property
    def kernels(self) -> str:
        """JAX's version, the device and the precision of products, for history and listing."""
        where = devices.name(devices.chosen(self._device))
        return f"XLA of JAX {version('jax')}, on {where}, products of full precision"
