"""Faults of a device, and of a framework that shares the process with others."""

from __future__ import annotations

import sched
import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faults.faulty_reference import FaultyReference
from samplewise.contract import Steps, TrainingState

Array = NDArray[Any]


class _RoundsFactors(FaultyReference):
    """Rounds parameters and rows to 11 bits before it multiplies them, as some devices do."""

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        return super().gradients(_rounded(parameters), _rounded(X), Y)

    def predict(self, parameters: Array, X: Array) -> Array:
        return super().predict(_rounded(parameters), _rounded(X))


def _rounded(array: Array) -> Array:
    fractions, exponents = np.frexp(array)
    return np.asarray(np.ldexp(np.round(fractions * 2**11) / 2**11, exponents), array.dtype)


class _DrawsFromNumpy(FaultyReference):
    """Takes random numbers of the generator that all others in the process share."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        np.random.random()  # noqa: NPY002
        super().run_epoch(state, X, Y, steps, losses)


class _ReloadsAModule(FaultyReference):
    """Replaces a module that others have imported."""

    def predict(self, parameters: Array, X: Array) -> Array:
        # It stays replaced: one that no library of the tests imports.
        sys.modules[sched.__name__] = ModuleType(sched.__name__)
        return super().predict(parameters, X)


class _ComputesElsewhere(FaultyReference):
    """Says that another device than that of its capabilities computed."""

    def computed_on(self) -> frozenset[str]:
        return frozenset({"gpu:0"})


# name -> (program, the rungs that reject it).
DEVICE_FAULTS: dict[str, tuple[type[FaultyReference], frozenset[str]]] = {
    "rounds_factors": (
        _RoundsFactors,
        frozenset({"kernel", "gradient", "difference", "epoch", "run", "device", "many"}),
    ),
    "draws_from_numpy": (_DrawsFromNumpy, frozenset({"device"})),
    "reloads_a_module": (_ReloadsAModule, frozenset({"device"})),
    "computes_elsewhere": (_ComputesElsewhere, frozenset({"device"})),
}
