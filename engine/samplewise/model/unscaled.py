"""The units of targets taken into the last layer, for whoever takes weights and nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from samplewise.data.preprocessing import UNCHANGED, Preprocessing
from samplewise.errors import ParameterError
from samplewise.model.model import Model
from samplewise.network import Dense
from samplewise.network.layer_spec import layer_spec


def unscaled(model: Model, where: str, step: Preprocessing = UNCHANGED) -> Model:
    """Return a model of equal predictions, up to rounding, whose network gives the data's units.

    So has its loss, where all outputs had one deviation.

    Args:
        model: returned as it is where its targets were not standardized, and are not to be.
        where: begins a message.
        step: fitted to as many targets as the model has outputs, where the network is to give
            those that it makes of them; then predictions are equal once it is undone.

    Raises:
        ParameterError: the last layer is not dense, or has an activation, or its weights overflow.
    """
    if model.target_preprocessing.mean is None and step.mean is None:
        return model
    mean, deviation = _units(model.target_preprocessing)
    new_mean, new_deviation = _units(step)
    if np.array_equal(mean, new_mean) and np.array_equal(deviation, new_deviation):
        return dataclasses.replace(model, target_preprocessing=UNCHANGED)
    index, layer = len(model.network.layers) - 1, model.network.layers[-1]
    if not isinstance(layer, Dense) or layer.activation != "identity":
        raise ParameterError(
            f"{where}: needs a dense last layer, which takes in the units of standardized targets, "
            f"got '{layer_spec((layer,))}'; end the network with a dense layer without activation, "
            "or train without standardize_targets"
        )
    parameters = model.parameters.copy()
    views = model.network.layout.views(parameters)
    weight, bias = views[f"{index}.weight"], views[f"{index}.bias"]
    with np.errstate(over="ignore", under="ignore"):
        weight[...] = weight * deviation[:, np.newaxis] / new_deviation[:, np.newaxis]
        bias[...] = (bias * deviation + (mean - new_mean)) / new_deviation
    if not np.isfinite(parameters).all():
        raise ParameterError(
            f"{where}: the weights of the last layer must be finite in the units of the targets, "
            f"got infinite ones in {parameters.dtype}; divide the targets before training"
        )
    with np.errstate(over="ignore", under="ignore"):
        losses = [model.loss.scaled(factor) for factor in (deviation / new_deviation).tolist()]
    same = all(one == losses[0] for one in losses)
    return dataclasses.replace(
        model,
        # Outputs of different deviations would need a loss each.
        loss=losses[0] if same else model.loss,
        parameters=parameters,
        target_preprocessing=UNCHANGED,
    )


def _units(step: Preprocessing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and deviation of the targets that a step is fitted to, (outputs,) or (1,)."""
    if step.mean is None or step.deviation is None:
        return np.zeros(1), np.ones(1)
    return step.mean, step.deviation
