"""`samplewise find-rate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samplewise.checks import positive_number
from samplewise.cli import console, options, signals
from samplewise.cli.options import option, output
from samplewise.experiment.config_file import WORDS
from samplewise.experiment.experiment import Experiment
from samplewise.options.kinds import number
from samplewise.text import counted

if TYPE_CHECKING:
    from samplewise.training.lr_range_test import LearningRateRangeTest

# The test decides the rate and the length of the run, and keeps nothing of it.
NOT_TESTED = {
    *("learning_rate", "epochs", "shuffle", "class_weight", "ema_decay"),
    *("plan", "memory_mb", "track_accuracy", "exact_accuracy"),
    *(word.name for word in WORDS.values() if word.panel in ("Schedule", "Stopping")),
}
Lowest = Annotated[str | None, option("FLOAT", "Learning rate of the first step.  [default: 1e-5]")]
Highest = Annotated[str | None, option("FLOAT", "Learning rate of the last step.  [default: 10]")]
Picture = Annotated[Path | None, output("FILE", "PNG to draw loss against rate to.")]


@options.settings(without=NOT_TESTED)
def find_rate(
    experiment: Experiment,
    lowest: Lowest = None,
    highest: Highest = None,
    out: Picture = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Suggest a learning rate: train one pass while the rate grows, until the loss breaks.

    Of fewer than 10,000 rows, the losses are the mean of several such passes, at most ten.
    Settings come from the same places as those of `train`. The trained weights are not kept.
    """
    from samplewise.cli.outputs import check_picture
    from samplewise.experiment.prepared import prepare
    from samplewise.experiment.run import decided
    from samplewise.training import lr_range_test as range_test

    if out is not None:
        check_picture(out, force=force)
    with signals.handled() as interrupts:
        prepared = prepare(experiment)
        network, settings = decided(experiment, prepared)
        found = range_test.lr_range_test(
            network,
            prepared.inputs,
            prepared.targets,
            settings.training,
            lowest=_number("lowest", lowest, range_test.LOWEST),
            highest=_number("highest", highest, range_test.HIGHEST),
            class_names=prepared.training.class_names or None,
            stop=interrupts.stop,
        )
    if out is not None and found.suggestion is not None:
        _draw(found, f"{prepared.title}: {network}", out)
    for note in found.notes:
        console.warning(note)
    if as_json:
        figures = {**dataclasses.asdict(found), "network": str(network)}
        console.result_json({**figures, "picture": None if out is None else str(out)})
    else:
        console.table(_rows(found, str(network), out))
    raise typer.Exit(interrupts.exit_code)


def _number(name: str, text: str | None, usual: float) -> float:
    return usual if text is None else float(number(positive_number).from_text(name, text))


def _draw(found: LearningRateRangeTest, title: str, out: Path) -> None:
    from samplewise.io.writing import write_bytes
    from samplewise.plots.rates import rate_sweep

    assert found.suggestion is not None
    curves = found.rates, found.losses, found.smoothed
    write_bytes(out, rate_sweep(*curves, found.suggestion, f"Rates on {title}"))


def _rows(found: LearningRateRangeTest, network: str, out: Path | None) -> list[tuple[str, str]]:
    from samplewise.training.lr_range_test import SAFETY

    rows = [("network", network), ("backend", found.backend)]
    if found.suggestion is not None:
        first, last = found.rates[0], found.rates[-1]
        swept = f"{counted(len(found.rates), 'rate')} from {first:.3g} to {last:.3g}"
        passes = counted(found.passes, "pass", "passes")
        rows += [
            ("swept", f"{swept} in {passes}, {found.stopped}"),
            ("least loss", f"at a rate of {found.suggestion * SAFETY:.3g}, smoothed"),
            ("suggested", f"--learning-rate {found.suggestion:.2g}"),
        ]
    if out is not None and found.suggestion is not None:
        rows.append(("written to", str(out)))
    return rows
