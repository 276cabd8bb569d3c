"""Models for the tests of their file, and its bytes with something changed."""

import json
import struct

import numpy as np
import pytest

from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import ModelFileError
from samplewise.model.model import Model
from samplewise.model.model_file import load_model
from samplewise.network import loss_named, multilayer_perceptron


def made(hidden=(3,), inputs=4, classes=("4", "9"), dtype="float64", **changes):
    loss = loss_named("binary_cross_entropy" if len(classes) == 2 else "categorical_cross_entropy")
    network = multilayer_perceptron(inputs, hidden, loss.outputs(len(classes)))
    parameters = network.layout.zeros(dtype)
    rng = np.random.default_rng(0)
    for view in network.layout.views(parameters).values():
        view[...] = rng.standard_normal(view.shape)
    fields = {
        "network": network,
        "loss": loss,
        "parameters": parameters,
        "class_names": classes,
        "preprocessing": Preprocessing("scale", full_scale=255.0),
        "image_shape": (2, 2),
        "trained_on": "synthetic",
        "backend": "vectorized",
    }
    return Model(**{**fields, **changes})


def table_model(**changes):
    step = Preprocessing("standardize", mean=np.arange(4.0), deviation=np.arange(1.0, 5.0))
    return made(preprocessing=step, image_shape=None, **changes)


def parts(content):
    """The header as a dict, and the bytes of the tensors."""
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def with_metadata(content, **changes):
    header, data = parts(content)
    metadata = json.loads(header["__metadata__"]["samplewise"])
    for key, value in changes.items():
        if value is ...:
            del metadata[key]
        else:
            metadata[key] = value
    header["__metadata__"]["samplewise"] = json.dumps(metadata)
    return joined(header, data)


def with_metadata_text(content, text):
    header, data = parts(content)
    header["__metadata__"] = {"samplewise": text}
    return joined(header, data)


def with_tensor(content, name, **changes):
    header, data = parts(content)
    header[name] = {**header[name], **changes}
    return joined(header, data)


def refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1_500
