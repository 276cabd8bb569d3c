"""Tensors of another library as the parameters of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.errors import DataError
from samplewise.network import Network

FLOAT = "f"


def parameters_of(
    network: Network, tensors: Mapping[str, NDArray[Any]], names: Mapping[str, str], where: str
) -> NDArray[Any]:
    """Return tensors as a flat vector (P,): float64 where one of them is, else float32.

    Args:
        network: whose parameters they are.
        tensors: by the names of `network.layout`.
        names: of the tensors in messages, by the same names.
        where: the place in messages.

    Raises:
        DataError: a tensor has another shape, or holds anything but finite floats.
    """
    wide = any(tensor.dtype == np.float64 for tensor in tensors.values())
    vector = network.layout.zeros(np.float64 if wide else np.float32)
    for key, view in network.layout.views(vector).items():
        tensor, name = tensors[key], f"{where}: '{printable(names[key])}'"
        if tensor.dtype.kind != FLOAT or tensor.dtype.itemsize > view.itemsize:
            raise DataError(f"{name} must be of float64, float32 or float16, got {tensor.dtype}")
        if tensor.shape != view.shape:
            raise DataError(
                f"{name} has shape {tensor.shape}, but the network has {view.shape} there; give "
                "the network that the tensors were trained in"
            )
        if not np.isfinite(tensor).all():
            raise DataError(f"{name} holds NaN or infinity; train again")
        view[...] = tensor
    return vector
