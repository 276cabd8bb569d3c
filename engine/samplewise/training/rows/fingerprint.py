"""The identity of training rows: a hash of their values, taken where somebody asks for it.

Hashing rows takes about as long as an epoch on them by a small network, and few trainings are asked
for it: those that are continued from a snapshot, and those whose history is written.
"""

from __future__ import annotations

import hashlib
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.locks import new_lock

MOST_BYTES = 2**27
"""Bytes that all fingerprints of the process hold at most, in arrays that are not hashed yet."""


class Fingerprint:
    """The SHA-256 of arrays; `str` gives it, and lets go of the arrays.

    Args:
        arrays: nobody writes to them any more.
    """

    def __init__(self, *arrays: NDArray[Any]) -> None:
        self._arrays, self._text = arrays, ""
        _make_room_for(self)

    @property
    def held_bytes(self) -> int:
        """Bytes of the arrays that are held."""
        return sum(array.nbytes for array in self._arrays)

    def __str__(self) -> str:
        """Return the hash as 64 hexadecimal digits."""
        arrays = self._arrays
        # Threads that ask at once find the same text; a thread that finds no arrays finds it.
        if arrays:
            self._text = _sha256(arrays)
            self._arrays = ()
        return self._text

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Let a copy be the text."""
        return str, (str(self),)


_lock = new_lock()
_waiting: list[weakref.ref[Fingerprint]] = []


def _make_room_for(new: Fingerprint) -> None:
    """Hash the arrays that have been held longest until the new ones may be held too."""
    size = new.held_bytes
    if size > MOST_BYTES:
        str(new)
        return
    with _lock:
        known = [one for one in (ref() for ref in _waiting) if one is not None and one.held_bytes]
        _waiting[:] = [weakref.ref(one) for one in (*known, new)]
    excess = size - MOST_BYTES + sum(one.held_bytes for one in known)
    for one in known:
        if excess <= 0:
            return
        excess -= one.held_bytes
        str(one)


def _sha256(arrays: tuple[NDArray[Any], ...]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
