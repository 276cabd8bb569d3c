"""`samplewise summary`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.network import Network
    from samplewise.network.summary import LayerSummary


def summary(
    data: options.Data = None,
    classes: options.Classes = None,
    label: options.Label = None,
    drop: options.Drop = None,
    image_size: options.ImageSize = None,
    fit: options.Fit = None,
    full_scale: options.FullScale = None,
    hidden: options.Hidden = None,
    activation: options.Activation = None,
    layers: options.Layers = None,
    loss: options.Loss = None,
    optimizer: options.Optimizer = None,
    momentum: options.Momentum = None,
    batch_size: options.BatchSize = None,
    dtype: options.Dtype = None,
    config: options.ConfigFile = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the network that `train` would build: shapes, parameters, work and memory.

    Settings come from where those of `train` come from. The data decide inputs and classes.
    """
    # The first line, so that these are the options and nothing else.
    given = dict(locals())
    import numpy as np

    from samplewise.experiment.config_file import KINDS, effective
    from samplewise.experiment.run import decided, prepare
    from samplewise.network.summary import summarize, training_bytes
    from samplewise.training.train import loss_for

    experiment = effective({field: given.get(field) for field in KINDS}, config)
    network, settings = decided(experiment, prepare(experiment))
    loss_for(network, settings)
    itemsize = np.dtype(settings.dtype).itemsize
    rows = summarize(network, itemsize)
    needed = training_bytes(network, settings.rule.slots, settings.batch_size, itemsize)
    if as_json:
        console.result_json(_figures(network, rows, needed))
        return
    header = ("layer", "output", "parameters", "multiply-adds", "bytes")
    console.table(
        [_input(network, itemsize), *map(_cells, rows), _total(rows)], header, numbers=True
    )
    console.result(
        f"\nmultiply-adds and bytes: of one sample, forward. Training by {settings.optimizer} with "
        f"batches of {settings.batch_size:,} in {settings.dtype} takes about "
        f"{needed / 2**20:,.1f} MiB beside the data."
    )


def _figures(network: Network, rows: list[LayerSummary], needed: int) -> dict[str, Any]:
    return {
        "input_shape": list(network.input_shape),
        "layers": [dataclasses.asdict(row) for row in rows],
        "parameters": network.layout.parameters,
        "multiply_adds": network.multiply_adds,
        "training_bytes": needed,
    }


def _input(network: Network, itemsize: int) -> tuple[str, ...]:
    return "input", _by(network.input_shape), "", "", f"{network.inputs * itemsize:,}"


def _cells(row: LayerSummary) -> tuple[str, ...]:
    figures = (row.parameters, row.multiply_adds, row.value_bytes)
    return row.words, _by(row.output_shape), *(f"{figure:,}" for figure in figures)


def _total(rows: list[LayerSummary]) -> tuple[str, ...]:
    parameters = sum(row.parameters for row in rows)
    multiply_adds = sum(row.multiply_adds for row in rows)
    values = sum(row.value_bytes for row in rows)
    return "all", "", f"{parameters:,}", f"{multiply_adds:,}", f"{values:,}"


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
