"""Schedules: frozen descriptions of how the learning rate changes in the course of a run.

eta is the setting `learning_rate`. A schedule by epoch gives all steps of an epoch one rate; one
by step changes it at every step. t counts steps from 0, without those of the warm-up; T is their
number in the whole run. With `warmup_steps` w, the first w steps have 1/(w+1), 2/(w+1), ... of what
the schedule gives: a schedule by step stands at its first rate meanwhile.
"""

from __future__ import annotations

from samplewise.training.schedules.base import RunLength as RunLength
from samplewise.training.schedules.base import Schedule as Schedule
from samplewise.training.schedules.by_epoch import Constant as Constant
from samplewise.training.schedules.by_epoch import Exponential as Exponential
from samplewise.training.schedules.by_epoch import InverseRows as InverseRows
from samplewise.training.schedules.by_epoch import Plateau as Plateau
from samplewise.training.schedules.by_epoch import Step as Step
from samplewise.training.schedules.by_step import Cosine as Cosine
from samplewise.training.schedules.by_step import InverseScaling as InverseScaling
from samplewise.training.schedules.by_step import OneCycle as OneCycle

SCHEDULES: dict[str, type[Schedule]] = {
    kind.name: kind
    for kind in (
        Constant,
        Step,
        Exponential,
        Cosine,
        OneCycle,
        InverseScaling,
        InverseRows,
        Plateau,
    )
}
