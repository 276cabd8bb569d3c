"""Checks of the parts that a model is made of: a wrong one would fail much later, in a product."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from samplewise.checks import must_be, one_of, positive_number, printable, text
from samplewise.data.arrays import sum_is_finite
from samplewise.data.columns import Column, width
from samplewise.data.preprocessing import NONE, SCALE, STANDARDIZE, Preprocessing
from samplewise.data.sources.options import FITS
from samplewise.errors import ParameterError
from samplewise.network import ClassLoss, Loss, Network
from samplewise.text import counted

_FLOATS = (np.float64, np.float32)


def check_parameters(given: Any, network: Network) -> None:
    """Refuse anything but the flat vector of a network.

    Raises:
        ParameterError: it is of another type, shape or dtype, or holds NaN or infinity.
    """
    size = network.layout.size
    wanted = f"parameters: must be {size} finite numbers, float64 or float32, for {network}"
    remedy = "make them by network.layout.zeros('float64') and fill the views of network.layout"
    if not isinstance(given, np.ndarray):
        raise ParameterError(f"{wanted}, got {printable(given)}; {remedy}")
    if given.shape != (size,) or given.dtype not in _FLOATS:
        raise ParameterError(f"{wanted}, got {given.dtype} {given.shape}; {remedy}")
    if not _are_finite(given):
        place = int(np.isfinite(given).argmin())
        raise ParameterError(f"{wanted}, got {given[place]} at {place}; {remedy}")


def check_class_names(given: Any, loss: Loss, network: Network) -> None:
    """Refuse anything but one text for each class, or of a loss without classes for each output.

    Raises:
        ParameterError: one is not a text, or their number is neither that nor 0.
    """
    of_classes = isinstance(loss, ClassLoss)
    count = max(network.outputs, 2) if of_classes else network.outputs
    are_texts = isinstance(given, Sequence) and all(isinstance(name, str) for name in given)
    if isinstance(given, str) or not are_texts or len(given) not in (0, count):
        each = "class" if of_classes else "output"
        wanted = f"empty, or {counted(count, 'text')}, one for each {each}"
        raise ParameterError(must_be("class_names", wanted, given))


def check_preprocessing(given: Preprocessing, network: Network) -> None:
    """Refuse a step that is not fitted, or to other inputs than those of the network.

    Raises:
        ParameterError: its name is none of a fitted step, or a number or array of it does not fit.
    """
    one_of("preprocessing: name", given.name, (SCALE, STANDARDIZE, NONE))
    if given.full_scale is not None or given.name == SCALE:
        positive_number("preprocessing: full_scale", given.full_scale)
    if given.mean is not None or given.deviation is not None:
        _check_fitted("preprocessing", given, network.inputs, "input")


def check_target_preprocessing(given: Preprocessing, loss: Loss, network: Network) -> None:
    """Refuse a step that is not fitted, to other targets, or of a loss that takes no other units.

    Raises:
        ParameterError: it is not "standardize" of each output, or "none".
    """
    name = "target_preprocessing"
    one_of(f"{name}: name", given.name, (STANDARDIZE, NONE))
    if given.name == NONE:
        return
    loss.check_standardizable(name)
    _check_fitted(name, given, network.outputs, "output")


def _check_fitted(where: str, given: Preprocessing, count: int, each: str) -> None:
    for name in ("mean", "deviation"):
        values = getattr(given, name)
        if values is None or values.shape != (count,) or not _are_finite(values):
            wanted = f"an array of {counted(count, 'finite number')}, one for each {each}"
            raise ParameterError(must_be(f"{where}: {name}", wanted, values))


def check_rows(
    image_shape: Any, columns: Any, full_scale: Any, fit: Any, array_dtype: Any, network: Network
) -> None:
    """Refuse descriptions of the rows trained on that describe nothing; all but `fit` may be None.

    Raises:
        ParameterError: one is of another type, or the columns are not as many as the inputs.
    """
    if image_shape is not None and not _are_lengths(image_shape):
        raise ParameterError(must_be("image_shape", "(height, width) or None", image_shape))
    if columns is not None and not (_are_columns(columns) and width(columns) == network.inputs):
        wanted = f"None or Columns of {network.inputs} features, as Dataset.columns"
        raise ParameterError(must_be("columns", wanted, columns))
    if full_scale is not None:
        positive_number("full_scale", full_scale)
    one_of("fit", fit, FITS)
    if array_dtype is not None:
        text("array_dtype", array_dtype, "uint8")


def _are_finite(values: Any) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return sum_is_finite(values) or bool(np.isfinite(values).all())


def _are_lengths(given: Any) -> bool:
    return (
        isinstance(given, tuple | list)
        and len(given) == 2
        and all(isinstance(length, Integral) and int(length) > 0 for length in given)
    )


def _are_columns(given: Any) -> bool:
    return isinstance(given, tuple | list) and all(isinstance(one, Column) for one in given)
