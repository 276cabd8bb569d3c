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
    DEVIATION,
    MEAN,
    Description,
    description_of,
)


def tensors_of(model: Model) -> dict[str, NDArray[Any]]:
    """Return the tensors of a model by the names that they have in a file."""
    tensors = dict(model.network.layout.views(model.parameters))
    if model.preprocessing.mean is not None:
        tensors[MEAN] = model.preprocessing.mean
    if model.preprocessing.deviation is not None:
        tensors[DEVIATION] = model.preprocessing.deviation
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
    for key, view in described.network.layout.views(parameters).items():
        view[...] = _finite(header.entries[key].array(content), key, name)
    return Model(
        network=described.network,
        loss=described.loss,
        parameters=parameters,
        class_names=described.class_names,
        preprocessing=_preprocessing(described, header.entries, content, name),
        image_shape=described.image_shape,
        trained_on=described.trained_on,
        columns=_columns(described, header.entries, content, name),
        full_scale=described.full_scale,
        fit=described.fit,
        array_dtype=described.array_dtype,
    )


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


def _preprocessing(
    described: Description, entries: dict[str, Entry], content: bytes, name: str
) -> Preprocessing:
    if not described.fitted:
        return described.preprocessing
    mean, deviation = (
        _finite(entries[key].array(content), key, name).astype(np.float64)
        for key in (MEAN, DEVIATION)
    )
    if not (deviation > 0).all():
        raise ModelFileError(f"tensor '{DEVIATION}' of {name} must be above 0 everywhere")
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
