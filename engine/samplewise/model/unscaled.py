"""Standardized targets taken into the last layer, for whoever takes weights and nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np

from samplewise.data.preprocessing import UNCHANGED
from samplewise.errors import ParameterError
from samplewise.model.model import Model
from samplewise.network import Dense
from samplewise.network.layer_spec import layer_spec


def unscaled(model: Model, where: str) -> Model:
    """Return a model of equal predictions, up to rounding, whose network gives the data's units.

    Args:
        model: returned as it is where its targets were not standardized.
        where: begins a message.

    Raises:
        ParameterError: the last layer is not dense, or its weights overflow.
    """
    step = model.target_preprocessing
    if step.mean is None or step.deviation is None:
        return model
    index, layer = len(model.network.layers) - 1, model.network.layers[-1]
    if not isinstance(layer, Dense):
        raise ParameterError(
            f"{where}: needs a dense last layer, which takes in the units of standardized targets, "
            f"got '{layer_spec((layer,))}'; end the network with a dense layer, or train without "
            "standardize_targets"
        )
    parameters = model.parameters.copy()
    views = model.network.layout.views(parameters)
    weight, bias = views[f"{index}.weight"], views[f"{index}.bias"]
    with np.errstate(over="ignore", under="ignore"):
        weight[...] = weight * step.deviation[:, np.newaxis]
        bias[...] = bias * step.deviation + step.mean
    if not np.isfinite(parameters).all():
        raise ParameterError(
            f"{where}: the weights of the last layer must be finite in the units of the targets, "
            f"got infinite ones in {parameters.dtype}; divide the targets before training"
        )
    return dataclasses.replace(model, parameters=parameters, target_preprocessing=UNCHANGED)
