"""A right backend behind a wrapper that distorts one result wherever a condition holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from faults.faulty_reference import OneByOne, OneByOneBackend, Settings
from samplewise import registry
from samplewise.contract import (
    PENALTIES,
    RATES,
    WEIGHTS,
    Capabilities,
    Plan,
    Program,
    Steps,
    TrainingState,
    Workload,
)
from samplewise.contract.capabilities import Need, needs
from samplewise.contract.plan import AUTO_PLAN, DIRECT, DUAL

Array = NDArray[Any]
# Of the capabilities in use: of network, loss, optimizer, dtype and plan, and of the steps' fields.
Condition = Callable[[set[Need]], bool]
TOO_LARGE = 0.01
MANY = ("many", "several networks at once")


@dataclass(frozen=True)
class Distortion:
    """Sizes of errors.

    Args:
        update: relative error of the change that a call makes to the parameters.
        gradient: relative error of gradients.
        logits: likewise.
        drift: relative error of the parameters that grows with every call.
    """

    update: float = 0.0
    gradient: float = 0.0
    logits: float = 0.0
    drift: float = 0.0


class DistortedProgram(Program):
    """A program whose results are distorted where the condition holds."""

    def __init__(
        self, inner: Program, facts: set[Need], condition: Condition, distortion: Distortion
    ) -> None:
        self.inner, self.facts = inner, facts
        self.condition, self.distortion = condition, distortion
        self.calls = 0

    @property
    def plan(self) -> Plan:  # type: ignore[override]
        """As asked for: a dual plan is imitated by making one step after the other."""
        asked = next((name for kind, name in self.facts if kind == "plan"), DIRECT)
        return Plan(DUAL) if asked == DUAL else self.inner.plan

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        before = state.parameters.copy()
        self.inner.run_epoch(state, X, Y, steps, losses)
        self.calls += 1
        names = (RATES, WEIGHTS, PENALTIES)
        fields = {("step field", name) for name in names if _is_set(steps, name)}
        if self.condition(self.facts | fields):
            state.parameters += self.distortion.update * (state.parameters - before)
            state.parameters *= 1 + self.distortion.drift * self.calls

    def synchronize(self, state: TrainingState) -> None:
        self.inner.synchronize(state)

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        loss, gradient = self.inner.gradients(parameters, X, Y)
        return loss, gradient * gradient.dtype.type(1 + self.distortion.gradient * self.holds)

    def predict(self, parameters: Array, X: Array) -> Array:
        logits = self.inner.predict(parameters, X)
        return logits * logits.dtype.type(1 + self.distortion.logits * self.holds)

    @property
    def holds(self) -> bool:
        """Whether the condition holds whatever the steps are."""
        return self.condition(self.facts)


def _is_set(steps: Steps, field: str) -> bool:
    return getattr(steps, field) is not None


@dataclass(frozen=True)
class DistortedBackend(OneByOneBackend):
    """A right backend, and a dual plan and several networks that it imitates, with a fault.

    Args:
        condition: of the capabilities in use.
        distortion: of the results where the condition holds.
        name: of the backend.
        many: program of several networks.
        inner: name of the right backend.
    """

    condition: Condition
    distortion: Distortion = Distortion(update=TOO_LARGE)
    name: str = "distorted"
    many: type[OneByOne] = OneByOne
    inner: str = "vectorized"

    @property
    def capabilities(self) -> Capabilities:
        inner = registry.load(self.inner).capabilities
        return dataclasses.replace(inner, plans=inner.plans | {DUAL}, many=True)

    def program_of(
        self, settings: Settings, workload: Workload | None, *, alone: bool
    ) -> DistortedProgram:
        """Return the right backend's program, distorted."""
        asked = AUTO_PLAN if workload is None else workload.plan
        facts = {*needs(*settings, asked), *(() if alone else (MANY,))}
        if asked == DUAL and workload is not None:
            workload = dataclasses.replace(workload, plan=DIRECT)
        inner = registry.load(self.inner).compile(*settings, workload)
        return DistortedProgram(inner, facts, self.condition, self.distortion)
