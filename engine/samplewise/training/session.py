"""Networks in training: the only place that compiles a backend's programs to train with them.

    session = Session(backend, networks, loss, optimizers, dtype, workload)
    with session.compiled(states):
        session.run(X, Y, steps, losses, active)
        session.synchronize()

One network is a session of one: arguments and attributes are lists with an item per network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import shown
from samplewise.contract import (
    Backend,
    ManyProgram,
    Plan,
    PlanSpec,
    Program,
    Steps,
    TrainingState,
    Workload,
)
from samplewise.errors import ContractError
from samplewise.logging import logger
from samplewise.network import Loss, Network, Optimizer
from samplewise.threads import limited
from samplewise.training import batches, idle_programs
from samplewise.training.blame import blamed_on
from samplewise.training.compile_notice import announced
from samplewise.training.programs import Programs


class Session:
    """The programs of networks that train on the same rows, and the states that they update.

    Args:
        backend: compiles and executes.
        networks: equal in inputs and outputs.
        loss: of all.
        optimizers: one for each network.
        dtype: float64 or float32.
        workload: rows, batches and epochs to train; None compiles programs that train anything.
        logits: whether `logits` and `predict` will be called; a lone network always has them.
        clock: gives the seconds of `run` and `synchronize`; None takes wall time.
        recorded: the plan by which to train as far as the workload leaves it open, whatever the
            backend would choose; None leaves it to the backend.
        reuse: whether `compiled` may take the program of an ended training, and leave its own.

    Attributes:
        states: one for each network, updated in place by `run` and `synchronize`.
        compile_ms: wall time of compiling and warming up.
    """

    states: Sequence[TrainingState]
    compile_ms: float

    def __init__(
        self,
        backend: Backend,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: np.dtype[Any],
        workload: Workload | None,
        *,
        logits: bool = False,
        clock: Callable[[], float] | None = None,
        recorded: PlanSpec | None = None,
        reuse: bool = False,
    ) -> None:
        self.backend, self.networks, self._workload = backend, networks, workload
        self._recorded, self._clock = recorded, clock or time.perf_counter
        self._programs = Programs(backend, networks, loss, optimizers, dtype, predicts=logits)
        parts = backend, networks, loss, optimizers, dtype, workload, recorded
        self._key = idle_programs.program_key(*parts) if reuse else None
        self._synchronized = True

    @contextmanager
    def compiled(self, states: Sequence[TrainingState]) -> Iterator[None]:
        """Compile and warm up, with the threads of the workload, which hold inside the block.

        Args:
            states: to begin with.

        Raises:
            ContractError: the backend raised, or its plan cannot be recorded.
        """
        # Many networks are split over threads by the program; a matrix product that took several
        # too would ask for more cores than there are, and change last bits.
        workload = self._workload
        threads = workload.threads if workload is not None and len(self.networks) == 1 else 1
        # Every chunk is checked for numbers that are not finite: overflow needs no warning too,
        # whatever the caller set.
        with limited(threads), np.errstate(all="ignore"):
            is_compiled = self._take_idle()
            if not is_compiled:
                self.compile()
                self.plan.check(self.backend.name)
            # For the libraries that compiling has only now loaded.
            with nullcontext() if is_compiled else limited(threads):
                logger.debug("%s trains by %s", self.backend.name, self.plan)
                self.begin(states)
                yield
                self._leave_idle()

    def _take_idle(self) -> bool:
        program = None if self._key is None else idle_programs.IDLE.take(self._key)
        if program is None:
            return False
        self._programs.use(program)
        self.compile_ms = 0.0
        return True

    def _leave_idle(self) -> None:
        # After an error nothing is known of the program. Once kept, another session may have it.
        if self._key is not None:
            with blamed_on(self.backend.name):
                idle_programs.keep(self._key, self.backend, self._programs.give_up())

    def compile(self, *, warm_up: bool = True) -> None:
        """Compile, with as many threads as there are.

        Args:
            warm_up: also compile kernels and allocate; without it, only the plan is chosen.

        Raises:
            ContractError: the backend raised.
        """
        began = time.perf_counter()
        with announced(self.backend), blamed_on(self.backend.name):
            self._programs.compile(self._workload, self._recorded)
            if warm_up:
                self._programs.warm_up()
        self.compile_ms = (time.perf_counter() - began) * 1e3

    @property
    def plan(self) -> Plan:
        """How the program trains."""
        return self._programs.plan

    @property
    def program(self) -> Program | ManyProgram:
        """The program that trains, for callers that test or time its single methods."""
        return self._programs.trainer

    def begin(self, states: Sequence[TrainingState]) -> None:
        """Go on with these states, one for each network."""
        self.states, self._synchronized = states, True

    @property
    def chunk_samples(self) -> int:
        """Maximum number of samples in a chunk, so that an interrupt acts soon."""
        return batches.chunk_samples_of_all(self.networks, self.plan)

    @property
    def runs_epochs(self) -> bool:
        """True if the program runs several epochs in one call."""
        return self._programs.runs_epochs

    def run(
        self,
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Steps],
        losses: NDArray[Any],
        active: Sequence[int],
    ) -> float:
        """Run a chunk and count its steps; return the seconds that the program took.

        Args:
            X: rows, (n, inputs), as `Program.run_epoch`.
            Y: targets, (n, outputs).
            steps: of each network, equal but in rates, keys and weights.
            losses: (networks, n), written for active networks.
            active: indices of the networks that train, ascending.

        Raises:
            ContractError: the backend raised.
        """
        self._synchronized = False
        with blamed_on(self.backend.name):
            began = self._clock()
            self._programs.run_epoch(self.states, X, Y, steps, losses, active)
            seconds = self._clock() - began
        for index in active:
            self.states[index].step += steps[index].count
        return seconds

    def run_epochs(
        self,
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Sequence[Steps]],
        losses: NDArray[Any],
        active: Sequence[int],
        stop: Callable[[], bool],
    ) -> list[float]:
        """Run whole epochs, each as `run`; return the seconds of those that were run.

        Where the program runs them in one call, each has the mean of their time.

        Args:
            X: as `run`.
            Y: as `run`.
            steps: of each epoch those of each network.
            losses: of each epoch, (epochs, networks, n).
            active: as `run`.
            stop: may end epochs early that a program runs in one call.

        Raises:
            ContractError: the backend raised, or returned no number of epochs.
        """
        if not self._programs.runs_epochs:
            return [self.run(X, Y, *one, active) for one in zip(steps, losses, strict=True)]
        self._synchronized = False
        with blamed_on(self.backend.name):
            began = self._clock()
            ran = self._programs.run_epochs(self.states, X, Y, steps, losses, active, stop)
            seconds = self._clock() - began
        is_count = isinstance(ran, int | np.integer) and not isinstance(ran, bool)
        if not is_count or not 1 <= ran <= len(steps):
            raise ContractError(
                f"backend '{self.backend.name}' says that it has run {shown(ran)} of "
                f"{len(steps)} epochs; `run_epochs` must return how many it ran, at least 1"
            )
        return [seconds / ran] * ran

    def synchronize(self) -> float:
        """Bring weights that the plan keeps elsewhere into the states; return its seconds."""
        with blamed_on(self.backend.name):
            began = self._clock()
            self._programs.synchronize(self.states)
            seconds = self._clock() - began
        self._synchronized = True
        return seconds

    def held_state(self) -> dict[str, NDArray[Any]]:
        """Return copies of the arrays that the program keeps of the training beside the states.

        Raises:
            ContractError: the backend raised.
        """
        if self.plan.in_place:
            return {}
        with blamed_on(self.backend.name):
            return self._programs.held_state(self.states)

    def restore(self, X: NDArray[Any], held: Mapping[str, NDArray[Any]]) -> None:
        """Let the program go on from the states and the arrays of `held_state`.

        Args:
            X: the rows of the last chunk before.
            held: empty where nothing was kept.

        Raises:
            ContractError: the backend raised.
        """
        if not held:
            return
        with blamed_on(self.backend.name):
            self._programs.restore(self.states, X, held)
        self._synchronized = False

    def _synchronize_if_needed(self) -> None:
        """Synchronize once for all networks between two chunks."""
        if not self._synchronized:
            self.synchronize()

    def parameters(self, index: int) -> NDArray[Any]:
        """Return the parameters (P,) of a network as they are now; they change with each chunk."""
        self._synchronize_if_needed()
        return self.states[index].parameters

    def logits(self, index: int, X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits of rows by a network as it is now, (n, outputs)."""
        if self._programs.many is not None:
            self._synchronize_if_needed()
        with blamed_on(self.backend.name):
            return self._programs.predictors[index].logits(self.states[index], X)

    def predict(self, index: int, parameters: NDArray[Any], X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits of rows that other parameters of a network give, (n, outputs)."""
        with blamed_on(self.backend.name):
            return self._programs.predictors[index].predict(parameters, X)
