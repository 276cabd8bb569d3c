"""The folder of a training's checkpoints: the newest are kept, and one process writes to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from samplewise.checks import printable
from samplewise.errors import DataError, OutputError, SnapshotError
from samplewise.io.lock import locked
from samplewise.io.writing import make_folder
from samplewise.training.checkpoints.snapshot_file import load_or_none, save_snapshot
from samplewise.training.snapshot import PLAN, Snapshot
from samplewise.warn import warn

KEPT = 2
_NAME = re.compile(r"checkpoint-\d{8,}\.safetensors")
_REMEDY = (
    "give each training a folder of its own, and leave Checkpoint out of a search, whose fits "
    "would share one"
)


class CheckpointFolder:
    """Numbered checkpoints of one training."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from writing here until the block ends; a killed one does not.

        Raises:
            OutputError: another process writes here, or the folder cannot be made.
        """
        make_folder(self.path)
        with locked(self.path, "another training writes its checkpoints there", _REMEDY):
            for unfinished in self.path.glob(".checkpoint-*.tmp"):
                with suppress(OSError):
                    unfinished.unlink()
            yield

    def check_only_of(self, take_snapshot: Callable[[], Snapshot]) -> None:
        """Refuse a folder whose newest checkpoint is of another training; damaged ones are ignored.

        Args:
            take_snapshot: returns a snapshot of the training; called where there are checkpoints.

        Raises:
            OutputError: it is of another one.
            NewerSnapshotError, DataError: as `load_snapshot`.
        """
        newest = next(filter(None, map(load_or_none, self._files())), None)
        if newest is None:
            return
        # The same training goes on by another backend's plan, too.
        ours = {key: one for key, one in take_snapshot().identity.items() if key != PLAN}
        if different := newest.first_difference(ours):
            name, theirs, own = different
            raise OutputError(
                f"{printable(self.path)} holds checkpoints of another training, with {name} "
                f"{theirs} instead of {own}; {_REMEDY}, or remove the folder"
            )

    def write(self, snapshot: Snapshot) -> Path:
        """Write a snapshot under the next number, then remove all but the newest.

        Raises:
            OutputError: it cannot be written; the ones before stay.
        """
        files = self._files()
        number = _number(files[0]) + 1 if files else 1
        path = self.path / f"checkpoint-{number:08d}.safetensors"
        save_snapshot(snapshot, path)
        for old in files[KEPT - 1 :]:
            with suppress(OSError):
                old.unlink()
        return path

    def newest(self) -> Snapshot | None:
        """Return the newest snapshot that is whole; None where nothing was ever written.

        A damaged file is renamed, never removed, and the one before is taken, with a warning.

        Raises:
            SnapshotError: all are damaged, or a later samplewise wrote the newest.
            DataError: one may not be read, or the folder.
        """
        files = self._files()
        for path in files:
            found = load_or_none(path)
            if found is not None:
                return found
            kept = self._set_aside(path)
            warn(
                f"checkpoint {printable(path)} is damaged and was renamed to {kept.name}; "
                "continuing with the one before"
            )
        if files or self._damaged():
            raise SnapshotError(
                f"{printable(self.path)}: all checkpoints in it are damaged; start anew in another "
                "folder"
            )
        return None

    @property
    def is_empty(self) -> bool:
        """True where there is no checkpoint to go on from.

        Raises:
            DataError: the folder cannot be read.
        """
        return not self._files()

    def remove(self) -> None:
        """Remove the checkpoints, and the folder where it then holds nothing but damaged ones."""
        for path in self._files():
            with suppress(OSError):
                path.unlink()
        with suppress(OSError):
            self.path.rmdir()

    def _files(self) -> list[Path]:
        """Return the checkpoints, the newest first."""
        try:
            found = [path for path in self.path.iterdir() if _NAME.fullmatch(path.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DataError(
                f"cannot read the folder {printable(self.path)}: {error.strerror or error}; name "
                "another one"
            ) from error
        return sorted(found, key=_number, reverse=True)

    def _damaged(self) -> list[Path]:
        try:
            return list(self.path.glob("checkpoint-*.corrupt-*"))
        except OSError:
            return []

    def _set_aside(self, path: Path) -> Path:
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        kept = path.with_name(f"{path.name}.corrupt-{now}")
        try:
            path.rename(kept)
        except OSError as error:
            raise OutputError(
                f"cannot rename the damaged {printable(path)}: {error.strerror or error}"
            ) from error
        return kept


def _number(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix("checkpoint-"))
