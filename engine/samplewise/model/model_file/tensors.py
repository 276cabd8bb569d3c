"""The tensors of a model file: parameters, fitted preprocessing, and the columns of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import Columns
from samplewise.data.preprocessing import STANDARDIZE, Preprocessing
from samplewise.errors import DataError, ModelFileError, ParameterError
from samplewise.io.tensor_file import Entry, Header
from samplewise.model.model import Model
from samplewise.model.model_file.columns_text import bytes_of, columns_from
from samplewise.model.model_file.description import (
    COLUMNS,
    OF_TARGETS,
    PREPROCESSED,
    Description,
    description_of,
    fitted_tensors,
)


def tensors_of(model: Model) -> dict[str, NDArray[Any]]:
    """Return the tensors of a model by the names that they have in a file."""
    tensors = dict(model.network.layout.views(model.parameters))
    for key in (PREPROCESSED, OF_TARGETS):
        step: Preprocessing = getattr(model, key)
        if step.mean is not None and step.deviation is not None:
            tensors |= dict(zip(fitted_tensors(key), (step.mean, step.deviation), strict=True))
    if model.columns is not None:
        tensors[COLUMNS] = np.frombuffer(bytes_of(model.columns), np.uint8)
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def build(header: Header, content: bytes, name: str) -> Model:
    """Return the model of a file.

    Raises:
        ModelFileError: the description is not one, or the tensors are not those that it implies.
    """
    described = description_of(header.metadata, name)
    _check_tensors(header.entries, described, name)
    parameters = described.network.layout.zeros(described.dtype)
    fitted = {key: _fitted(key, header.entries, content, name) for key in described.fitted}
    for key, view in described.network.layout.views(parameters).items():
        view[...] = _finite(header.entries[key].array(content), key, name)
    columns = _columns(described, header.entries, content, name)
    return Model(parameters=parameters, columns=columns, **described.of_model | fitted)


def _check_tensors(entries: dict[str, Entry], described: Description, name: str) -> None:
    expected = described.tensors()
    odd = sorted(set(expected).symmetric_difference(entries))
    if odd:
        raise ModelFileError(
            f"{name} lacks or should not have the tensors {printable(', '.join(odd))}; the network "
            f"is {printable(described.network)}"
        )
    for key, (dtype, shape) in expected.items():
        entry = entries[key]
        if (entry.dtype, entry.shape) != (dtype.newbyteorder("<"), shape):
            raise ModelFileError(
                f"tensor '{key}' of {name} is {entry.dtype.name} {entry.shape}, but the "
                f"description says {dtype.name} {shape}"
            )


def _finite(tensor: NDArray[Any], key: str, name: str) -> NDArray[Any]:
    if not np.isfinite(tensor).all():
        raise ModelFileError(f"tensor '{key}' of {name} holds NaN or infinity; train again")
    return tensor


def _fitted(key: str, entries: dict[str, Entry], content: bytes, name: str) -> Preprocessing:
    tensors = fitted_tensors(key)
    mean, deviation = (
        _finite(entries[tensor].array(content), tensor, name).astype(np.float64)
        for tensor in tensors
    )
    if not (deviation > 0).all():
        raise ModelFileError(f"tensor '{tensors[1]}' of {name} must be above 0 everywhere")
    return Preprocessing(STANDARDIZE, mean=mean, deviation=deviation)


def _columns(
    described: Description, entries: dict[str, Entry], content: bytes, name: str
) -> Columns | None:
    if described.columns_bytes is None:
        return None
    where = f"tensor '{COLUMNS}' of {name}"
    try:
        found = entries[COLUMNS].array(content).tobytes()
        return columns_from(found, described.network.inputs, where)
    except (ParameterError, DataError) as error:
        raise ModelFileError(str(error)) from error
