"""`samplewise find-rate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samplewise.cli import console, options, signals

if TYPE_CHECKING:
    from samplewise.training.lr_range_test import RateSweep

Lowest = Annotated[
    str | None, typer.Option(help="The rate of the first step.", show_default="1e-5")
]
Highest = Annotated[str | None, typer.Option(help="The rate of the last step.", show_default="10")]
Picture = Annotated[Path | None, typer.Option("--out", help="A PNG to draw loss against rate to.")]


def find_rate(
    data: options.Data = None,
    classes: options.Classes = None,
    label: options.Label = None,
    drop: options.Drop = None,
    image_size: options.ImageSize = None,
    fit: options.Fit = None,
    full_scale: options.FullScale = None,
    preprocess: options.Preprocess = None,
    split: options.Split = None,
    stratify: options.Stratify = None,
    hidden: options.Hidden = None,
    activation: options.Activation = None,
    layers: options.Layers = None,
    loss: options.Loss = None,
    label_smoothing: options.LabelSmoothing = None,
    delta: options.Delta = None,
    batch_size: options.BatchSize = None,
    order_seed: options.OrderSeed = None,
    augment: options.Augment = None,
    optimizer: options.Optimizer = None,
    momentum: options.Momentum = None,
    nesterov: options.Nesterov = None,
    beta1: options.Beta1 = None,
    beta2: options.Beta2 = None,
    rho: options.Rho = None,
    epsilon: options.Epsilon = None,
    l1: options.L1 = None,
    l2: options.L2 = None,
    weight_decay: options.WeightDecay = None,
    clip_value: options.ClipValue = None,
    clip_norm: options.ClipNorm = None,
    init: options.Init = None,
    seed: options.Seed = None,
    backend: options.Backend = None,
    dtype: options.Dtype = None,
    threads: options.Threads = None,
    config: options.ConfigFile = None,
    lowest: Lowest = None,
    highest: Highest = None,
    out: Picture = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Suggest a learning rate: train one pass while the rate grows, until the loss breaks.

    Settings come from where those of `train` come from. Nothing is kept of the training.
    """
    # The first line, so that these are the options and nothing else.
    given = dict(locals())
    from samplewise.cli.outputs import check_output_file
    from samplewise.experiment.config_file import KINDS, effective
    from samplewise.experiment.run import decided, prepare
    from samplewise.training import lr_range_test as rate_finder

    experiment = effective({field: given.get(field) for field in KINDS}, config)
    if out is not None:
        check_output_file(out, force=force)
    with signals.handled() as interrupts:
        prepared = prepare(experiment)
        network, settings = decided(experiment, prepared)
        found = rate_finder.find_rate(
            network,
            prepared.inputs,
            prepared.training.targets,
            settings,
            lowest=_number("lowest", lowest, rate_finder.LOWEST),
            highest=_number("highest", highest, rate_finder.HIGHEST),
            class_names=prepared.training.class_names or None,
            stop=interrupts.stop,
        )
    if out is not None and found.suggestion is not None:
        _draw(found, f"{network} on {prepared.training.title}", out)
    for note in found.notes:
        console.warning(note)
    if as_json:
        figures = {**dataclasses.asdict(found), "network": str(network)}
        console.result_json({**figures, "picture": None if out is None else str(out)})
    else:
        console.table(_rows(found, str(network), out))
    raise typer.Exit(interrupts.exit_code)


def _number(name: str, text: str | None, usual: float) -> float:
    from samplewise.experiment.value_kinds import VALUE_KINDS

    return usual if text is None else float(VALUE_KINDS["float"].from_text(name, text))


def _draw(found: RateSweep, title: str, out: Path) -> None:
    from samplewise.io.writing import write_bytes
    from samplewise.plots.rates import rate_sweep

    assert found.suggestion is not None
    curves = found.rates, found.losses, found.smoothed
    write_bytes(out, rate_sweep(*curves, found.suggestion, f"Rates for {title}"))


def _rows(found: RateSweep, network: str, out: Path | None) -> list[tuple[str, str]]:
    from samplewise.training.lr_range_test import SAFETY

    rows = [("network", network), ("backend", found.backend)]
    if found.suggestion is not None:
        swept = f"{len(found.rates)} rates from {found.rates[0]:.3g} to {found.rates[-1]:.3g}"
        rows += [
            ("swept", f"{swept}, {found.stopped}"),
            ("least loss", f"at a rate of {found.suggestion * SAFETY:.3g}, smoothed"),
            ("suggested", f"--learning-rate {found.suggestion:.2g}"),
        ]
    if out is not None and found.suggestion is not None:
        rows.append(("written to", str(out)))
    return rows
