"""The first layers of a trained network as those of another one."""

from __future__ import annotations

import dataclasses

from samplewise.checks import instance_of, whole_number
from samplewise.data.preprocessing import UNCHANGED
from samplewise.errors import ParameterError
from samplewise.model.model import MODEL_MADE_BY, Model
from samplewise.model.unscaled import unscaled
from samplewise.network import ClassLoss, Loss, Network, initialize
from samplewise.network.layer_spec import layer_spec
from samplewise.network.losses import BinaryCrossEntropy, CategoricalCrossEntropy
from samplewise.streams import Streams
from samplewise.text import counted


def transfer(
    model: Model, network: Network, *, layers: int, seed: int = 0, init: str = "normal"
) -> Model:
    """Return a model of another network whose first layers have the weights of a trained model.

    `train(network, X, y, settings, initial=transfer(model, network, layers=2))` goes on from it.
    `network` says which layers are frozen then, whatever was frozen in the model.

    Args:
        model: whose first layers are taken.
        network: that gets them, of the same input shape; its other layers are drawn.
        layers: number of layers to take, counted from the input, those without weights too.
        seed: of the drawn weights, as in `TrainingSettings`.
        init: law of the drawn weights, as in `TrainingSettings`.

    Returns:
        A model of `network` with the preprocessing, columns and dtype of `model`. Where it has as
        many outputs, it has its class names too, else numbers. It predicts in the data's units.

    Raises:
        ParameterError: an argument is of another type or out of range, or a layer to be taken is
            not the same in both networks; the message names the layer and its shapes in both.
    """
    instance_of("model", model, Model, MODEL_MADE_BY)
    instance_of("network", network, Network)
    most = min(len(model.network.layers), len(network.layers))
    count = whole_number("layers", layers, maximum=most)
    if model.network.input_shape != network.input_shape:
        raise ParameterError(
            f"network: its input_shape must be the model's, {model.network.input_shape}, got "
            f"{network.input_shape}; build the network for rows of that shape"
        )
    for index in range(count):
        _check_same_layer(model.network, network, index)
    if count == len(model.network.layers):
        model = unscaled(model, "transfer")
    drawn = initialize(network, init, Streams(seed).of_run("init"), model.parameters.dtype)
    given = model.network.layout.views(model.parameters)
    for name, view in network.layout.views(drawn).items():
        if int(name.split(".")[0]) < count:
            view[...] = given[name]
    loss, class_names = _loss_and_classes(model, network)
    return dataclasses.replace(
        model,
        network=network,
        loss=loss,
        parameters=drawn,
        class_names=class_names,
        target_preprocessing=UNCHANGED,
    )


def _check_same_layer(ours: Network, theirs: Network, index: int) -> None:
    """Refuse a layer that computes something else in the two networks, frozen or not."""
    layers = [network.layers[index].with_trainable(True) for network in (ours, theirs)]
    if layers[0] != layers[1]:
        texts = [_words(network, index) for network in (ours, theirs)]
        fewer = f", or take {counted(index, 'layer')}" if index else ""
        raise ParameterError(
            f"layers: layer {index} is {texts[0]} in the model, but {texts[1]} in the network; "
            f"give the network the model's layer{fewer}"
        )


def _words(network: Network, index: int) -> str:
    layer = network.layers[index]
    shapes = layer.parameter_shapes(network.shapes[index])
    return f"'{layer_spec((layer,))}'" + "".join(f", {k} {shape}" for k, shape in shapes.items())


def _loss_and_classes(model: Model, network: Network) -> tuple[Loss, tuple[str, ...]]:
    """Return the model's loss and class names, changed where the number of outputs is another."""
    loss, outputs = model.loss, network.outputs
    if outputs == model.network.outputs:
        return loss, model.class_names
    if isinstance(loss, BinaryCrossEntropy | CategoricalCrossEntropy):
        loss = BinaryCrossEntropy() if outputs == 1 else CategoricalCrossEntropy()
    loss.check_outputs(outputs)
    classes = max(outputs, 2) if isinstance(loss, ClassLoss) else 0
    return loss, tuple(map(str, range(classes)))
