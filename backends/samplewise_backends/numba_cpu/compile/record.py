"""Records: the one argument of a routine, as named fields of memory.

A record is declared once, without a dtype. `Record.of` gives its layout for float32 or float64,
which NumPy, numba and C share; `Struct` is its memory in Python.

    LAYER = record("layer", units=INTEGER, weight=INTEGER, epsilon=REAL)
    RUN = record("run", rows=INTEGER, rate=NUMBER, X=reads(NUMBER), W=writes(NUMBER),
                 layers=reads(LAYER), first=LAYER, losses=repeated(LAYER, 3), update=ROUTINE)
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

INTEGER, REAL, NUMBER, ROUTINE = "integer", "real", "number", "routine"
"""Kinds of a field: int64, float64, a number of the run's dtype, the address of a routine."""
_NUMBERS = (INTEGER, REAL, NUMBER)
_FIXED = {INTEGER: np.dtype(np.int64), REAL: np.dtype(np.float64), ROUTINE: np.dtype(np.int64)}


class Address(NamedTuple):
    """A field that holds the address of an array.

    Args:
        element: INTEGER, REAL, NUMBER or a record.
        written: True if kernels write the array.
    """

    element: Any
    written: bool


class Repeated(NamedTuple):
    """A field that holds `times` records, one after the other."""

    record: Record
    times: int


def reads(element: Any) -> Address:
    """Return the kind of a field with the address of an array that kernels only read."""
    return Address(element, written=False)


def writes(element: Any) -> Address:
    """Return the kind of a field with the address of an array that kernels write."""
    return Address(element, written=True)


def repeated(inner: Record, times: int) -> Repeated:
    """Return the kind of a field with `times` records inside."""
    return Repeated(inner, times)


@dataclass(frozen=True, eq=False)
class Record:
    """Names and kinds of the fields of a record, in their order in memory.

    Args:
        name: in messages.
        fields: kind by name: INTEGER, REAL, NUMBER, ROUTINE, an `Address`, a `Record` or a
            `Repeated`.
    """

    name: str
    fields: dict[str, Any]
    layouts: dict[np.dtype[Any], np.dtype[Any]] = field(default_factory=dict, repr=False)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The fields that hold numbers of their own, neither addresses nor records."""
        return frozenset(name for name, kind in self.fields.items() if kind in _NUMBERS)

    def of(self, dtype: DTypeLike) -> np.dtype[Any]:
        """Return the layout for a dtype, aligned as C aligns a struct."""
        number = np.dtype(dtype)
        if number not in self.layouts:
            columns = [(name, _layout(kind, number)) for name, kind in self.fields.items()]
            self.layouts[number] = np.dtype(columns, align=True)
        return self.layouts[number]


def record(name: str, /, **fields: Any) -> Record:
    """Declare a record by the kinds of its fields."""
    return Record(name, fields)


# Asked for with every array that a call gets.
@cache
def _layout(kind: Any, number: np.dtype[Any]) -> Any:
    """Return the layout of a field."""
    if isinstance(kind, Record):
        return kind.of(number)
    if isinstance(kind, Repeated):
        return np.dtype((kind.record.of(number), (kind.times,)))
    if isinstance(kind, Address):
        return np.dtype(np.int64)
    return number if kind == NUMBER else _FIXED[kind]


class Struct:
    """The memory of one record or of several, and the arrays whose addresses it holds.

    Args:
        record: its fields.
        dtype: of its numbers.
        count: of records; `memory` has a row for each.
    """

    def __init__(self, record: Record, dtype: DTypeLike, count: int = 1) -> None:
        self._hold(record, np.dtype(dtype), np.zeros(count, record.of(dtype)))

    def _hold(self, record: Record, dtype: np.dtype[Any], memory: NDArray[Any]) -> None:
        self.record, self.dtype, self.memory = record, dtype, memory
        # NumPy writes one number in half the time that a slice of one takes.
        self._all = 0 if len(memory) == 1 else slice(None)
        # Arrays, structs and routines whose addresses the fields have: they live as long as this.
        self._held: dict[str, Any] = {}
        self._settled: dict[str, Any] = {}
        self._inner: dict[tuple[str, int], Struct] = {}
        # Views of single fields, which NumPy makes more slowly than it writes to them.
        self._columns: dict[str, NDArray[Any]] = {}

    @cached_property
    def address(self) -> int:
        """The address of the first record."""
        return self.memory.ctypes.data

    def set(self, **values: Any) -> None:
        """Write fields, of several records the same in all.

        Args:
            values: a number, an array or a `Struct` for an address, a routine; of an inner record,
                use `inner` instead.

        Raises:
            TypeError: an array has another dtype, is not contiguous, or cannot be written.
        """
        held, numbers = self._held, self.record.numbers
        for name, value in values.items():
            # An array that is there already: most of those of a training, call after call.
            if name in held and held[name] is value:
                continue
            if name in numbers:
                self._column(name)[self._all] = value
            else:
                self._column(name)[self._all] = self._stored(name, value)
                held[name] = value

    def point(self, name: str, records: Struct, index: int) -> None:
        """Write the address of one of several records, which the caller keeps."""
        self._column(name)[self._all] = records.address + index * records.memory.itemsize

    def _column(self, name: str) -> NDArray[Any]:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self.memory[name]
        return column

    def set_each(self, **values: Any) -> None:
        """Write fields of several records, each its own.

        Args:
            values: a list with a number for each record; for addresses, an array with a row for
                each, or a list with an array for each; None in it writes the address 0. What is
                for a part of the records is repeated for the others.

        Raises:
            TypeError: as `set`.
        """
        numbers = self.record.numbers
        for name, each in values.items():
            if name in numbers:
                self._write_each(name, each)
            elif isinstance(each, list) and all(one is each[0] for one in each):
                self._set_or_clear(name, each[0])
            else:
                self._write_each(name, self._addresses(name, each))
                self._held[name] = each

    def _write_each(self, name: str, numbers: Any) -> None:
        column = self._column(name)
        if self._all == 0:
            # NumPy makes an array of a list first.
            column[0] = numbers[0]
        else:
            column.reshape(-1, len(numbers))[...] = numbers

    def _set_or_clear(self, name: str, array: NDArray[Any] | None) -> None:
        if array is not None:
            self.set(**{name: array})
        elif self._held.pop(name, None) is not None:
            self._column(name)[self._all] = 0

    def _addresses(self, name: str, arrays: NDArray[Any] | list[Any]) -> Any:
        """Return the addresses of the rows of an array, or of the arrays of a list."""
        if isinstance(arrays, np.ndarray):
            return self._stored(name, arrays[0]) + np.arange(len(arrays)) * arrays.strides[0]
        return [0 if one is None else self._stored(name, one) for one in arrays]

    def inner(self, name: str, index: int = 0) -> Struct:
        """Return an inner record, which shares the memory; the same struct every time.

        Args:
            name: of the field.
            index: of the record, in a field of several.
        """
        known = self._inner.get((name, index))
        if known is not None:
            return known
        kind, memory = self.record.fields[name], self.memory[name]
        if isinstance(kind, Repeated):
            return self._part(kind.record, memory[:, index], (name, index))
        return self._part(kind, memory, (name, index))

    def repeated(self, count: int) -> Self:
        """Return the settled records so many times, one after the other.

        The arrays whose addresses they have live as long as this struct only.
        """
        made = type(self).__new__(type(self))
        settled = self._bytes.view(self.memory.dtype)
        # `np.tile` takes five times as long.
        made._hold(self.record, self.dtype, np.repeat(settled[None], count, axis=0).ravel())
        made.settle()
        return made

    def settle(self) -> None:
        """Let `forget` come back to the fields and arrays of now, here and in the structs inside.

        Of structs that share memory, the one whose memory it is settles.
        """
        self._bytes = self.memory.view(np.uint8).copy()
        self._settle_arrays()

    def _settle_arrays(self) -> None:
        self._settled = dict(self._held)
        for part in self._inner.values():
            part._settle_arrays()
        for held in self._structs():
            held.settle()

    def forget(self) -> None:
        """Come back to the settled fields and arrays, and empty those that kernels write.

        What an earlier call left in a buffer, NaN for one, cannot reach a later one.
        """
        self.memory.view(np.uint8)[...] = self._bytes
        self._forget_arrays()

    def _forget_arrays(self) -> None:
        self._held = dict(self._settled)
        for name, array in self._settled.items():
            if isinstance(array, np.ndarray) and self.record.fields[name].written:
                array.fill(0)
        for part in self._inner.values():
            part._forget_arrays()
        for held in self._structs():
            held.forget()

    def _structs(self) -> list[Struct]:
        """Return the structs whose addresses the fields hold."""
        return [one for one in self._held.values() if isinstance(one, Struct)]

    def _part(self, record: Record, memory: NDArray[Any], place: tuple[str, int]) -> Struct:
        part = self._inner[place] = Struct.__new__(Struct)
        part._hold(record, self.dtype, memory)
        return part

    def _stored(self, name: str, value: Any) -> Any:
        """Return the number that is stored for an array, a `Struct` or a routine."""
        kind = self.record.fields[name]
        if kind == ROUTINE:
            return value if isinstance(value, int) else value.address(self.dtype.name)
        array = value.memory if isinstance(value, Struct) else value
        wanted, flags = _layout(kind.element, self.dtype), array.flags
        if array.dtype != wanted or not flags.c_contiguous:
            raise TypeError(
                f"{self.record.name}.{name}: must be a contiguous array of {wanted}, got "
                f"{array.dtype}, {flags}"
            )
        if kind.written and not flags.writeable:
            raise TypeError(
                f"{self.record.name}.{name}: must be writable, got a read-only array; pass a copy"
            )
        return _address_of(array)


def _address_of(array: NDArray[Any]) -> int:
    """Return the address of a contiguous array, of numbers in half the time of `array.ctypes`."""
    if array.flags.writeable and array.nbytes and array.dtype.names is None:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    return array.ctypes.data
