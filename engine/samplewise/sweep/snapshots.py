"""The snapshots of paused trials, a file each, in the folder of a sweep."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from samplewise.checks import printable
from samplewise.errors import SamplewiseWarning
from samplewise.training.checkpoints.snapshot_file import load_or_none, save_snapshot
from samplewise.training.snapshot import Snapshot

FOLDER, _SUFFIX = "snapshots", ".safetensors"

Paused = tuple[str, int]
"""The key of a trial, and the epochs that it has run."""


class Snapshots:
    """The snapshots in a folder, which exists only while it holds some."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def save(self, key: str, snapshot: Snapshot) -> None:
        """Keep the snapshot of a trial, whole or not at all.

        Raises:
            OutputError: the disk is full, or the folder is gone.
        """
        self._folder.mkdir(exist_ok=True)
        save_snapshot(snapshot, self._path((key, snapshot.epoch - 1)))

    def load(self, paused: Paused) -> Snapshot | None:
        """Return a snapshot; None, with a warning, where it is missing or damaged."""
        path = self._path(paused)
        found = load_or_none(path)
        if found is None:
            warnings.warn(
                f"{printable(path)} is missing or damaged; its trial is trained from the beginning",
                SamplewiseWarning,
                stacklevel=2,
            )
        return found

    def keep(self, wanted: Collection[Paused]) -> None:
        """Remove all snapshots but these."""
        names = {self._path(one).name for one in wanted}
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path.name not in names:
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self._folder.rmdir()

    def _path(self, paused: Paused) -> Path:
        key, epochs = paused
        return self._folder / f"{key}-{epochs}{_SUFFIX}"
