"""Hidden folders of processes that were killed while they wrote an output."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path

from samplewise.io.lock import NoLockError, nothing_held, taken
from samplewise.io.reading import is_folder, is_there

TEMPORARY, OLD = "tmp", "old"
# Longer names are cut: what a system allows for one name is limited.
_KEPT = 32


def hidden_beside(path: Path, ending: str) -> Path:
    """Return a new hidden name in the folder of a file or folder."""
    return path.with_name(f".{path.name[:_KEPT]}.{secrets.token_hex(4)}.{ending}")


def held_folder(path: Path) -> tuple[Path, int]:
    """Make a hidden folder beside an output, and hold it.

    Returns:
        It, and the descriptor by which others see that it is in use; closing it lets go.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        made = hidden_beside(path, TEMPORARY)
        made.mkdir(parents=True)
        # Another process may have taken it for a leftover before it was held.
        with suppress(FileNotFoundError):
            try:
                descriptor = taken(made)
            except NoLockError:
                # Nobody takes it for one where nothing can be held.
                descriptor = nothing_held()
            if descriptor is not None:
                return made, descriptor


def clear_leftovers(folder: Path) -> None:
    """Remove what killed processes left beside an output, and put back what they had moved away.

    Where a living process writes the same output, all stays.
    """
    temporaries = _left(folder, TEMPORARY)
    with ExitStack() as held:
        if all(_takes(left, held) for left in temporaries):
            _clear(folder, temporaries)


def _clear(folder: Path, temporaries: list[Path]) -> None:
    olds = _left(folder, OLD)
    for path in [*temporaries, *(olds if is_there(folder) else [])]:
        shutil.rmtree(path, ignore_errors=True)
    # Killed between moving the old output away and putting the new one in its place.
    if olds and not is_there(folder) and len(folder.name) <= _KEPT:
        with suppress(OSError):
            olds[-1].rename(folder)


def _left(folder: Path, ending: str) -> list[Path]:
    pattern = f".{glob.escape(folder.name[:_KEPT])}.????????.{ending}"
    try:
        found = sorted(folder.parent.glob(pattern))
        return [path for path in found if is_folder(path) and not path.is_symlink()]
    except OSError:
        return []


def _takes(left: Path, held: ExitStack) -> bool:
    try:
        descriptor = taken(left)
    except OSError:
        return False
    if descriptor is not None:
        held.callback(os.close, descriptor)
    return descriptor is not None
