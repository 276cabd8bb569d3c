"""Several networks that train at once: equal ones in one call, the others one after the other.

Networks are equal here that differ in weights, rates and numbers of the optimizer only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import ManyProgram, Plan, Steps, TrainingState, Workload
from samplewise.network import Loss, Network, Optimizer
from samplewise_jax import device
from samplewise_jax.compiled import Inputs, power_of_two
from samplewise_jax.lazy import jax
from samplewise_jax.program import JaxProgram, samples_of_call

Vector = NDArray[Any]
Matrix = NDArray[Any]
# Of parameters. Measured on a CPU, 8 networks, batch 1: one call took 0.4 of the time of 8 where
# they had 80 KB, and 1.2 to 1.4 times as long from 310 KB on.
BYTES_AT_ONCE = 200_000


class JaxManyProgram(ManyProgram):
    """Networks in groups of equal ones.

    Args:
        networks, loss, optimizers, dtype, workload: as `Backend.compile_many`.
        on: the device, as `device.chosen` takes it.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: np.dtype[Any],
        workload: Workload,
        on: str = "",
    ) -> None:
        self._samples = samples_of_call(networks)
        self.plan, self._workload, self._on = Plan(chunk=self._samples), workload, on
        self._programs = [
            JaxProgram(network, loss, optimizer, dtype, workload, on)
            for network, optimizer in zip(networks, optimizers, strict=True)
        ]
        self._groups = list(_groups(self._programs, networks, dtype))

    def warm_up(self) -> None:
        """Compile the steps of all networks together, by calls that make none of them."""
        for group in self._groups:
            idle = [self._programs[i].idle_inputs(self._workload, self._samples) for i in group]
            with device.in_use(self._on):
                self._call(idle[0][:2], group, [inputs for *_, inputs in idle])

    def run_epoch(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
        active: Sequence[int],
    ) -> None:
        """Train the active networks, each group of equal ones in one call."""
        with device.in_use(self._on):
            rows = self._programs[0].on_device(X, Y)
            for group in self._groups:
                members = [i for i in group if i in active]
                inputs = [self._programs[i].inputs(states[i], steps[i]) for i in members]
                found = self._call(rows, members, inputs) if members else None
                for k, i in enumerate(members):
                    own = jax.tree.map(lambda part, k=k: part[k], found)
                    self._programs[i].write(own, states[i], steps[i], losses[i])

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Nothing is kept elsewhere."""

    def _call(self, rows: tuple[Any, Any], members: Sequence[int], inputs: Sequence[Inputs]) -> Any:
        """Return the outputs of networks on X and Y, each with an axis for them in front."""
        functions, first = self._programs[members[0]].compiled, inputs[0]
        if len(members) == 1:
            return jax.tree.map(lambda part: np.asarray(part)[None], functions.window(*rows, first))
        # Networks stop at different times: with fewer of them, the call is seldom of a new shape.
        room = [*inputs, *[first] * (power_of_two(len(members)) - len(members))]
        each = jax.tree.map(lambda *parts: np.stack(parts), *room)
        window, shared = each.window, first.window
        window = window._replace(rows=shared.rows, first=shared.first, steps=shared.steps)
        found = functions.windows(*rows, each._replace(window=window))
        return jax.tree.map(np.asarray, found)


def _groups(
    programs: Sequence[JaxProgram], networks: Sequence[Network], dtype: np.dtype[Any]
) -> Iterator[Sequence[int]]:
    """Yield indices of networks that train in one call."""
    equal: dict[int, list[int]] = {}
    for index, program in enumerate(programs):
        # Equal networks share one object, as long as a program has it.
        equal.setdefault(id(program.compiled), []).append(index)
    for group in equal.values():
        size = networks[group[0]].layout.size * dtype.itemsize
        count = max(BYTES_AT_ONCE // max(size, 1), 1)
        yield from (group[first : first + count] for first in range(0, len(group), count))
