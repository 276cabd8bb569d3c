"""`samplewise warm-up`."""

from __future__ import annotations

from typing import Annotated

from samplewise.cli import console
from samplewise.cli.options import option, switch
from samplewise.training.settings.training_settings import DTYPES

Dtype = Annotated[
    str | None,
    option("|".join(DTYPES), "Floating-point type of the trainings to come.  [default: both]"),
]
Measure = Annotated[
    bool, switch("--measure/--no-measure", "Also measure how fast this machine is.")
]


def warm_up(dtype: Dtype = None, measure: Measure = True) -> None:
    """Compile all kernels and measure the machine now, so that no later start has to."""
    from samplewise.training.warm_up import warming_up

    for line in warming_up(DTYPES if dtype is None else (dtype,), measure=measure):
        console.result(line)
