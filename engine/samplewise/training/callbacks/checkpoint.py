"""A callback that writes checkpoints, so that a killed training goes on where it was."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samplewise.checks import file_path, must_be
from samplewise.errors import DataError, OutputError, ParameterError
from samplewise.training.callbacks.base import Callback
from samplewise.training.history import EpochRecord, History
from samplewise.warn import warn

if TYPE_CHECKING:
    from samplewise.training.snapshot import Snapshot

_EVERY = re.compile(r"([0-9]++(?:\.[0-9]++)?|\.[0-9]++)(s|m|h)?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
WANTED = "a number of epochs from 1, or a time such as 30s, 5m or 1h"


class Checkpoint(Callback):
    """Writes a snapshot to a folder every so often; `snapshot` reads the newest.

        checkpoint = Checkpoint("checkpoints", every=10)
        train(network, X, y, settings, callbacks=checkpoint, initial=checkpoint.snapshot())

    Run again after a crash, that goes on from the newest checkpoint to the same bits as a training
    that was never stopped. The two newest are kept. A disk that is full is a warning, and training
    goes on. Of networks that train at once give it to one of them: a snapshot is of all. A folder
    that holds checkpoints of another training is refused, unless this object wrote them; a copy is
    another object, as the clones of a search have one each.

    Args:
        folder: made where it is missing; one process writes to it at a time.
        every: epochs, or a time as in "30s"; None writes only where `request` was called.

    Raises:
        ParameterError: `every` is something else.
    """

    def __init__(self, folder: Path | str, every: int | str | None = 1) -> None:
        # Imported late: the files need more than a training without checkpoints does.
        from samplewise.training.checkpoints.folder import CheckpointFolder

        # Absolute, as the training may change the working directory.
        self.folder = CheckpointFolder(file_path("folder", folder).absolute())
        self._epochs, self._seconds = parsed_interval("every", every)
        self._requested = False
        self._next_s = float("inf")
        self._due = False
        self._held = ExitStack()
        self._owns_folder = False
        """Whether this object has checked the folder, or written to it."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave a copy to check the folder by itself."""
        return self.__dict__ | {"_owns_folder": False}

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot that is whole, to go on from; None before the first.

        Raises:
            SnapshotError: all are damaged.
        """
        return self.folder.newest()

    def request(self) -> None:
        """Write a snapshot after the running chunk of steps; safe in a signal handler."""
        self._requested = True

    def on_train_begin(self, history: History) -> None:
        """Keep other processes out of the folder, and start the clock."""
        self._held.enter_context(self.folder.held())
        self._start_clock()

    def on_chunk_end(self, take_snapshot: Callable[[], Snapshot]) -> None:
        """Write where a request or the clock says so.

        Raises:
            OutputError: the folder holds checkpoints of another training.
        """
        if not self._owns_folder:
            # At the first chunk: an epoch may take hours.
            self.folder.check_only_of(take_snapshot)
            self._owns_folder = True
        due = self._seconds is not None and time.monotonic() >= self._next_s
        if self._requested or due:
            self._write(take_snapshot)

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Note whether this epoch's end is to be written."""
        self._due = self._epochs is not None and record.epoch % self._epochs == 0

    def on_epoch_over(self, take_snapshot: Callable[[], Snapshot]) -> None:
        """Write where a request or the number of epochs says so."""
        if self._requested or self._due:
            self._write(take_snapshot)

    def on_train_end(self, history: History) -> None:
        """Let go of the folder."""
        self._held.close()

    def _write(self, take_snapshot: Callable[[], Snapshot]) -> None:
        self._requested = self._due = False
        try:
            self.folder.write(take_snapshot())
        except (DataError, OutputError) as error:
            warn(f"no checkpoint was written, training goes on: {error}")
        self._start_clock()

    def _start_clock(self) -> None:
        if self._seconds is not None:
            self._next_s = time.monotonic() + self._seconds


def parsed_interval(name: str, every: object) -> tuple[int | None, float | None]:
    """Return an interval as epochs or as seconds; the other is None.

    Raises:
        ParameterError: it is neither a number of epochs nor a time.
    """
    if every is None:
        return None, None
    if isinstance(every, int) and not isinstance(every, bool) and every >= 1:
        return every, None
    found = _EVERY.fullmatch(every.strip()) if isinstance(every, str) else None
    if found is not None and found[2] is not None and float(found[1]) > 0:
        return None, float(found[1]) * _SECONDS[found[2]]
    if found is not None and found[2] is None and found[1].isdigit() and int(found[1]) >= 1:
        return int(found[1]), None
    raise ParameterError(must_be(name, WANTED, every))
