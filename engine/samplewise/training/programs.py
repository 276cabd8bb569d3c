"""The programs that a session trains and predicts with, compiled by one backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import (
    Backend,
    DetachedManyProgram,
    EpochsManyProgram,
    EpochsProgram,
    ManyProgram,
    Plan,
    PlanSpec,
    Program,
    Steps,
    TrainingState,
    Workload,
)
from samplewise.contract.plan import AUTO_PLAN
from samplewise.network import Loss, Network, Optimizer
from samplewise.threads import threads_of_many


class Programs:
    """One program for a lone network; for several, one that trains all, and predictors.

    Args:
        backend: compiles.
        networks: equal in inputs and outputs.
        dtype: float64 or float32.
        predicts: whether several networks need predictors; a lone network's program predicts.

    Attributes:
        many: trains several networks; None for a lone one, and before `compile` and `use`.
        predictors: a program for each network that predicts; a lone one trains too.
        plan: of the program that trains.
    """

    plan: Plan

    def __init__(
        self,
        backend: Backend,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: np.dtype[Any],
        *,
        predicts: bool,
    ) -> None:
        self._backend, self._networks, self._loss = backend, networks, loss
        self._optimizers, self._dtype, self._predicts = optimizers, dtype, predicts
        self.many: ManyProgram | None = None
        self.predictors: list[Program] = []

    @property
    def trainer(self) -> Program | ManyProgram:
        """The program that trains."""
        return self.predictors[0] if self.many is None else self.many

    def compile(self, workload: Workload | None, recorded: PlanSpec | None) -> None:
        """Compile for a workload; anew where the backend chooses another plan than `recorded`."""
        self._compile(workload)
        if recorded is not None:
            workload = cast(Workload, workload)
            asked = workload.spec
            if asked.name not in (AUTO_PLAN, self.plan.name):
                # It does not fit, and gave way; so it did when the plan was recorded.
                asked = PlanSpec(self.plan.name)
            wanted = asked.filled_in(recorded)
            if wanted != self.plan.spec:
                self._compile(replace(workload, **wanted.fields()))

    def _compile(self, workload: Workload | None) -> None:
        if len(self._networks) == 1:
            self.use(self._program(0, workload))
            return
        workload = cast(Workload, workload)
        workload = replace(workload, threads=max(workload.threads, threads_of_many()))
        parts = self._networks, self._loss, self._optimizers, self._dtype
        self.use(self._backend.compile_many(*parts, workload))

    def _program(self, index: int, workload: Workload | None) -> Program:
        network, optimizer = self._networks[index], self._optimizers[index]
        parts = network, self._loss, optimizer, self._dtype
        if workload is None:
            return self._backend.compile(*parts)
        return self._backend.compile(*parts, workload)

    def use(self, program: Any) -> None:
        """Train by a program of all networks."""
        self.plan = program.plan
        if len(self._networks) == 1:
            self.predictors = [program]
            return
        # A program of many networks gives no logits.
        each = range(len(self._networks)) if self._predicts else ()
        self.many, self.predictors = program, [self._program(index, None) for index in each]

    def warm_up(self) -> None:
        """Compile kernels and allocate."""
        if self.many is not None:
            self.many.warm_up()
        for program in self.predictors:
            program.warm_up()

    def run_epoch(
        self,
        states: Sequence[TrainingState],
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Steps],
        losses: NDArray[Any],
        active: Sequence[int],
    ) -> None:
        """As `ManyProgram.run_epoch`."""
        if self.many is None:
            self.predictors[0].run_epoch(states[0], X, Y, steps[0], losses[0])
        else:
            self.many.run_epoch(states, X, Y, steps, losses, active)

    @property
    def runs_epochs(self) -> bool:
        """True if `run_epochs` may be called."""
        return hasattr(self.trainer, "run_epochs")

    def run_epochs(
        self,
        states: Sequence[TrainingState],
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Sequence[Steps]],
        losses: NDArray[Any],
        active: Sequence[int],
        stop: Callable[[], bool],
    ) -> int:
        """As `EpochsManyProgram.run_epochs`."""
        if self.many is None:
            program, own = cast(EpochsProgram, self.predictors[0]), [one for (one,) in steps]
            return program.run_epochs(states[0], X, Y, own, losses[:, 0], stop)
        many = cast(EpochsManyProgram, self.many)
        return many.run_epochs(states, X, Y, steps, losses, active, stop)

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """As `ManyProgram.synchronize`."""
        if self.many is None:
            self.predictors[0].synchronize(states[0])
        else:
            self.many.synchronize(states)

    def held_state(self, states: Sequence[TrainingState]) -> dict[str, NDArray[Any]]:
        """As `DetachedManyProgram.held_state`."""
        if self.many is None:
            return self.predictors[0].held_state(states[0])
        return cast(DetachedManyProgram, self.many).held_state(states)

    def restore(
        self, states: Sequence[TrainingState], X: NDArray[Any], held: Mapping[str, NDArray[Any]]
    ) -> None:
        """As `DetachedManyProgram.restore`."""
        if self.many is None:
            self.predictors[0].restore(states[0], X, held)
        else:
            cast(DetachedManyProgram, self.many).restore(states, X, held)

    def give_up(self) -> Program | ManyProgram:
        """Return the program that trains, and let go of all."""
        program, self.many, self.predictors = self.trainer, None, []
        return program
