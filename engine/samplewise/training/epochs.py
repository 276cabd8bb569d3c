"""The epoch loop, of one network or of many that train at once."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from samplewise.data.augmentation import Views
from samplewise.training import batches
from samplewise.training.budget import Budget
from samplewise.training.environment import environment
from samplewise.training.history import SharedRun
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.session import Session
from samplewise.training.trainee import Trainee

INTERRUPTED = "interrupted"


def run_epochs(
    trainees: Sequence[Trainee], rows: TrainingRows, stop: threading.Event | None
) -> None:
    """Compile, and train until all epochs are done.

    Args:
        trainees: equal in batch size, order, threads and backend; they keep what comes of it.
        rows: shared by all.
        stop: as `train`.

    Raises:
        ContractError: the backend raised, or broke the contract.
    """
    first = trainees[0].settings
    views = Views(rows.X, rows.image_shape, first.augment, first.seed_of_order)
    for trainee in trainees:
        for callback in trainee.callbacks:
            callback.on_compile_begin(trainee.backend.name)
    session = session_of(trainees, rows)
    with session.compiled([trainee.state for trainee in trainees]):
        for trainee in trainees:
            trainee.history.compile_ms = session.compile_ms
            trainee.history.plan = dataclasses.asdict(session.plan)
        _Loop(trainees, rows, views, session).run(stop or threading.Event())


def session_of(trainees: Sequence[Trainee], rows: TrainingRows) -> Session:
    """Return the session in which networks train on rows, not yet compiled."""
    weighted = rows.weights is not None
    fields = frozenset[str]().union(
        *(trainee.settings.step_fields(weighted=weighted) for trainee in trainees)
    )
    largest = rows.largest_input
    workloads = [trainee.settings.workload(len(rows), fields, largest) for trainee in trainees]
    return Session(
        trainees[0].backend,
        [trainee.network for trainee in trainees],
        trainees[0].loss,
        [trainee.settings.rule for trainee in trainees],
        rows.X.dtype,
        dataclasses.replace(workloads[0], epochs=max(w.epochs for w in workloads)),
        logits=any(trainee.measuring.predicts for trainee in trainees),
    )


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
        views: Views,
        session: Session,
    ) -> None:
        self._trainees, self._rows, self._views = trainees, rows, views
        self._session = session
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
        seed = settings.seed_of_order if settings.shuffle else None
        orders = batches.Orders(len(self._rows), seed)
        self._budget.begin()
        for epoch in itertools.count(1):
            active = self._active(epoch)
            if not active:
                break
            order = orders.of_epoch(epoch)
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
        settings = self._trainees[0].settings
        batch_size, rate = min(settings.batch_size, len(self._rows)), settings.learning_rate
        for trainee in self._trainees:
            trainee.begin_epoch(epoch)
        X, samples, seconds = self._views.of_epoch(epoch), 0, 0.0
        last = self._budget.rows_of_epoch()
        for window in batches.stretches(order, batch_size, rate, self._session.chunk_samples, last):
            active = self._active(epoch)
            if stop.is_set() or not active:
                break
            steps = [trainee.steps(window) for trainee in self._trainees]
            seconds += self._session.run(X, self._rows.Y, steps, self._losses, active)
            for index in active:
                self._trainees[index].check_stretch(
                    epoch, steps[index], self._losses[index], in_place=self._session.plan.in_place
                )
            samples = window.stop
            self._budget.count(window.stop - window.start)
            if self._budget.spent() is not None:
                break
        self._epoch_ms.append(seconds * 1e3)
        return samples

    def _end_epoch(self, epoch: int, rows: NDArray[np.int64]) -> None:
        alone = len(self._trainees) == 1
        for index in self._active(epoch):
            self._trainees[index].end_epoch(
                epoch,
                self._losses[index, : len(rows)],
                rows,
                self._epoch_ms[-1] if alone else None,
                self._session,
                index,
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
        synchronize_ms = self._session.synchronize() * 1e3 if whole else 0.0
        for trainee in whole:
            trainee.history.synchronize_ms = synchronize_ms
            trainee.end(in_place=self._session.plan.in_place)
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
