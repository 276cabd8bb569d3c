"""The loop over epochs and chunks, of one network or of many that train at once."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.data.augmentation import Views
from samplewise.errors import ContractError, SnapshotError
from samplewise.training import batches, resume, unwatched
from samplewise.training.callbacks.limits import Limits
from samplewise.training.environment import environment
from samplewise.training.history import INTERRUPTED
from samplewise.training.ran_epoch import RanEpoch
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.session import Session
from samplewise.training.snapshot import Snapshot
from samplewise.training.together import ensemble_figures, keep_shared_run
from samplewise.training.training_run import TrainingRun


class Loop:
    """The loop over epochs and chunks; it times the calls of the program alone.

    Attributes:
        unfinished: a snapshot of an interrupted training; else None.
    """

    def __init__(self, runs: Sequence[TrainingRun], rows: TrainingRows, session: Session) -> None:
        self._runs, self._rows, self._session = runs, rows, session
        settings = runs[0].settings
        seed = settings.seed_of_order
        self._views = Views(rows.X, rows.image_shape, settings.augment, seed)
        self._X: tuple[int, NDArray[Any]] | None = None
        self._orders = batches.Orders(len(rows), seed if settings.shuffle else None)
        self._batch_size = min(settings.batch_size, len(rows))
        self._limits = Limits(len(rows), self._batch_size, settings.max_steps, settings.max_seconds)
        # The next step is at `position` of `epoch`.
        self._epoch, self._position, self._seconds = 1, 0, 0.0
        self._epoch_ms: list[float] = []
        self._part_seconds = 0.0
        self._continued: Snapshot | None = None
        self.unfinished: Snapshot | None = None

    def run(self, stop: threading.Event) -> None:
        """Run the epochs until none is left, callbacks say so, or `stop` is set."""
        for run in self._runs:
            run.begin(environment(self._session.backend))
        # A callback may have come by its hooks only now.
        self._may_look_later = not any(map(unwatched.is_watched, self._runs))
        if self._continued is not None:
            for run in self._runs:
                run.history.notes += self._continued.notes_on(resume.environment_of(run))
        self._limits.begin(self._seconds)
        while active := self._active():
            if not self._run_unwatched(active, stop):
                order = self._orders.of_epoch(self._epoch)
                if self._run_chunks(order, stop, active):
                    self._interrupt(active)
                if self._position > 0:
                    ran = order[: self._position] if self._position < len(order) else order
                    self._end_epoch(self._taken(self._epoch, ran, self._losses, active))
            self._stop_where_asked(active, stop)
        self._end()

    def _run_unwatched(self, active: Sequence[int], stop: threading.Event) -> bool:
        """Run epochs one after the other, and measure them then; return False where it may not be.

        Between two epochs the steps have driven Python's code from the caches: what is done there
        takes twice as long as afterwards. Where a network diverges whose weights are in its state,
        go back: the loop that looks at each epoch says where.
        """
        runs, rows = [self._runs[index] for index in active], len(self._rows)
        if not self._may_look_later or self._position > 0:
            return False
        epochs = min(unwatched.epochs_unwatched(runs, self._epoch), self._epochs_at_once)
        if epochs < 2 or stop.is_set():
            return False
        X, in_place = self._rows_of(self._epoch), self._session.plan.in_place
        before = [run.state.copy() for run in runs] if in_place else []
        losses = self._unwritten_losses(epochs)
        planned = [self._planned(*one, active) for one in enumerate(losses, self._epoch)]
        steps_of_each = [steps for steps, _ in planned]
        times = self._session.run_epochs(
            X, self._rows.Y, steps_of_each, losses, active, stop.is_set
        )
        planned, losses = planned[: len(times)], losses[: len(times)]
        of_each = [losses[:, index] for index in active]
        if in_place and not unwatched.are_sound(runs, of_each, [taken for _, taken in planned]):
            for run, state in zip(runs, before, strict=True):
                run.state.go_back(state)
            self._may_look_later = False
            return False
        unwatched.find_figures([taken for _, taken in planned])
        for seconds, seen, (steps, taken) in zip(times, losses, planned, strict=True):
            if self._position > 0:
                self._move_on()
            self._position, self._part_seconds = rows, seconds
            if not in_place:
                unwatched.check_losses(runs, self._epoch, [steps[i] for i in active], seen[active])
            self._end_epoch(taken)
        return True

    def _planned(
        self, epoch: int, losses: NDArray[Any], active: Sequence[int]
    ) -> tuple[list[Steps], list[tuple[TrainingRun, RanEpoch]]]:
        """Return the steps of a whole epoch, and what they will leave of it."""
        order = self._orders.of_epoch(epoch)
        self._begin_epoch(epoch, order)
        steps = [run.own_steps.of_window(order, 0, len(order)) for run in self._runs]
        return steps, self._taken(epoch, order, losses, active)

    @cached_property
    def _epochs_at_once(self) -> int:
        shuffles = self._runs[0].settings.shuffle
        return unwatched.epochs_at_once(self._session, len(self._rows), shuffles=shuffles)

    def _begin_epoch(self, epoch: int, order: NDArray[np.int64]) -> None:
        for run in self._runs:
            run.own_steps.begin_epoch(epoch, order)

    def _interrupt(self, active: Sequence[int]) -> None:
        """Keep a snapshot, and offer it: whoever asked for one since the last chunk gets it."""
        unfinished = self.unfinished = self._snapshot_to_return()
        if unfinished is not None:
            for index in active:
                self._runs[index].callbacks.chunk_ends(lambda: unfinished)

    def _active(self) -> list[int]:
        return [index for index, run in enumerate(self._runs) if run.trains_in(self._epoch)]

    def _run_chunks(
        self, order: NDArray[np.int64], stop: threading.Event, active: Sequence[int]
    ) -> bool:
        """Run the chunks of an epoch that are left; return whether `stop` has cut it short."""
        self._begin_epoch(self._epoch, order)
        X, start = self._rows_of(self._epoch), self._position
        if start == 0:
            self._losses.fill(np.nan)
        elif self._limits.reached(self._epoch, start):
            return False
        last = self._limits.rows_of_epoch(self._epoch)
        for begin, end in batches.windows(self._batch_size, self._chunk_samples, last, start):
            if not active or stop.is_set():
                return bool(active)
            steps = [run.own_steps.of_window(order, begin, end) for run in self._runs]
            self._part_seconds += self._session.run(X, self._rows.Y, steps, self._losses, active)
            going = [
                index
                for index in active
                if self._runs[index].check_chunk(self._epoch, steps[index], self._losses[index])
            ]
            self._position = end
            for index in active:
                self._runs[index].callbacks.chunk_ends(self.snapshot)
            active = going
            if self._limits.reached(self._epoch, self._position):
                # At the end of an epoch, the snapshot is taken once the epoch is measured.
                return self._position < len(self._rows) and bool(active) and stop.is_set()
        return False

    @cached_property
    def _losses(self) -> NDArray[Any]:
        """The losses (networks, n) of the epoch that is run chunk by chunk."""
        return self._unwritten_losses(1)[0]

    def _unwritten_losses(self, epochs: int) -> NDArray[Any]:
        losses = np.empty((epochs, len(self._runs), len(self._rows)), self._rows.X.dtype)
        # NaN, so that a loss which a backend forgets to write is found.
        losses.fill(np.nan)
        return losses

    @cached_property
    def _chunk_samples(self) -> int:
        return self._session.chunk_samples

    def _rows_of(self, epoch: int) -> NDArray[Any]:
        """Return the rows of an epoch: the same array each time, by which a program knows them."""
        if self._X is None or self._X[0] != epoch:
            self._X = epoch, self._views.of_epoch(epoch)
        return self._X[1]

    def _taken(
        self, epoch: int, order: NDArray[np.int64], losses: NDArray[Any], active: Sequence[int]
    ) -> list[tuple[TrainingRun, RanEpoch]]:
        """Return each network that goes on, with the arrays that its steps of an epoch write."""
        rows, runs = len(order), self._runs
        going = [index for index in active if runs[index].error is None]
        return [(runs[i], runs[i].own_steps.take(epoch, order, losses[i, :rows])) for i in going]

    def _end_epoch(self, ran: Sequence[tuple[TrainingRun, RanEpoch]]) -> None:
        ms = self._part_seconds * 1e3 if len(self._runs) == 1 else None
        measured = [(run, run.measure(epoch, ms)) for run, epoch in ran]
        ensemble = ensemble_figures(self._runs, self._epoch)
        for run, record in measured:
            if ensemble and record is not None:
                record = dataclasses.replace(record, figures=record.figures | ensemble)
            if record is not None:
                run.end_epoch(record)

    def _stop_where_asked(self, active: Sequence[int], stop: threading.Event) -> None:
        """Move on to the next epoch, and stop the networks that a limit or an interrupt ends."""
        ended, cut = self._epoch, self._position < len(self._rows)
        interrupted, reached = stop.is_set(), self._limits.reached(ended, self._position)
        self._move_on()
        trained = [self._runs[index] for index in active]
        # Before an interrupt or a limit stops them: what goes on from here is not stopped.
        if not cut:
            for run in trained:
                run.callbacks.epoch_is_over(self.snapshot)
        left = [run for run in trained if cut or run.settings.epochs > ended]
        if interrupted and left and not cut:
            self.unfinished = self._snapshot_to_return()
        for run in left:
            if interrupted or (cut and reached is None):
                run.stopped = INTERRUPTED
            elif run.stopped is None:
                run.stopped = reached

    def _move_on(self) -> None:
        self._epoch_ms.append(self._part_seconds * 1e3)
        self._epoch, self._position, self._part_seconds = self._epoch + 1, 0, 0.0

    def _end(self) -> None:
        whole = [run for run in self._runs if run.error is None]
        synchronize_ms = self._session.synchronize() * 1e3 if whole else 0.0
        for run in whole:
            run.history.synchronize_ms = synchronize_ms
            run.end()
        if len(self._runs) > 1:
            keep_shared_run(self._runs, self._epoch_ms, synchronize_ms)

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return resume.identity_of(self._runs, self._rows, self._session.plan)

    def snapshot(self) -> Snapshot:
        """Return all that is needed to go on from here.

        Raises:
            ContractError: the plan is not in place, and the program has no `held_state`.
        """
        return Snapshot(
            identity=self._identity,
            environment=resume.environment_of(self._runs[0]),
            epoch=self._epoch,
            position=self._position,
            seconds=self._limits.seconds,
            epoch_ms=tuple(self._epoch_ms),
            part_ms=self._part_seconds * 1e3,
            held=self._session.held_state(),
            networks=tuple(
                resume.snapshot_of(run, losses[: self._position])
                for run, losses in zip(self._runs, self._losses, strict=True)
            ),
        ).sealed()

    def _snapshot_to_return(self) -> Snapshot | None:
        # Without a snapshot, an interrupted training still returns its weights.
        try:
            return self.snapshot()
        except ContractError:
            return None

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot.

        Raises:
            SnapshotError: it is of another plan, or damaged.
        """
        resume.check_plan(snapshot, self._session.plan, self._session.backend.name)
        self._continued = snapshot
        epoch, position = snapshot.epoch, snapshot.position
        in_place = self._session.plan.in_place or resume.has_whole_weights(snapshot)
        whole = position % self._batch_size == 0 or position == len(self._rows)
        if epoch < 1 or not 0 <= position <= len(self._rows) or not whole:
            raise SnapshotError(
                f"snapshot: position must be the edge of a batch, got {position} of epoch {epoch}; "
                "it is damaged"
            )
        if len(snapshot.networks) != len(self._runs):
            raise SnapshotError(
                f"snapshot: networks must be {len(self._runs)}, got {len(snapshot.networks)}; "
                "it is damaged"
            )
        for run, part, losses in zip(self._runs, snapshot.networks, self._losses, strict=True):
            resume.restore(run, part, losses[:position], in_place=in_place)
        self._epoch, self._position, self._seconds = epoch, position, snapshot.seconds
        self._epoch_ms, self._part_seconds = list(snapshot.epoch_ms), snapshot.part_ms / 1e3
        if snapshot.held:
            # Before the first step of an epoch, the program still holds the rows of the last one.
            ran = epoch if position > 0 else max(epoch - 1, 1)
            self._session.restore(self._rows_of(ran), snapshot.held)
