"""The epoch loop, of one network or of many that train at once."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import ManyProgram, Program
from samplewise.streams import Streams
from samplewise.threads import limited
from samplewise.training import batches
from samplewise.training.augmentation import rows_of_epochs
from samplewise.training.budget import Budget
from samplewise.training.compile_notice import announced
from samplewise.training.environment import environment
from samplewise.training.execution import ReadingOf, Readings, blamed_on
from samplewise.training.history import SharedRun
from samplewise.training.inputs import TrainingRows
from samplewise.training.trainee import Trainee

INTERRUPTED = "interrupted"
Compiled = tuple[ManyProgram, Sequence[Program]]
"""What trains the networks, and for each of them what gives its logits, where that is wanted."""


def run_epochs(
    trainees: Sequence[Trainee],
    rows: TrainingRows,
    compile_all: Callable[[], Compiled],
    stop: threading.Event | None,
) -> None:
    """Compile, and train until all epochs are done.

    Args:
        trainees: equal in batch size, order, threads and backend; they keep what comes of it.
        rows: shared by all.
        compile_all: returns the programs, warmed up.
        stop: as `train`.

    Raises:
        ContractError: the backend raised, or broke the contract.
    """
    backend, first = trainees[0].backend.name, trainees[0].settings
    rng = Streams(first.seed_of_order).generator("augment")
    X_of_epochs = rows_of_epochs(rows.X, rows.image_shape, first.augment, rng)
    # Many networks are split over threads by the program; a matrix product that took several
    # too would ask for more cores than there are, and change last bits.
    threads = first.threads if len(trainees) == 1 else 1
    # Overflow needs no warning, whatever the caller set: every stretch is checked for what is not
    # finite.
    with limited(threads), np.errstate(all="ignore"):
        for trainee in trainees:
            for callback in trainee.callbacks:
                callback.on_compile_begin(backend)
        began = time.perf_counter()
        with announced(trainees[0].backend), blamed_on(backend):
            compiled = compile_all()
        compile_ms = (time.perf_counter() - began) * 1e3
        for trainee in trainees:
            trainee.history.compile_ms = compile_ms
            trainee.history.plan = dataclasses.asdict(compiled[0].plan)
        # Again, for the libraries that compiling has only now loaded.
        with limited(threads):
            _Loop(trainees, rows, X_of_epochs, compiled).run(stop or threading.Event())


@contextmanager
def end_told(trainees: Sequence[Trainee]) -> Iterator[None]:
    """Tell all callbacks when the block ends, and raise what they raise then."""
    try:
        yield
    except BaseException as error:
        _tell_end(trainees, error)
        raise
    _tell_end(trainees, None)


def _tell_end(trainees: Sequence[Trainee], raised: BaseException | None) -> None:
    failed = raised is not None
    later = [one for trainee in trainees for one in trainee.tell_end(failed=failed)]
    first = raised or (later[0] if later else None)
    for error in later:
        if first is not None and error is not first:
            first.add_note(f"on_train_end of a callback raised {error!r} after that")
    if raised is None and first is not None:
        raise first


class _Loop:
    """The loop over epochs and stretches; it times what the program does, and nothing else."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        rows: TrainingRows,
        X_of_epochs: Iterator[NDArray[Any]],
        compiled: Compiled,
    ) -> None:
        self._trainees, self._rows, self._X_of_epochs = trainees, rows, X_of_epochs
        self._program, self._predictors = compiled
        self._backend = trainees[0].backend.name
        self._states = [trainee.state for trainee in trainees]
        self._budget = Budget(trainees[0].settings, len(rows))
        self._losses = np.empty((len(trainees), len(rows)), dtype=rows.X.dtype)
        self._epoch_ms: list[float] = []

    def run(self, stop: threading.Event) -> None:
        """Run the epochs until none is left, callbacks say so, or `stop` is set."""
        with end_told(self._trainees):
            self._run(stop)

    def _run(self, stop: threading.Event) -> None:
        machine = environment()
        for trainee in self._trainees:
            trainee.begin(machine)
        settings = self._trainees[0].settings
        rng = Streams(settings.seed_of_order).generator("order")
        orders = batches.orders(len(self._rows), shuffle=settings.shuffle, rng=rng)
        self._budget.begin()
        for epoch in itertools.count(1):
            active = self._active(epoch)
            if not active:
                break
            order = next(orders)
            samples = self._run_epoch(epoch, order, stop)
            if samples > 0:
                self._end_epoch(epoch, order[:samples])
            self._stop_where_asked(epoch, active, samples, interrupted=stop.is_set())
        self._end()

    def _active(self, epoch: int) -> list[int]:
        return [index for index, trainee in enumerate(self._trainees) if trainee.goes_on(epoch)]

    def _run_epoch(self, epoch: int, order: NDArray[np.int64], stop: threading.Event) -> int:
        """Return how many samples were run: fewer than all where it was to end meanwhile."""
        # NaN, so that a loss which a backend forgets to write is found.
        self._losses.fill(np.nan)
        plan = self._program.plan
        networks = [trainee.network for trainee in self._trainees]
        length = batches.stretch_samples_of_all(networks, plan)
        settings = self._trainees[0].settings
        batch_size, rate = min(settings.batch_size, len(self._rows)), settings.learning_rate
        for trainee in self._trainees:
            trainee.begin_epoch(epoch)
        X, samples, seconds = next(self._X_of_epochs), 0, 0.0
        last = self._budget.rows_of_epoch()
        for window in batches.stretches(order, batch_size, rate, length, last):
            active = self._active(epoch)
            if stop.is_set() or not active:
                break
            steps = [trainee.steps(window) for trainee in self._trainees]
            began = time.perf_counter()
            with blamed_on(self._backend):
                self._program.run_epoch(self._states, X, self._rows.Y, steps, self._losses, active)
            seconds += time.perf_counter() - began
            for index in active:
                self._trainees[index].check_stretch(
                    epoch, steps[index], self._losses[index], in_place=plan.in_place
                )
            samples = window.stop
            self._budget.count(window.stop - window.start)
            if self._budget.spent() is not None:
                break
        self._epoch_ms.append(seconds * 1e3)
        return samples

    def _end_epoch(self, epoch: int, rows: NDArray[np.int64]) -> None:
        alone = len(self._trainees) == 1
        readings = Readings(self._backend, self._program, self._predictors, self._states)
        for index in self._active(epoch):
            self._trainees[index].end_epoch(
                epoch,
                self._losses[index, : len(rows)],
                rows,
                self._epoch_ms[-1] if alone else None,
                ReadingOf(readings, index),
            )

    def _stop_where_asked(
        self, epoch: int, active: Sequence[int], samples: int, *, interrupted: bool
    ) -> None:
        spent = self._budget.spent()
        for index in active:
            trainee = self._trainees[index]
            cut = samples < len(self._rows)
            if not cut and epoch == trainee.settings.epochs:
                continue
            if interrupted or (cut and spent is None):
                trainee.stopped = INTERRUPTED
            elif trainee.stopped is None:
                trainee.stopped = spent

    def _end(self) -> None:
        whole = [trainee for trainee in self._trainees if trainee.error is None]
        began = time.perf_counter()
        if whole:
            with blamed_on(self._backend):
                self._program.synchronize(self._states)
        synchronize_ms = (time.perf_counter() - began) * 1e3
        for trainee in whole:
            trainee.history.synchronize_ms = synchronize_ms
            trainee.end(in_place=self._program.plan.in_place)
        if len(self._trainees) > 1:
            self._share(sum(self._epoch_ms) + synchronize_ms)

    def _share(self, ms: float) -> None:
        """Tell each history of the run that all networks shared."""
        work = [trainee.network.multiply_adds * trainee.samples_run for trainee in self._trainees]
        total = sum(work)
        for index, trainee in enumerate(self._trainees):
            share = work[index] / total if total else 0.0
            trainee.history.shared = SharedRun(
                networks=len(work),
                index=index,
                all_networks_ms=ms,
                all_networks_epoch_ms=list(self._epoch_ms),
                multiply_add_share=share,
                estimated_ms=ms * share,
            )
