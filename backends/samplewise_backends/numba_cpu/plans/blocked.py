"""The blocked plan, for one network or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from samplewise.contract import Steps
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.blocked import (
    NO_GRAM,
    READ_GRAM,
    SCRATCH_GRAM,
    run_blocked,
)
from samplewise_backends.numba_cpu.plans.arrays import Matrix
from samplewise_backends.numba_cpu.plans.gram import GramBlocks, Rows
from samplewise_backends.numba_cpu.plans.group import Group
from samplewise_backends.numba_cpu.plans.trainer import States, Trainer, Windows


class Blocked(Trainer):
    """Trains a group by blocks; the states hold all of the training state between calls.

    Args:
        kinds: how each product is taken, as `kernels.products` numbers them.
        gram: kept Gram blocks, which groups may share, or None to compute them every time.
    """

    def __init__(self, group: Group, kinds: tuple[int, int, int], gram: GramBlocks | None) -> None:
        self._group, self._gram = group, gram
        self._rows = Rows(group.block, group.inputs, group.dtype)
        self._call = Call(run_blocked, group.dtype)
        self._block = self._call.inner("block")
        group.describe(self._block)
        self._call.set(values_way=kinds[0], update_way=kinds[1])
        self._scratch_gram = np.zeros((group.block, group.block), group.dtype)
        self._call.settle()

    def prepare(
        self, states: States, X: Matrix, Y: Matrix, steps: Sequence[Windows], losses: Matrix
    ) -> Callable[[int], None]:
        """As `Trainer.prepare`: all but the rows of later windows is set before the first one."""
        group, block = self._group, self._block
        parameters = group.storage.enter(states)
        group.prepare(block, parameters, Y, steps, losses)
        self._call.set(W=parameters.W, V=parameters.V)

        def run(window: int) -> None:
            first = steps[window][0]
            gram, code = self._gram_of(X, first)
            group.begin(block, window, steps[window])
            self._rows.describe(block.inner("rows"), X, first)
            self._call.set(gram=gram, gram_code=code)
            self._call()
            group.storage.leave()

        return run

    def forget(self) -> None:
        """As `Trainer.forget`."""
        self._call.forget()
        self._group.forget()
        self._rows.forget()

    def _gram_of(self, X: Matrix, steps: Steps) -> tuple[Matrix, int]:
        if self._group.block == self._group.batch_size:
            return self._scratch_gram, NO_GRAM
        if self._gram is None:
            return self._scratch_gram, SCRATCH_GRAM
        return self._gram.of(X, steps), READ_GRAM
