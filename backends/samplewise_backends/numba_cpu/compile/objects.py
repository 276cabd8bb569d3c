"""Object files on disk: a description, then the machine code.

The first line holds format and hash of the rest, the second a description in JSON: routine, dtype,
source, layout, versions, settings, processor, and the names of symbols.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from samplewise_backends.numba_cpu.compile import whole_file

_MAGIC = b"samplewise-kernel 1"
MAX_BYTES = 2**26


def layout_of(record: np.dtype[Any]) -> list[Any]:
    """Return the size of a record, and names, types, shapes and places of its fields, as JSON."""
    found: list[Any] = [record.itemsize]
    for name, (inner, offset, *_) in (record.fields or {}).items():
        element, shape = inner.subdtype or (inner, ())
        kind = element.str if element.fields is None else layout_of(element)
        found.append([name, kind, list(shape), offset])
    return found


def write(path: Path, header: dict[str, Any], code: bytes) -> None:
    """Write an object file, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    rest = json.dumps(header, sort_keys=True).encode() + b"\n" + code
    digest = hashlib.sha256(rest).hexdigest().encode()
    whole_file.write(path, _MAGIC + b" " + digest + b"\n" + rest)


def read(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return header and code of an object file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or of another format.
    """
    content = whole_file.read(path, MAX_BYTES + 1)
    first, _, rest = content.partition(b"\n")
    magic, _, digest = first.rpartition(b" ")
    if magic != _MAGIC or len(content) > MAX_BYTES:
        raise ValueError("not an object file of this version")
    if hashlib.sha256(rest).hexdigest().encode() != digest:
        raise ValueError("damaged or cut short")
    header, _, code = rest.partition(b"\n")
    found = json.loads(header)
    if not isinstance(found, dict) or not _names_symbols(found):
        raise ValueError("without a description")
    return found, code


def _names_symbols(header: dict[str, Any]) -> bool:
    """Return True if the names of the symbols in an object are texts."""
    needs = header.get("needs")
    return isinstance(needs, list) and all(
        isinstance(n, str) for n in [header.get("symbol"), *needs]
    )
