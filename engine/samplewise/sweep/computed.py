"""Long sequences whose items are computed when they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")

_KEPT = 10_000
"""Items that a sequence keeps: all of a usual sweep's, and a bounded part of a large one's."""


class Computed(Sequence[T], ABC):
    """A sequence that computes its items, and keeps some of them."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._kept: dict[int, T] = {}

    @abstractmethod
    def _item(self, index: int) -> T:
        """Return an item, the same at each call."""

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        """Return an item, or a tuple of those of a slice."""
        found = range(self._length)[index]
        if isinstance(found, range):
            return tuple(map(self.__getitem__, found))
        if found not in self._kept:
            item = self._item(found)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[found] = item
        return self._kept[found]

    def __iter__(self) -> Iterator[T]:
        return map(self.__getitem__, range(self._length))

    def __eq__(self, other: object) -> bool:
        """Hold for any sequence of equal items."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]
