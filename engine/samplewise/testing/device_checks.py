"""Checks of a device, and of a framework in the same process, beside the results."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from samplewise.contract import Backend, Capabilities, Program
from samplewise.contract.capabilities import CPU
from samplewise.network import SGD, Dense, Network
from samplewise.testing import contract_checks, measures, tolerances
from samplewise.testing.cases import Case, Trial
from samplewise.testing.measures import Measure, condition
from samplewise.testing.problems import problem
from samplewise.testing.runs import program_of
from samplewise.testing.trials import contracts

PROBED_ROWS, PROBED_INPUTS = 16, 64
# Settings of frameworks, read only from those that are imported already.
FRAMEWORKS: dict[str, Callable[[ModuleType], dict[str, Any]]] = {
    "jax": lambda jax: dict(jax.config.values),
    "torch": lambda torch: {
        "dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "precision": torch.get_float32_matmul_precision(),
    },
}


def device_trials(offered: Capabilities, strength: int) -> Iterator[Trial]:
    """Yield one small network of each dtype."""
    of_dtype: dict[str, Trial] = {}
    for trial in contracts(offered, strength):
        if trial.case.is_offered(offered, trial.plan):
            of_dtype.setdefault(trial.case.dtype, trial)
    yield from of_dtype.values()


def device(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Check the precision of a product, where the work is done, and the process around it."""
    settings, modules = process_settings(), dict(sys.modules)
    program = program_of(backend, case, plan)
    claimed = backend.capabilities.device
    found = computed_on_device(program, case, claimed)
    if Dense.kind in backend.capabilities.layers:
        found.append(product_is_precise(backend, case))
    return [*found, *leaves_process_alone(settings, modules)]


def product_is_precise(backend: Backend, case: Case) -> Measure:
    """Measure one product of a dense layer against float64; the loss and dtype are the case's."""
    network = Network((PROBED_INPUTS,), (Dense(case.network.outputs),))
    program = program_of(backend, replace(case, network=network, optimizer=SGD()))
    rng = np.random.default_rng(0)
    parameters, X = network.layout.zeros(case.dtype), rng.random((PROBED_ROWS, PROBED_INPUTS))
    W = network.layout.views(parameters)["0.weight"]
    W[...] = rng.random(W.shape)
    X = X.astype(case.dtype)
    want = (X.astype(np.float64) @ W.astype(np.float64).T).astype(case.dtype)
    allowed = tolerances.tolerance("product", case.dtype)
    return measures.sized("one product", program.predict(parameters, X), want, allowed)


def computed_on_device(program: Program, case: Case, claimed: str) -> list[Measure]:
    """Check that results come from the device that the capabilities name.

    Args:
        program: of the case.
        case: with at least one batch.
        claimed: name of the device, or of its platform. Any but the processor has to be proved.
    """
    drawn = problem(case)
    steps, X = contract_checks.epoch_of(drawn, case.batch_size), drawn.X.copy()
    losses = np.zeros(len(X), drawn.dtype)
    calls: dict[str, Callable[[], Any]] = {
        "run_epoch": lambda: program.run_epoch(drawn.state(), X, drawn.Y, steps, losses),
        "gradients": lambda: program.gradients(drawn.parameters, X, drawn.Y),
        "predict": lambda: program.predict(drawn.parameters, X),
    }
    proof: Callable[[], frozenset[str]] = getattr(program, "computed_on", frozenset)
    found = []
    for name, call in calls.items():
        call()
        seen = proof()
        right = all(claimed in (where, where.partition(":")[0]) for where in seen)
        proved = bool(seen) or claimed == CPU
        complaint = f"{name}: computed on {', '.join(sorted(seen)) or 'an unknown device'}"
        found.append(condition(f"{complaint}, not on {claimed}", right and proved))
    return found


def process_settings() -> dict[str, Any]:
    """Return settings of the process by name, each comparable with `==`."""
    found: dict[str, Any] = {
        "numpy's errors": np.geterr(),
        "numpy's print options": np.get_printoptions(),
        "numpy's random numbers": str(np.random.get_state(legacy=False)),  # noqa: NPY002
        "random numbers": random.getstate(),
        "environment": dict(os.environ),
        "sys.path": list(sys.path),
        "recursion limit": sys.getrecursionlimit(),
        "signal of an interrupt": signal.getsignal(signal.SIGINT),
    }
    for name, settings in FRAMEWORKS.items():
        if name in sys.modules:
            found |= {f"{name}: {key}": each for key, each in settings(sys.modules[name]).items()}
    return found


def leaves_process_alone(
    settings: Mapping[str, Any], modules: Mapping[str, ModuleType]
) -> list[Measure]:
    """Compare settings and modules with those from before; new modules are allowed."""
    now = process_settings()
    changed = [name for name, value in settings.items() if now.get(name) != value]
    gone = [name for name, module in modules.items() if sys.modules.get(name) is not module]
    return [
        condition(f"changes settings of the process: {', '.join(changed)}", not changed),
        condition(f"removes or replaces modules: {', '.join(gone)}", not gone),
    ]
