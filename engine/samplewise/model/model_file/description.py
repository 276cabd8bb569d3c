"""The description of a model in the metadata of its file: JSON, checked before it is believed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from samplewise._version import __version__
from samplewise.checks import must_be, one_of, positive_number, printable, shown, whole_number
from samplewise.data.labels import MAX_CLASSES, check_class_name
from samplewise.data.preprocessing import (
    AUTO,
    NONE,
    PREPROCESSING,
    SCALE,
    STANDARDIZE,
    Preprocessing,
)
from samplewise.data.sources.options import FITS, STRETCH
from samplewise.errors import DataError, ModelFileError, ParameterError
from samplewise.io import strict_json
from samplewise.io.tensor_file import MAX_DIMENSIONS
from samplewise.model.model import Model
from samplewise.model.model_file.columns_text import bytes_of, largest_size
from samplewise.network import ClassLoss, Loss, Network, loss_from
from samplewise.text import counted

FORMAT, UNSCALED_FORMAT = 3, 2
"""The formats that are written: the first with standardized targets; all up to it are read."""
PREPROCESSED, OF_TARGETS = "preprocessing", "target_preprocessing"
"""The keys of the steps; tensors have their means and deviations."""
COLUMNS = "columns"

_ABOUT_FILE = ("format", "samplewise")
_ABOUT_NETWORK = ("network", "loss", "classes", "dtype")
_ABOUT_DATA = ("preprocessing", "image_shape", "trained_on")
_KEYS_1 = {*_ABOUT_FILE, *_ABOUT_NETWORK, *_ABOUT_DATA}
_NEW_IN_2: dict[str, Any] = {
    "columns": None,
    "full_scale": None,
    "fit": STRETCH,
    "array_dtype": None,
}
"""The values that a file of format 1, which lacks these keys, has for them."""
_NEW_IN_3 = {OF_TARGETS: {"name": NONE, "full_scale": None}}
_KEYS_2 = _KEYS_1 | set(_NEW_IN_2)
_KEYS = {1: _KEYS_1, UNSCALED_FORMAT: _KEYS_2, FORMAT: _KEYS_2 | set(_NEW_IN_3)}
_REMEDY = "use another copy of the file, or train and save the model again"
_DTYPES = ("float64", "float32")
_ARRAY_DTYPES = (
    "bool",
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    *(f"float{bits}" for bits in (16, 32, 64)),
)


@dataclass(frozen=True)
class Description:
    """The metadata, checked. Fields are those of `Model`; mean and deviation are tensors.

    Args:
        columns_bytes: size of the tensor that holds the columns; None where there is none.
    """

    network: Network
    loss: Loss
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    target_preprocessing: Preprocessing
    image_shape: tuple[int, int] | None
    full_scale: float | None
    fit: str
    array_dtype: str | None
    columns_bytes: int | None
    trained_on: str
    dtype: np.dtype[Any]

    @property
    def of_model(self) -> dict[str, Any]:
        """The fields that are those of `Model`, by name."""
        others = ("columns_bytes", "dtype")
        return {name: value for name, value in vars(self).items() if name not in others}

    @property
    def fitted(self) -> dict[str, int]:
        """The keys of steps that have means and deviations, and how many of each."""
        of_table = self.preprocessing.name == STANDARDIZE and self.image_shape is None
        of_targets = self.target_preprocessing.name == STANDARDIZE
        return ({PREPROCESSED: self.network.inputs} if of_table else {}) | (
            {OF_TARGETS: self.network.outputs} if of_targets else {}
        )

    def tensors(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """Return the dtype and shape of every tensor that the file must hold."""
        expected = {slot.name: (self.dtype, slot.shape) for slot in self.network.layout.slots}
        for key, count in self.fitted.items():
            expected |= dict.fromkeys(fitted_tensors(key), (np.dtype(np.float64), (count,)))
        if self.columns_bytes is not None:
            expected[COLUMNS] = (np.dtype(np.uint8), (self.columns_bytes,))
        return expected


def fitted_tensors(key: str) -> tuple[str, str]:
    """Return the names of the tensors with the mean and the deviation of a step."""
    return f"{key}.mean", f"{key}.deviation"


def text_of(model: Model) -> str:
    """Return the description of a model, as JSON."""
    described = {
        "format": UNSCALED_FORMAT,
        "samplewise": __version__,
        "network": model.network.to_dict(),
        "loss": model.loss.description,
        "classes": list(model.class_names),
        PREPROCESSED: _described(model.preprocessing),
        "image_shape": None if model.image_shape is None else list(model.image_shape),
        "columns": None if model.columns is None else len(bytes_of(model.columns)),
        "full_scale": model.full_scale,
        "fit": model.fit,
        "array_dtype": model.array_dtype,
        "trained_on": model.trained_on,
        "dtype": model.parameters.dtype.name,
    }
    if model.target_preprocessing.name != NONE:
        # Older versions read what they can predict with.
        described |= {"format": FORMAT, OF_TARGETS: _described(model.target_preprocessing)}
    return json.dumps(described, separators=(",", ":"), default=_plain)


def _described(step: Preprocessing) -> dict[str, Any]:
    return {"name": step.name, "full_scale": step.full_scale}


def _plain(number: Any) -> int | float:
    """Return a number of NumPy's, or another that JSON does not know, as one of Python's."""
    return int(number) if isinstance(number, Integral) else float(number)


def description_of(text: str, name: str) -> Description:
    """Return the description that the metadata of a file gives.

    Raises:
        ModelFileError: it is not one.
    """
    found = _parsed(text, name)
    try:
        return _checked(found)
    except (ParameterError, DataError) as error:
        raise ModelFileError(f"the description in {name} is not valid: {error}") from error


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        found = strict_json.parse(text)
    except ValueError as error:
        raise ModelFileError(
            f"the metadata of {name} is damaged: {printable(error)}; {_REMEDY}"
        ) from error
    version = found.get("format") if isinstance(found, dict) else None
    if type(version) is not int or version < 1:
        raise ModelFileError(
            f"the metadata of {name} must name a format from 1 to {FORMAT}, got "
            f"{shown(version)}; {_REMEDY}"
        )
    if version > FORMAT:
        raise ModelFileError(
            f"{name} has format {version}, written by samplewise "
            f"{printable(found.get('samplewise'))}; this samplewise {__version__} reads "
            f"formats up to {FORMAT}: install the version that wrote it, or a newer one"
        )
    if set(found) != _KEYS[version]:
        wrong = {"lacks": _KEYS[version] - set(found), "has unknown": set(found) - _KEYS[version]}
        texts = [f"{what} {printable(', '.join(sorted(k)))}" for what, k in wrong.items() if k]
        raise ModelFileError(
            f"the metadata of {name}, of format {version}, {' and '.join(texts)}; {_REMEDY}"
        )
    return {**_NEW_IN_2, **_NEW_IN_3, **found}


def _checked(found: dict[str, Any]) -> Description:
    network = _network(found["network"])
    loss = loss_from(found["loss"])
    class_names = _class_names(found["classes"], loss)
    expected = loss.outputs(len(class_names)) if isinstance(loss, ClassLoss) else len(class_names)
    if class_names and expected != network.outputs:
        raise ParameterError(
            f"network: must have {counted(expected, 'output')} for {loss.name} of "
            f"{counted(len(class_names), 'class', 'classes')}, got {network.outputs:,}"
        )
    last = network.layers[-1].activation
    if last != "identity":
        raise ParameterError(must_be("activation of the last layer", "identity", last))
    preprocessing = _preprocess(PREPROCESSED, found[PREPROCESSED])
    dtype, size, most = found["array_dtype"], found["columns"], largest_size(network.inputs)
    return Description(
        network=network,
        loss=loss,
        class_names=class_names,
        preprocessing=preprocessing,
        target_preprocessing=_of_targets(found[OF_TARGETS], loss),
        image_shape=_image_shape(found["image_shape"], network),
        full_scale=_full_scale(found["full_scale"], preprocessing),
        fit=one_of("fit", found["fit"], FITS),
        array_dtype=None if dtype is None else one_of("array_dtype", dtype, _ARRAY_DTYPES),
        columns_bytes=None if size is None else whole_number("columns", size, maximum=most),
        trained_on=_line("trained_on", found["trained_on"]),
        dtype=np.dtype(one_of("dtype", found["dtype"], _DTYPES)),
    )


def _network(value: object) -> Network:
    if not isinstance(value, dict):
        raise ParameterError(must_be("network", "a table", value))
    shape = value.get("input_shape")
    # The product of thousands of lengths would be too long a number even to print.
    if isinstance(shape, list) and len(shape) > MAX_DIMENSIONS:
        raise ParameterError(
            f"input_shape: must have at most {MAX_DIMENSIONS} lengths, got {len(shape):,}"
        )
    return Network.from_dict(value)


def _line(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ParameterError(must_be(key, "a text", value))
    check_class_name(value, key)
    return value


def _class_names(value: object, loss: Loss) -> tuple[str, ...]:
    fewest = 2 if isinstance(loss, ClassLoss) else 0
    if not isinstance(value, list) or not fewest <= len(value) <= MAX_CLASSES:
        wanted = f"a list of {fewest} to {MAX_CLASSES:,} texts"
        raise ParameterError(must_be("classes", wanted, value))
    names = tuple(_line("classes", text) for text in value)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ParameterError(f"classes: must differ, got '{printable(twice)}' twice")
    return names


def _of_targets(value: object, loss: Loss) -> Preprocessing:
    step = _preprocess(OF_TARGETS, value)
    one_of(f"name of {OF_TARGETS}", step.name, (STANDARDIZE, NONE))
    if step.name == STANDARDIZE:
        loss.check_standardizable(OF_TARGETS)
    return step


def _preprocess(key: str, value: object) -> Preprocessing:
    if not isinstance(value, dict) or set(value) != {"name", "full_scale"}:
        wanted = "a table of name and full_scale, and nothing else"
        raise ParameterError(must_be(key, wanted, value))
    known = [known for known in PREPROCESSING if known != AUTO]
    step = one_of(f"name of {key}", value["name"], known)
    if step == SCALE:
        return Preprocessing(step, full_scale=positive_number("full_scale", value["full_scale"]))
    if value["full_scale"] is not None:
        raise ParameterError(
            f"full_scale of {key}: must be null unless its name is {SCALE}, got "
            f"{shown(value['full_scale'])} with {step}"
        )
    return Preprocessing(step)


def _full_scale(value: object, preprocessing: Preprocessing) -> float | None:
    """Return the value of white: in format 1, only the preprocessing knew it."""
    if value is None:
        return preprocessing.full_scale
    white = positive_number("full_scale", value)
    if preprocessing.name == SCALE and preprocessing.full_scale != white:
        raise ParameterError(
            f"full_scale: must be that of preprocessing, {preprocessing.full_scale:g}, got "
            f"{white:g}"
        )
    return white


def _image_shape(value: object, network: Network) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ParameterError(must_be("image_shape", "a height and a width", value))
    height, width = (whole_number("image_shape", length) for length in value)
    if height * width != network.inputs:
        raise ParameterError(
            f"image_shape: must make {counted(network.inputs, 'input')}, as the network has, got "
            f"{height:,} x {width:,}"
        )
    return height, width
