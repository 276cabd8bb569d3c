"""Records as kernels see them in Python: fields are attributes.

NumPy's own records of attributes would not do: a field `take` or `size` is a method of theirs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from samplewise_backends.numba_cpu.compile.record import Record, Repeated


def fields_of(record: Record, memory: Any) -> Any:
    """Return an object whose attributes are the fields of a record, in place.

    Args:
        record: the fields.
        memory: an element of a structured array.
    """
    return _class_of(record)(memory)


@cache
def _class_of(record: Record) -> Any:
    properties = {name: _property(name, kind) for name, kind in record.fields.items()}
    return type(f"Fields_{record.name}", (_Fields,), properties)


class _Fields:
    def __init__(self, memory: Any) -> None:
        self._memory = memory


def _property(name: str, kind: Any) -> Any:
    def get(fields: Any) -> Any:
        value = fields._memory[name]
        if isinstance(kind, Record):
            return fields_of(kind, value)
        if isinstance(kind, Repeated):
            return [fields_of(kind.record, one) for one in value]
        return value

    def put(fields: Any, value: Any) -> None:
        fields._memory[name] = value

    return property(get, put)
