"""The checkpoints of an experiment beside the run folder that it will write."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.errors import OutputError, SnapshotError
from samplewise.experiment.config_file import write_config
from samplewise.experiment.experiment import Experiment
from samplewise.io.reading import decoded, exists, is_there, read_whole
from samplewise.io.writing import make_folder, write_text
from samplewise.training.callbacks.checkpoint import Checkpoint, parsed_interval

CONFIG, INTERVAL, TEST_ROWS = "config.toml", "interval.txt", "test_rows.txt"
MAX_INTERVAL_BYTES, MAX_HASH_BYTES = 64, 128
_SHOWN = 12
"""Digits of a hash that a message shows."""


def folder_of(out: Path) -> Path:
    """Return the folder of the checkpoints of a run that is written to `out`."""
    return out.with_name(f"{out.name}.checkpoints")


def config_of(out: Path) -> Path:
    """Return the configuration of a run that can go on.

    Raises:
        OutputError: there is none, or its folder cannot be looked into.
    """
    config = folder_of(out) / CONFIG
    try:
        found = exists(config)
    except OSError as error:  # a name too long, or a folder that is closed to us
        raise OutputError(
            f"resume: cannot read {printable(config)}: {error.strerror}; check the path and its "
            "permissions"
        ) from error
    if not found and is_there(out):
        raise OutputError(
            f"resume: {printable(out)} has no checkpoints beside it: its training has ended, or "
            "was begun without --checkpoint-every; train anew, with another --out"
        )
    if not found:
        raise OutputError(
            f"resume: {printable(out)} does not exist, and {printable(folder_of(out))} has no "
            f"{CONFIG} to go on from; name the folder that was given to --out"
        )
    return config


class RunCheckpoints:
    """Writes the checkpoints of one experiment, or goes on from them.

    Args:
        out: the folder of the run.
        every: as `Checkpoint`; None continues with the interval of before.

    Raises:
        ParameterError: as `Checkpoint`.
        DataError: the file of the interval cannot be read.
    """

    def __init__(self, out: Path, every: str | None) -> None:
        self._folder = folder_of(out)
        self._every = self._interval() if every is None else every
        self.callback = Checkpoint(self._folder, self._every or None)

    def begin(self, experiment: Experiment, *, force: bool) -> None:
        """Note what is trained, so that `config_of` finds it.

        Raises:
            OutputError: there are some, or the folder cannot be written.
        """
        if is_there(self._folder / CONFIG) and not force:
            raise OutputError(
                f"{printable(self._folder)} holds checkpoints of a run that did not end; go on "
                "with --resume, or pass --force to start anew"
            )
        # One that was killed while it removed its own leaves some.
        self.remove()
        make_folder(self._folder)
        write_text(self._folder / INTERVAL, f"{self._every}\n")
        write_text(self._folder / CONFIG, write_config(experiment))

    def check_test_rows(self, test: Dataset) -> None:
        """Note the rows that are tested on; snapshots know the others.

        Raises:
            SnapshotError: they are not those that the run began with.
            OutputError: the folder cannot be written.
        """
        path, ours = self._folder / TEST_ROWS, test.fingerprint()
        if not is_there(path):
            write_text(path, f"{ours}\n")
            return
        theirs = _text(path, MAX_HASH_BYTES)
        if theirs != ours:
            raise SnapshotError(
                "snapshot: test rows must be those that the run began with, "
                f"{printable(theirs[:_SHOWN])}, got {ours[:_SHOWN]}, by SHA-256; restore the rows "
                "of test_data or data, or start anew"
            )

    def remove(self) -> None:
        """Remove all once the run is written."""
        for name in (CONFIG, INTERVAL, TEST_ROWS):
            with suppress(OSError):
                (self._folder / name).unlink()
        self.callback.folder.remove()

    def _interval(self) -> str:
        path = self._folder / INTERVAL
        if not is_there(path):
            return ""
        text = _text(path, MAX_INTERVAL_BYTES)
        parsed_interval(printable(path), text)
        return text


def _text(path: Path, most: int) -> str:
    return decoded(read_whole(path, most), printable(path)).strip()
