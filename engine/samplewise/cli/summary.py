"""`samplewise summary`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from samplewise.cli import console, options
from samplewise.experiment.experiment import Experiment
from samplewise.text import counted, memory

if TYPE_CHECKING:
    from samplewise.network import Network
    from samplewise.network.summary import LayerSummary

# The settings that change shapes, parameters or memory, besides those of the dataset.
SHOWN = ("hidden", "activation", "layers", "loss", "optimizer", "momentum", "batch_size", "dtype")


@options.settings(*options.SOURCE, *SHOWN)
def summary(experiment: Experiment, as_json: options.AsJson = False) -> None:
    """Show the network that `train` would build: shapes, parameters, work and memory.

    Settings come from the same places as those of `train`. The data decide inputs and classes.
    """
    import numpy as np

    from samplewise.experiment.prepared import prepare
    from samplewise.experiment.run import decided
    from samplewise.network.summary import summarize, training_bytes
    from samplewise.training.prerequisites import loss_for

    network, effective = decided(experiment, prepare(experiment))
    settings = effective.training
    loss_for(network, settings)
    itemsize = np.dtype(settings.dtype).itemsize
    rows = summarize(network, itemsize)
    needed = training_bytes(network, settings.optimizer.slots, settings.batch_size, itemsize)
    if as_json:
        console.result_json(_figures(network, rows, needed))
        return
    first = "input", _by(network.input_shape), "", "", f"{network.inputs * itemsize:,}"
    header = ("layer", "output", "parameters", "multiply-adds", "bytes")
    console.table([first, *map(_cells, rows), _total(rows)], header, numbers=True)
    console.result(
        "\nmultiply-adds and bytes: of one sample, forward. Training by "
        f"{settings.optimizer.name} with batches of {settings.batch_size:,} in {settings.dtype} "
        f"takes about {memory(needed)} beside the data." + _frozen_words(rows)
    )


def _figures(network: Network, rows: list[LayerSummary], needed: int) -> dict[str, Any]:
    return {
        "input_shape": list(network.input_shape),
        "layers": [dataclasses.asdict(row) for row in rows],
        "parameters": network.layout.parameters,
        "trainable_parameters": network.layout.parameters - _frozen(rows),
        "multiply_adds": network.multiply_adds,
        "training_bytes": needed,
    }


def _frozen(rows: list[LayerSummary]) -> int:
    return sum(row.frozen for row in rows)


def _frozen_words(rows: list[LayerSummary]) -> str:
    frozen, parameters = _frozen(rows), sum(row.parameters for row in rows)
    if not frozen:
        return ""
    trained = counted(parameters - frozen, "parameter is", "parameters are")
    return f"\n{trained} trained, {frozen:,} {'is' if frozen == 1 else 'are'} frozen."


def _cells(row: LayerSummary) -> tuple[str, ...]:
    figures = (row.parameters, row.multiply_adds, row.value_bytes)
    return row.spec, _by(row.output_shape), *(f"{figure:,}" for figure in figures)


def _total(rows: list[LayerSummary]) -> tuple[str, ...]:
    parameters = sum(row.parameters for row in rows)
    multiply_adds = sum(row.multiply_adds for row in rows)
    values = sum(row.value_bytes for row in rows)
    return "all", "", f"{parameters:,}", f"{multiply_adds:,}", f"{values:,}"


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
