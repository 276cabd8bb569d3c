"""Models for PyTorch, and its weights as models. PyTorch itself is not needed."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import file_path, instance_of, printable
from samplewise.data.preprocessing import UNCHANGED
from samplewise.errors import DataError, ModelFileError, ParameterError
from samplewise.exchange.tensors import parameters_of
from samplewise.exchange.torch_modules import modules_of, parameter_names
from samplewise.io.reading import read_with_room
from samplewise.io.tensor_file import other_kind
from samplewise.io.writing import check_tensor_file, write_bytes
from samplewise.model.model import MODEL_MADE_BY, Model
from samplewise.model.unscaled import unscaled
from samplewise.network import ClassLoss, Loss, Network
from samplewise.network.losses import loss_named
from samplewise.training.result import model_of
from samplewise.training.rows.classes import check_class_names, number_of_classes

_CODE = """\
from torch import nn

# Takes {rows}.
# Gives {outputs}.
network = nn.Sequential(
{modules}
){double}
"""
_LINKS = {
    "binary_cross_entropy": "the logit of the second class; its probability is the sigmoid",
    "categorical_cross_entropy": "a logit a class; the probabilities are their softmax",
    "multi_label_cross_entropy": "a logit a label; its probability is the sigmoid",
    "poisson": "the logarithm of each expected count",
}
SHOWN = 8
_NUMBERED = re.compile(r"(?:(.*)\.)?([0-9]+)\.(weight|bias)")


def to_torch(model: Model) -> dict[str, NDArray[Any]]:
    """Return the weights of a model as the state dict of the `nn.Sequential` of `torch_code`.

    New arrays by PyTorch's names: "0.weight", "0.bias", "2.weight" and so on.
    `network.load_state_dict({name: torch.from_numpy(W) for name, W in to_torch(model).items()})`
    takes them. Standardized targets are taken into the last layer: it gives the data's units.

    Args:
        model: of layers and activations that PyTorch has.

    Raises:
        ParameterError: PyTorch has no such activation or layer.
    """
    network = instance_of("model", model, Model, MODEL_MADE_BY).network
    names = parameter_names(network, "to_torch")
    model = unscaled(model, "to_torch")
    views = network.layout.views(model.parameters)
    return {names[name]: view.copy() for name, view in views.items()}


def torch_code(model: Model) -> str:
    """Return the Python text that makes the network of a model in PyTorch, as an `nn.Sequential`.

    A comment says which rows it takes, since it does no preprocessing, and what its outputs mean.

    Args:
        model: of layers and activations that PyTorch has.

    Raises:
        ParameterError: PyTorch has no such activation or layer.
    """
    network = instance_of("model", model, Model, MODEL_MADE_BY).network
    texts = [f"    {text}," for text, _ in modules_of(network, "torch_code")]
    preprocessing = model.preprocessing
    how = {
        "scale": f", divided by {preprocessing.full_scale}",
        "standardize": ", after model.preprocessing.apply",
    }
    shape = ", ".join(map(str, ("n", *network.input_shape)))
    return _CODE.format(
        rows=f"rows of shape ({shape}){how.get(preprocessing.name, '')}",
        outputs=_LINKS.get(model.loss.name, "the predicted numbers"),
        modules="\n".join(texts),
        double=".double()" if model.parameters.dtype == np.float64 else "",
    )


def save_torch(model: Model, path: Path | str) -> None:
    """Write the state dict of `to_torch` as a safetensors file, whole or not at all.

    `safetensors.torch.load_file(path)` reads it. The text of `torch_code` is in its metadata.

    Args:
        model: of layers and activations that PyTorch has.
        path: the file, such as "w.safetensors"; its folder must exist, and an existing file is
            replaced.

    Raises:
        ParameterError: PyTorch has no such activation or layer.
        OutputError: the file cannot be written, or its name has the ending of another format.
    """
    from safetensors.numpy import save

    tensors, written = to_torch(model), file_path("path", path)
    check_tensor_file(written)
    write_bytes(written, save(tensors, {"format": "pt", "code": torch_code(model)}))


def from_torch(
    state: Mapping[str, Any] | Path | str,
    network: Network | Model,
    *,
    loss: Loss | str | None = None,
    class_names: Sequence[str] | None = None,
) -> Model:
    """Return weights of PyTorch as a model.

    Modules with weights are matched to the layers with weights in the order of their numbers, so
    that modules without weights may stand elsewhere than in `torch_code`.

    Args:
        state: a state dict, of tensors on the CPU or arrays, or the path of a safetensors file.
            Its names are those of an `nn.Sequential`, such as "0.weight", with one prefix or none.
        network: that the weights belong to; or a model, of which everything else is kept; its
            targets count as not standardized, as in `to_torch`.
        loss: whose link turns logits into predictions, or its name; needed with a Network only.
        class_names: of the classes in the order of the outputs, or of the outputs; None takes "0",
            "1" and so on for classes.

    Raises:
        DataError: names or shapes are not those of the network, or weights are not finite floats.
        ModelFileError: the file is missing, damaged, or not a safetensors file.
        ParameterError: another argument is of the wrong kind, missing, or at odds with the network.
    """
    described = network if isinstance(network, Model) else _described(network, loss, class_names)
    if isinstance(network, Model) and (loss is not None or class_names is not None):
        raise ParameterError(
            "from_torch: a model brings its own loss and class_names; give its network, or neither"
        )
    arrays = _arrays(state) if isinstance(state, Mapping) else _read(state)
    names = _matched(list(arrays), described.network)
    tensors = {ours: arrays[theirs] for ours, theirs in names.items()}
    parameters = parameters_of(described.network, tensors, names, "from_torch")
    return dataclasses.replace(described, parameters=parameters, target_preprocessing=UNCHANGED)


def _described(
    network: Network, loss: Loss | str | None, class_names: Sequence[str] | None
) -> Model:
    """Return a model of zeros."""
    instance_of("network", network, Network)
    if loss is None:
        raise ParameterError(
            "from_torch: a network needs the loss whose link its logits have, as in "
            "loss='categorical_cross_entropy'"
        )
    known = loss if isinstance(loss, Loss) else loss_named(loss)
    known.check_outputs(network.outputs)
    classes = isinstance(known, ClassLoss)
    count = number_of_classes(network) if classes else network.outputs
    usual = tuple(map(str, range(count))) if classes else ()
    names = usual if class_names is None else check_class_names(class_names, count)
    return model_of(network, known, network.layout.zeros(np.float32), names)


def _arrays(state: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    arrays = {}
    for name, tensor in state.items():
        try:
            arrays[str(name)] = np.asarray(tensor)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                f"from_torch: '{printable(name)}' cannot be read as an array ({printable(error)}); "
                "give network.cpu().float().state_dict()"
            ) from error
    return arrays


def _read(path: object) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    file = file_path("state", path)
    name = printable(os.fspath(file))
    try:
        content = read_with_room(file)
    except DataError as error:
        raise ModelFileError(str(error)) from error
    if (kind := other_kind(content)) is not None:
        raise ModelFileError(
            f"{name} is not a safetensors file but {kind}; write one with "
            "safetensors.torch.save_file(network.state_dict(), path)"
        )
    try:
        return load(content)
    except (SafetensorError, ValueError) as error:
        raise ModelFileError(f"{name} is damaged: {printable(error)}") from error
    except KeyError as error:
        raise ModelFileError(
            f"{name} holds tensors of {printable(error.args[0])}; write it from network.float()"
        ) from error


def _matched(given: list[str], network: Network) -> dict[str, str]:
    """Return the names given by those of the network's layout."""
    found = {name: _NUMBERED.fullmatch(name) for name in given}
    prefixes = {match[1] for match in found.values() if match}
    odd = [name for name, match in found.items() if match is None]
    if odd or len(prefixes) > 1:
        raise DataError(
            f"from_torch: '{printable(odd[0] if odd else given[-1])}' is not a weight of an "
            "nn.Sequential, whose names are as '0.weight'; rename the tensors to "
            f"{_listed(parameter_names(network, 'from_torch').values())}"
        )
    by_number = {(int(match[2]), match[3]): name for name, match in found.items() if match}
    numbers = sorted({number for number, _ in by_number})
    slots = [slot.name.split(".") for slot in network.layout.slots]
    layers = sorted({int(layer) for layer, _ in slots})
    places = dict(zip(layers, numbers, strict=False))
    wanted = {f"{layer}.{kind}": (places.get(int(layer), -1), kind) for layer, kind in slots}
    if set(wanted.values()) != set(by_number):
        raise DataError(
            f"from_torch: the network has {_listed(slot.name for slot in network.layout.slots)}, "
            f"but the state dict {_listed(given)}; a layer without bias needs zeros for it, and "
            "batch normalization has no place"
        )
    return {ours: by_number[theirs] for ours, theirs in wanted.items()}


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = [] if len(shown) <= SHOWN else ["and so on"]
    return printable(", ".join([*shown[:SHOWN], *more])) or "nothing"
