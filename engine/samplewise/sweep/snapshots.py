"""The snapshots of paused trials, a file each, in the folder of a sweep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from samplewise.checks import printable
from samplewise.io.leftovers import TEMPORARY
from samplewise.training.checkpoints.snapshot_file import load_or_none, save_snapshot
from samplewise.training.snapshot import Snapshot
from samplewise.warn import warn

FOLDER, _SUFFIX = "snapshots", ".safetensors"
AT_ONCE, MOST_BYTES = 16, 2**26
"""Files that are written at once, and the bytes of their networks.

A disk takes many files that wait to be synced in one go: on ext4, 64 small ones took 1.2 s one by
one, and 0.09 s by 16 threads.
"""

Paused = tuple[str, int]
"""The key of a trial, and the epochs that it has run."""


class Snapshots:
    """The snapshots in a folder, which exists only while it holds some."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def save(self, paused: Mapping[str, Snapshot]) -> None:
        """Keep the snapshots of trials by their keys, each whole or not at all.

        Raises:
            OutputError: the disk is full, or the folder is gone.
        """
        if not paused:
            return
        self._folder.mkdir(exist_ok=True)
        most = MOST_BYTES // max(1, *map(_size, paused.values()))
        with ThreadPoolExecutor(max(1, min(AT_ONCE, most, len(paused)))) as threads:
            paths = (self._path((key, one.epoch - 1)) for key, one in paused.items())
            # To the end: it raises the first error.
            for _ in threads.map(save_snapshot, paused.values(), paths):
                pass

    def load(self, paused: Paused) -> Snapshot | None:
        """Return a snapshot; None, with a warning, where it is missing or damaged."""
        path = self._path(paused)
        found = load_or_none(path)
        if found is None:
            warn(
                f"{printable(path)} is missing or damaged; its trial is trained from the beginning"
            )
        return found

    def keep(self, wanted: Collection[Paused]) -> None:
        """Remove all snapshots but these."""
        names = {self._path(one).name for one in wanted}
        for path in self._folder.glob("*"):
            # Files that a killed process had not finished go, too.
            if path.suffix in (_SUFFIX, f".{TEMPORARY}") and path.name not in names:
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self._folder.rmdir()

    def _path(self, paused: Paused) -> Path:
        key, epochs = paused
        return self._folder / f"{key}-{epochs}{_SUFFIX}"


def _size(snapshot: Snapshot) -> int:
    """Return the bytes of the weights of a snapshot, and of what the optimizer keeps of them."""
    return sum(one.parameters.nbytes + one.optimizer_state.nbytes for one in snapshot.networks)
