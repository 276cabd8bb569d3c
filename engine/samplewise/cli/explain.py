"""`samplewise explain`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

from samplewise.cli import console, options, signals
from samplewise.experiment.experiment import Experiment
from samplewise.text import counted, memory

if TYPE_CHECKING:
    from samplewise.experiment.explanation import Explanation, Measurement

Measure = Annotated[
    bool,
    options.switch(
        "--measure/--no-measure", "Train a few epochs, and compare with the prediction."
    ),
]


@options.settings()
def explain(
    experiment: Experiment, measure: Measure = True, as_json: options.AsJson = False
) -> None:
    """Show the plan that `train` would choose with these settings, its reason and the time.

    Nothing is written. Settings come from the same places as those of `train`.
    """
    from samplewise.experiment.explanation import explain as explanation_of

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
        "settings": found.experiment.to_options(),
        "backend": found.backend,
        "backend_reason": found.backend_reason,
        "plan": dataclasses.asdict(found.plan),
        "measured": None if measured is None else dataclasses.asdict(measured),
    }


def _rows(found: Explanation) -> list[tuple[str, str]]:
    plan, settings = found.plan, found.experiment.training
    block = ""
    if plan.block is not None:
        block = f", blocks of {counted(plan.block, 'row')}; --plan {plan.spec} repeats it"
    kept = f"{memory(plan.memory_bytes)} kept beside the data"
    rows = [
        ("network", f"{found.network}, {settings.dtype}"),
        ("work", _work(found)),
        ("backend", f"{found.backend} ({found.backend_reason})"),
        ("plan", plan.name + block),
        ("why", plan.reason),
        ("memory", f"{kept}, {settings.memory_mb:,} MiB allowed"),
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
    settings = found.experiment.training
    epochs, rows = counted(settings.epochs, "epoch"), counted(found.rows, "row")
    order = ["each in a new order"] if settings.shuffle else []
    work = [f"{epochs} of {rows}", *order, f"{counted(settings.batch_size, 'row')} a step"]
    return ", ".join([*work, *settings.optimizer.words])


def _measured(measured: Measurement, predicted: float | None) -> str:
    first, later = _ms(measured.first_ms), measured.later_ms
    parts = f"the first {first}" + ("" if later is None else f", then {_ms(later)}")
    ratio = ""
    if predicted is not None:
        ratio = f": {measured.epoch_ms / predicted:.2f} times the prediction"
    return f"{_ms(measured.epoch_ms)} an epoch ({parts}){ratio}"


def _ms(ms: float) -> str:
    return f"{ms:.3g} ms" if ms < 1000 else f"{ms:,.0f} ms"
