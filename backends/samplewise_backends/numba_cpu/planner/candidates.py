"""The plans that fit a workload's memory, each with its cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from samplewise.contract import Workload
from samplewise.contract.plan import BLOCKED, DIRECT, DUAL
from samplewise.network import Network
from samplewise_backends.numba_cpu.kernels.block import WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.codes import ActivationCode
from samplewise_backends.numba_cpu.planner.costs import Costs
from samplewise_backends.numba_cpu.planner.step_costs import Estimate
from samplewise_backends.numba_cpu.plans.coefficients import form_of
from samplewise_backends.numba_cpu.plans.gram import ORDERS_AT_ONCE
from samplewise_backends.numba_cpu.plans.lowering import ACTIVATION_CODES, padded
from samplewise_backends.numba_cpu.plans.members import Member

# Approximate rows of a block to weigh; each becomes whole batches.
BLOCKS = (16, 32, 64, 128)
# Maximum time of a call: half the time that an interrupt may wait, for predictions err.
CALL_NS = 0.15e9
# Nanoseconds of a row's step by the direct plan where no rates were measured: for each multiply-add
# of its prediction, for each value of its layers, for each of them behind a rarer activation, for
# each parameter of a batch's step, and beside them. Thirteen networks of all layers took 0.02 to
# 0.95 times as long, with AVX-512, in both dtypes, by single rows and batches of 32.
MULTIPLY_ADD_NS, VALUE_NS, RARE_NS, PARAMETER_NS, ROW_NS = 0.2, 2.0, 25.0, 2.0, 500.0
MIB = 2**20
# Arrays of a block: values, deltas, Q, steps, scratch.
BLOCK_ARRAYS = 5


@dataclass(frozen=True)
class Candidate:
    """A plan that fits the memory, in bytes that it keeps; its epochs share the setting up."""

    name: str
    block: int | None
    keeps_gram: bool
    memory: int
    estimate: Estimate
    epochs: int

    @property
    def ns(self) -> float:
        """Predicted time of an epoch, with its share of setting up."""
        return self.estimate.setup_ns / self.epochs + self.estimate.epoch_ns

    def chunk(self, rows: int) -> int:
        """Return a chunk of whole blocks: cut blocks cost more, and have other last bits."""
        block = self.block or 1
        blocks = max(int(CALL_NS / self.estimate.row_ns) // block, 1)
        return min(blocks, -(-rows // block)) * block


def chunk_without_rates(members: Sequence[Member], workload: Workload) -> int:
    """Return a chunk of the direct plan for networks whose steps have no rates."""
    row_ns = sum(_row_ns(member.network, workload.batch_size) for member in members)
    return max(min(int(CALL_NS / row_ns), workload.rows), 1)


def _row_ns(network: Network, batch_size: int) -> float:
    values = [*map(math.prod, network.shapes)]
    rare = sum(
        count
        for count, layer in zip(values[1:], network.layers, strict=True)
        if ACTIVATION_CODES[layer.activation] > ActivationCode.RELU
    )
    of_values = sum(values) * VALUE_NS + rare * RARE_NS
    of_parameters = network.layout.size * PARAMETER_NS / batch_size
    return network.multiply_adds * MULTIPLY_ADD_NS + of_values + of_parameters + ROW_NS


class Sizes:
    """The memory of plans in bytes, beside data, parameters and one batch."""

    def __init__(self, members: Sequence[Member], workload: Workload, itemsize: int) -> None:
        self.many = len(members) > 1
        self._rows, self._batch = workload.rows, workload.batch_size
        self._inputs, self._itemsize = members[0].network.inputs, itemsize
        self._units = sum(member.units for member in members)
        self._matrices = 1 + any(form_of(member.optimizer) == WITH_MOMENTUM for member in members)
        self._orders = ORDERS_AT_ONCE if workload.shuffle else 1

    def blocked(self, block: int, *, keeps_gram: bool) -> int:
        """Return the bytes of the blocked plan."""
        kept = self._orders if keeps_gram and block > self._batch else 0
        gram = kept * self._rows * block
        return (gram + block * self._inputs + self._buffers(block)) * self._itemsize

    def dual(self, block: int) -> int:
        """Return the bytes of the dual plan."""
        coefficients = 4 * self._rows * self._units
        first = self._matrices * self._inputs * self._units
        # Rows of a block are gathered, and with momentum columns of them.
        gram = self.gram() // self._itemsize + self._matrices * block * self._rows
        return (gram + coefficients + first + self._buffers(block)) * self._itemsize

    def gram(self) -> int:
        """Return the bytes of the Gram matrix of all rows."""
        return self._rows**2 * self._itemsize

    def _buffers(self, block: int) -> int:
        ld = padded(self._units)
        # Powers and lags of the recurrence have six entries a batch.
        return block * (block + BLOCK_ARRAYS * ld) + 6 * (block // self._batch + 1) * ld


def fastest_of_each(
    costs: Costs, sizes: Sizes, workload: Workload, *, only_direct: bool
) -> dict[str, Candidate]:
    """Return the fastest way to train by each plan that fits the memory, by the plan's name."""
    direct = Candidate(DIRECT, None, False, 0, costs.direct(), workload.epochs)
    if only_direct:
        return {DIRECT: direct}
    asked = {} if workload.block is None else {workload.plan: (workload.block,)}
    whole = {name: _whole_batches(asked.get(name, BLOCKS), workload) for name in (BLOCKED, DUAL)}
    found = {
        DIRECT: [direct],
        BLOCKED: list(_blocked(costs, sizes, workload, whole[BLOCKED])),
        DUAL: list(_dual(costs, sizes, workload, whole[DUAL])),
    }
    return {
        name: min(some, key=lambda candidate: candidate.ns) for name, some in found.items() if some
    }


def _whole_batches(blocks: Sequence[int], workload: Workload) -> list[int]:
    """Return the blocks to weigh: whole batches, no more than there are."""
    batch = workload.batch_size
    batches = -(-workload.rows // batch)
    return sorted({min(max(block // batch, 1), batches) * batch for block in blocks})


def _blocked(
    costs: Costs, sizes: Sizes, workload: Workload, blocks: list[int]
) -> Iterable[Candidate]:
    # Several networks share Gram blocks, even those of a single epoch.
    keeping = (False,) if workload.shuffle and not sizes.many else (True, False)
    for block in _quick(blocks, lambda b: costs.blocked(b, keeps_gram=False)):
        for keeps in keeping:
            memory = sizes.blocked(block, keeps_gram=keeps)
            if memory <= workload.memory_mb * MIB:
                estimate = costs.blocked(block, keeps_gram=keeps)
                yield Candidate(BLOCKED, block, keeps, memory, estimate, workload.epochs)


def _dual(costs: Costs, sizes: Sizes, workload: Workload, blocks: list[int]) -> Iterable[Candidate]:
    for block in _quick(blocks, costs.dual):
        memory = sizes.dual(block)
        if memory <= workload.memory_mb * MIB:
            yield Candidate(DUAL, block, True, memory, costs.dual(block), workload.epochs)


def _quick(blocks: list[int], estimate: Callable[[int], Estimate]) -> Iterable[int]:
    """Yield the blocks that let an interrupt act in time, and the smallest one."""
    for block in blocks:
        if block == blocks[0] or block * estimate(block).row_ns <= CALL_NS:
            yield block
