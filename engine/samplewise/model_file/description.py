"""What our metadata says of a model, and the model that it describes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import __version__, strict_json
from samplewise.checks import one_of, positive_number, printable, whole_number
from samplewise.data.dataset import MAX_CLASSES
from samplewise.data.labels import check_class_name
from samplewise.data.preprocessing import AUTO, PREPROCESSING, SCALE, STANDARDIZE, Preprocessing
from samplewise.errors import DataError, ModelFileError, ParameterError
from samplewise.model import Model
from samplewise.model_file.container import MAX_DIMENSIONS, Entry, Header
from samplewise.network import ClassLoss, Loss, Network, loss_from

FORMAT = 1
MEAN, DEVIATION = "preprocessing.mean", "preprocessing.deviation"

_ABOUT_FILE = ("format", "samplewise")
_ABOUT_NETWORK = ("network", "loss", "classes", "dtype")
_ABOUT_DATA = ("preprocessing", "image_shape", "trained_on")
_KEYS = {*_ABOUT_FILE, *_ABOUT_NETWORK, *_ABOUT_DATA}
_DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class _Description:
    """The metadata, checked; fields as in `Model`."""

    network: Network
    loss: Loss
    class_names: tuple[str, ...]
    preprocess: str
    full_scale: float | None
    image_shape: tuple[int, int] | None
    trained_on: str
    dtype: np.dtype[Any]

    @property
    def fitted(self) -> bool:
        """Whether the preprocessing has a mean and a deviation for each column."""
        return self.preprocess == STANDARDIZE and self.image_shape is None

    def tensors(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """Return the dtype and shape of every tensor that the file must hold."""
        expected = {slot.name: (self.dtype, slot.shape) for slot in self.network.layout.slots}
        if self.fitted:
            columns = (np.dtype(np.float64), (self.network.inputs,))
            expected |= {MEAN: columns, DEVIATION: columns}
        return expected


def text_of(model: Model) -> str:
    """Return the description of a model, as JSON."""
    described = {
        "format": FORMAT,
        "samplewise": __version__,
        "network": model.network.to_dict(),
        "loss": model.loss.description,
        "classes": list(model.class_names),
        "preprocessing": {
            "name": model.preprocessing.name,
            "full_scale": model.preprocessing.full_scale,
        },
        "image_shape": None if model.image_shape is None else list(model.image_shape),
        "trained_on": model.trained_on,
        "dtype": model.parameters.dtype.name,
    }
    return json.dumps(described, separators=(",", ":"))


def tensors_of(model: Model) -> dict[str, NDArray[Any]]:
    """Return the tensors of a model by the names that they have in a file."""
    tensors = dict(model.network.layout.views(model.parameters))
    if model.preprocessing.mean is not None:
        tensors[MEAN] = model.preprocessing.mean
    if model.preprocessing.deviation is not None:
        tensors[DEVIATION] = model.preprocessing.deviation
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def build(header: Header, content: bytes, name: str) -> Model:
    """Return the model of a file.

    Args:
        header: as `container.read_header` found it.
        content: the whole file.
        name: of the file, for messages.

    Raises:
        ModelFileError: the description is not one, or the tensors are not those that it implies.
    """
    found = _parsed(header.metadata, name)
    try:
        described = _checked(found, name)
    except (ParameterError, DataError) as error:
        raise ModelFileError(f"{name} is damaged or hostile: {error}") from error
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
    )


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        found = strict_json.parse(text)
    except ValueError as error:
        raise ModelFileError(f"the metadata of {name} is damaged: {printable(error)}") from error
    version = found.get("format") if isinstance(found, dict) else None
    if type(version) is not int or version < 1:
        raise ModelFileError(f"the metadata of {name} names no format; the file is damaged")
    if version > FORMAT:
        raise ModelFileError(
            f"{name} has format {version}, written by samplewise "
            f"{printable(found.get('samplewise'))}; this samplewise {__version__} reads "
            f"formats up to {FORMAT}: install the version that wrote it, or a newer one"
        )
    if set(found) != _KEYS:
        odd = ", ".join(sorted(_KEYS.symmetric_difference(found)))
        raise ModelFileError(f"the metadata of {name} lacks or should not have: {printable(odd)}")
    return dict(found)


def _checked(found: dict[str, Any], name: str) -> _Description:
    network = _network(found["network"])
    loss = loss_from(found["loss"])
    class_names = _class_names(found["classes"], name, loss)
    expected = loss.outputs(len(class_names)) if isinstance(loss, ClassLoss) else len(class_names)
    if class_names and expected != network.outputs:
        raise ParameterError(
            f"{loss.name} of {len(class_names)} classes does not go with {network.outputs} outputs"
        )
    last = network.layers[-1].activation
    if last != "identity":
        raise ParameterError(f"the last layer has activation '{last}', but must have 'identity'")
    preprocess, full_scale = _preprocess(found["preprocessing"])
    return _Description(
        network=network,
        loss=loss,
        class_names=class_names,
        preprocess=preprocess,
        full_scale=full_scale,
        image_shape=_image_shape(found["image_shape"], network),
        trained_on=_line("trained_on", found["trained_on"], name),
        dtype=np.dtype(one_of("dtype", found["dtype"], _DTYPES)),
    )


def _network(value: object) -> Network:
    if not isinstance(value, dict):
        raise ParameterError("network must be a table")
    shape = value.get("input_shape")
    # The product of thousands of lengths would be too long a number even to print.
    if isinstance(shape, list) and len(shape) > MAX_DIMENSIONS:
        raise ParameterError(f"input_shape has {len(shape)} lengths, at most {MAX_DIMENSIONS}")
    return Network.from_dict(value)


def _line(key: str, value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ParameterError(f"{key} is '{printable(value)}', but must be a text")
    check_class_name(value, name)
    return value


def _class_names(value: object, name: str, loss: Loss) -> tuple[str, ...]:
    fewest = 2 if isinstance(loss, ClassLoss) else 0
    if not isinstance(value, list) or not fewest <= len(value) <= MAX_CLASSES:
        raise ParameterError(f"classes must be a list of {fewest} to {MAX_CLASSES:,} texts")
    names = tuple(_line("a class", text, name) for text in value)
    if len(set(names)) < len(names):
        raise ParameterError("classes names one class twice")
    return names


def _preprocess(value: object) -> tuple[str, float | None]:
    if not isinstance(value, dict) or set(value) != {"name", "full_scale"}:
        raise ParameterError("preprocessing must have name and full_scale, and nothing else")
    known = [known for known in PREPROCESSING if known != AUTO]
    step = one_of("name of preprocessing", value["name"], known)
    if step != SCALE and value["full_scale"] is not None:
        raise ParameterError(f"full_scale goes with scale, not with {step}")
    return step, positive_number("full_scale", value["full_scale"]) if step == SCALE else None


def _image_shape(value: object, network: Network) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ParameterError("image_shape must be a height and a width")
    height, width = (whole_number("image_shape", length) for length in value)
    if height * width != network.inputs:
        raise ParameterError(f"images of {height} x {width} do not go with {network.inputs} inputs")
    return height, width


def _check_tensors(entries: dict[str, Entry], described: _Description, name: str) -> None:
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
    described: _Description, entries: dict[str, Entry], content: bytes, name: str
) -> Preprocessing:
    if not described.fitted:
        return Preprocessing(described.preprocess, full_scale=described.full_scale)
    mean, deviation = (
        _finite(entries[key].array(content), key, name).astype(np.float64)
        for key in (MEAN, DEVIATION)
    )
    if not (deviation > 0).all():
        raise ModelFileError(f"tensor '{DEVIATION}' of {name} must be above 0 everywhere")
    return Preprocessing(described.preprocess, mean=mean, deviation=deviation)
