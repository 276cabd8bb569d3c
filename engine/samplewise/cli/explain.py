"""`samplewise explain`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.cli import console, options, signals

if TYPE_CHECKING:
    from samplewise.experiment.explanation import Explanation, Measurement

Measure = Annotated[
    bool,
    typer.Option(
        "--measure/--no-measure", help="Train a few epochs, and compare with the prediction."
    ),
]


def explain(
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
    learning_rate: options.LearningRate = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    shuffle: options.Shuffle = None,
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
    plan: options.Plan = None,
    memory_mb: options.MemoryMb = None,
    track_accuracy: options.TrackAccuracy = None,
    schedule: options.Schedule = None,
    warmup_steps: options.WarmupSteps = None,
    decay: options.Decay = None,
    every: options.Every = None,
    final_rate: options.FinalRate = None,
    power: options.Power = None,
    plateau_epochs: options.PlateauEpochs = None,
    validation_fraction: options.ValidationFraction = None,
    monitor: options.Monitor = None,
    patience: options.Patience = None,
    min_delta: options.MinDelta = None,
    keep_best: options.KeepBest = None,
    target_loss: options.TargetLoss = None,
    target_accuracy: options.TargetAccuracy = None,
    max_seconds: options.MaxSeconds = None,
    max_steps: options.MaxSteps = None,
    class_weight: options.ClassWeight = None,
    ema_decay: options.EmaDecay = None,
    config: options.ConfigFile = None,
    measure: Measure = True,
    as_json: options.AsJson = False,
) -> None:
    """Say which plan `train` would choose with these settings, why, and how long it would take.

    Nothing is written. Settings come from where those of `train` come from.
    """
    # The first line, so that these are the options and nothing else.
    given = dict(locals())
    from samplewise.experiment.config_file import KINDS, effective
    from samplewise.experiment.explanation import explain as explanation_of

    experiment = effective({field: given[field] for field in KINDS}, config)
    with signals.handled() as interrupts:
        found = explanation_of(experiment, measure=measure, stop=interrupts.stop)
    if as_json:
        console.result_json(_figures(found))
    else:
        console.table(_rows(found))


def _figures(found: Explanation) -> dict[str, Any]:
    measured = found.measured
    return {
        "network": str(found.network),
        "rows": found.rows,
        "settings": dataclasses.asdict(found.experiment),
        "backend": found.backend,
        "backend_reason": found.backend_reason,
        "plan": dataclasses.asdict(found.plan),
        "measured": None if measured is None else dataclasses.asdict(measured),
    }


def _rows(found: Explanation) -> list[tuple[str, str]]:
    plan, experiment = found.plan, found.experiment
    block = "" if plan.block is None else f", blocks of {plan.block} rows"
    kept = f"{plan.memory_bytes / 2**20:,.1f} MiB kept beside the data"
    rows = [
        ("network", f"{found.network}, {experiment.dtype}"),
        ("work", _work(found)),
        ("backend", f"{found.backend} ({found.backend_reason})"),
        ("plan", plan.name + block),
        ("why", plan.reason),
        ("memory", f"{kept}, {experiment.memory_mb:,} MiB allowed"),
    ]
    if plan.epoch_ms is not None:
        rows.append(("predicted", f"{_ms(plan.epoch_ms)} an epoch"))
    for name, ms in sorted(plan.alternatives.items(), key=lambda pair: pair[1]):
        if name != plan.name:
            rows.append((f"if {name}", f"{_ms(ms)} an epoch, by prediction"))
    if found.measured is not None:
        rows.append(("measured", _measured(found.measured, plan.epoch_ms)))
    return rows


def _work(found: Explanation) -> str:
    settings = found.experiment
    order = ", in a new order each" if settings.shuffle else ""
    work = f"{settings.epochs:,} epochs{order}, of {found.rows:,} rows by {settings.batch_size:,}"
    return ", ".join([work, *settings.rule.words])


def _measured(measured: Measurement, predicted: float | None) -> str:
    first, later = _ms(measured.first_ms), measured.later_ms
    parts = f"the first {first}" + ("" if later is None else f", then {_ms(later)}")
    ratio = ""
    if predicted is not None:
        ratio = f": {measured.epoch_ms / predicted:.2f} times the prediction"
    return f"{_ms(measured.epoch_ms)} an epoch ({parts}){ratio}"


def _ms(ms: float) -> str:
    return f"{ms:.3g} ms" if ms < 1000 else f"{ms:,.0f} ms"
