"""From a plan to the trainers that run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from samplewise.contract import Steps, TrainingState, Workload
from samplewise.contract.plan import BLOCKED, DUAL
from samplewise.network import Loss, aligned_zeros
from samplewise_backends.numba_cpu.kernels.products import ABREAST, THIN
from samplewise_backends.numba_cpu.planner.choice import choose
from samplewise_backends.numba_cpu.planner.threads import sharing_threads
from samplewise_backends.numba_cpu.plans.abreast import Abreast, groups_abreast
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix
from samplewise_backends.numba_cpu.plans.blocked import Blocked
from samplewise_backends.numba_cpu.plans.direct import Direct
from samplewise_backends.numba_cpu.plans.dual import Dual
from samplewise_backends.numba_cpu.plans.gram import FullGram, GramBlocks, Rows
from samplewise_backends.numba_cpu.plans.group import Group
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.shared import Shared
from samplewise_backends.numba_cpu.plans.split import groups_of
from samplewise_backends.numba_cpu.plans.thin import Thin, groups_thin
from samplewise_backends.numba_cpu.plans.threads import Each
from samplewise_backends.numba_cpu.plans.trainer import Trainer

GRAM_ROWS, GRAM_FILLS = "gram_rows", "gram_fills"
# Which kernels this process has warmed up: a large network's take 20 ms, each time.
_warm: set[tuple[Any, ...]] = set()


class TrainerFactory:
    """Makes the trainers of one plan, which share the Gram matrix of the data."""

    def __init__(
        self, members: Sequence[Member], loss: Loss, dtype: DType, workload: Workload
    ) -> None:
        self._members, self._dtype, self._workload = members, dtype, workload
        self._loss = loss
        chosen = choose(members, workload, dtype)
        self.plan, self._kinds = chosen.plan, chosen.kinds
        self._threads = 1
        if len(members) == 1 and workload.threads > 1:
            self._threads = sharing_threads(members[0], self.plan, dtype, workload)
        if self._threads > 1:
            words = f"each batch shared by {self._threads} threads"
            self.plan = replace(self.plan, reason=f"{self.plan.reason}; {words}")
        self._full_gram = FullGram() if self.plan.name == DUAL else None
        self._gram_blocks = None
        if self.plan.name == BLOCKED and chosen.keeps_gram:
            inputs, block = members[0].network.inputs, self.plan.block or 0
            self._gram_blocks = GramBlocks(block, Rows(block, inputs, dtype))

    def groups(self, indices: Sequence[int]) -> list[list[int]]:
        """Split some of the members into groups, each for a trainer of its own."""
        if self._kinds[0] == ABREAST:
            return groups_abreast(self._members, indices, self._dtype)
        if self._kinds[0] == THIN:
            return groups_thin(self._members, indices, self._workload, self._dtype)
        return groups_of(self._members, indices, self.plan, self._workload, self._dtype)

    def forget(self) -> None:
        """Let go of the Gram matrix, also for the trainers that share it."""
        for gram in (self._full_gram, self._gram_blocks):
            if gram is not None:
                gram.forget()

    def trainer(self, members: Sequence[Member]) -> Trainer:
        """Return a trainer of a group of the members, with buffers of its own."""
        batch_size, block = self._workload.batch_size, self.plan.block
        if self._threads > 1:
            return Shared(members[0], batch_size, self._loss, self._dtype, self._threads)
        if self._kinds[0] == ABREAST:
            return Abreast(members, self._loss, self._dtype)
        if self._kinds[0] == THIN:
            return Thin(members, batch_size, self._loss, self._dtype)
        if block is None:
            return Direct(members, batch_size, self._loss, self._dtype)
        group = Group(members, batch_size, block, self._loss, self._dtype)
        if self._full_gram is not None:
            return Dual(group, self._kinds, self._full_gram)
        return Blocked(group, self._kinds, self._gram_blocks)

    def held_gram(self) -> dict[str, Matrix]:
        """Return the rows whose products all trainers share, in the groups that computed them."""
        if self._full_gram is None:
            return {}
        seen, fills = self._full_gram.filled
        return {GRAM_ROWS: seen, GRAM_FILLS: fills} if len(seen) else {}

    def restore_gram(self, X: Matrix, held: Mapping[str, Matrix]) -> None:
        """Compute the products that `held_gram` named."""
        if self._full_gram is not None and GRAM_ROWS in held:
            self._full_gram.refill(X, held[GRAM_ROWS], held[GRAM_FILLS])

    def share_gram(self, X: Matrix, steps: Steps, each: Each) -> None:
        """Compute the Gram matrix that all trainers read, once for all threads."""
        if self._full_gram is not None:
            self._full_gram.covering(X, steps, each)
        elif self._gram_blocks is not None and self.plan.block != self._workload.batch_size:
            self._gram_blocks.of(X, steps)

    def warm_up(self) -> None:
        """Compile, or load from the cache, the kernels of the plan."""
        for member in {member.in_blocks: member for member in self._members}.values():
            kernels = self._kernels_of(member)
            if kernels not in _warm:
                self._warm_up(member)
                _warm.add(kernels)

    def _kernels_of(self, member: Member) -> tuple[Any, ...]:
        """Return all that decides which kernels train a member; sizes do not, but of a batch."""
        plan, optimizer = self.plan, member.optimizer
        layers = tuple(member.layers[["kind", "activation", "trained"]].tolist())
        options = tuple(value is None or value == 0 for value in vars(optimizer).values())
        return (
            *(self._dtype, plan.name, self._kinds, self._threads > 1, self._workload.batch_size),
            *(self._gram_blocks is None, type(self._loss), layers, type(optimizer), options),
        )

    def _warm_up(self, member: Member) -> None:
        """Train a member on two rows of zeros."""
        # At a rate of 0 nothing can overflow, whatever the penalty.
        steps = Steps(np.arange(2), 0, 2, self._workload.batch_size, 0.0)
        network, slots = member.network, member.optimizer.slots
        X, Y = (np.zeros((2, n), self._dtype) for n in (network.inputs, network.outputs))
        slots_of_state = aligned_zeros(slots * network.layout.size, self._dtype)
        state = TrainingState(network.layout.zeros(self._dtype), slots_of_state)
        trainer = self.trainer([member])
        trainer.run([state], X, Y, [steps], np.zeros((1, 2), self._dtype))
        trainer.synchronize([state])
