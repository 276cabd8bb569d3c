"""The plan of a run and its predicted time, checked by training a few epochs."""

from __future__ import annotations

import dataclasses
import statistics
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplewise.contract import Plan
from samplewise.data.dataset import Dataset
from samplewise.data.rows import largest_value
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import Prepared, as_prepared
from samplewise.experiment.run import decided, with_choices
from samplewise.network import ClassLoss, Network
from samplewise.threads import limited
from samplewise.training.callbacks import Callback, Hook, as_callbacks
from samplewise.training.history import EpochRecord
from samplewise.training.prerequisites import backend_choice, loss_for
from samplewise.training.rows.selection import select
from samplewise.training.session import Session
from samplewise.training.settings.stopping import EarlyStopping
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train_without_warnings

# A measurement ends at the first of these limits. One epoch says little, as it also sets up.
MEASURED_EPOCHS, MEASURED_MS = 5, 2_000.0
# The prediction leaves out evaluation after an epoch, and early stopping.
NOT_PREDICTED: dict[str, Any] = {
    "track_accuracy": False,
    "stopping": EarlyStopping(),
    "max_seconds": None,
    "max_steps": None,
    "ema_decay": None,
}


@dataclass(frozen=True)
class Measurement:
    """The measured time of some epochs, and of an epoch of the whole run by that.

    Args:
        epochs: that were run, from fresh weights.
        first_ms: of the first one, which sets up what later ones keep.
        later_ms: median of the others; None where there was one epoch.
        synchronize_ms: of bringing the weights out of the plan's form at the end.
        epoch_ms: mean over all epochs that the experiment asks for.
    """

    epochs: int
    first_ms: float
    later_ms: float | None
    synchronize_ms: float
    epoch_ms: float


@dataclass(frozen=True)
class Explanation:
    """The description of a run before it is made.

    Args:
        experiment: as effective: it names backend and plan.
        backend, backend_reason: chosen for it, and why.
        plan: chosen by the backend.
        measured: some epochs of it; None where none was run.
    """

    experiment: Experiment
    network: Network
    rows: int
    backend: str
    backend_reason: str
    plan: Plan
    measured: Measurement | None


def explain(
    experiment: Experiment,
    data: Prepared | Dataset | None = None,
    *,
    measure: bool = True,
    callbacks: Hook | Sequence[Hook] = (),
    stop: threading.Event | None = None,
) -> Explanation:
    """Return the plan of the experiment, and the measured time of a few epochs.

    Raises:
        SamplewiseError: as `run`.
    """
    data, hooks = as_prepared(experiment, data), as_callbacks(callbacks)
    network, effective = decided(experiment, data)
    if not measure:
        return _unmeasured(effective, network, data, hooks)
    few = _Few()
    settings = dataclasses.replace(effective.training, **NOT_PREDICTED)
    history = train_without_warnings(
        network,
        data.inputs,
        data.targets,
        settings,
        class_names=data.training.class_names or None,
        validation=data.validation_pair,
        callbacks=[*hooks, few],
        stop=stop,
    ).history
    _refuse_what_train_refuses(effective.training, history.rows, history.validation_rows)
    plan = Plan(**history.plan)
    return Explanation(
        experiment=with_choices(effective, history.backend, plan),
        network=network,
        rows=history.rows,
        backend=history.backend,
        backend_reason=history.backend_reason,
        plan=plan,
        measured=few.measurement(effective.training.epochs, history.synchronize_ms),
    )


def _unmeasured(
    experiment: Experiment,
    network: Network,
    data: Prepared,
    callbacks: Sequence[Callback],
) -> Explanation:
    training, settings = data.training, experiment.training
    loss, dtype = loss_for(network, settings), np.dtype(settings.dtype)
    class_names = training.class_names if isinstance(loss, ClassLoss) else None
    chosen = select(len(training), training.labels, class_names, settings)
    rows = len(chosen.training)
    weighted = chosen.weights is not None
    held = data.validation_pair
    validated = len(chosen.validation) if held is None else len(held[0])
    _refuse_what_train_refuses(settings, rows, validated)
    inputs = [data.inputs] if held is None else [data.inputs, held[0]]
    fields = settings.step_fields(weighted=weighted)
    workload = settings.workload(rows, fields, max(map(largest_value, inputs)))
    choice = backend_choice(network, loss, settings, weighted=weighted)
    for callback in callbacks:
        callback.on_compile_begin(choice.backend.name)
    session = Session(choice.backend, [network], loss, [settings.optimizer], dtype, workload)
    with limited(settings.threads):
        session.compile(warm_up=False)
    return Explanation(
        experiment=with_choices(experiment, choice.backend.name, session.plan),
        network=network,
        rows=rows,
        backend=choice.backend.name,
        backend_reason=choice.reason,
        plan=session.plan,
        measured=None,
    )


def _refuse_what_train_refuses(settings: TrainingSettings, rows: int, validation_rows: int) -> None:
    """Check the settings that say nothing of the plan."""
    settings.run_of(rows)
    validated = validation_rows > 0
    settings.stopping.check_measured(validated=validated, track_accuracy=settings.track_accuracy)


class _Few(Callback):
    """Ends a training after a few epochs, and keeps their times."""

    def __init__(self) -> None:
        self._ms: list[float] = []

    def on_epoch_end(self, record: EpochRecord) -> str | None:
        """Stop after the last epoch of the measurement."""
        self._ms.append(record.train_ms or 0.0)
        enough = len(self._ms) >= MEASURED_EPOCHS or sum(self._ms) > MEASURED_MS
        return "measured" if enough else None

    def measurement(self, epochs: int, synchronize_ms: float) -> Measurement | None:
        """Return the measured times for a run of `epochs`; None where it was stopped at once."""
        if not self._ms:
            return None
        first, *others = self._ms
        later = statistics.median(others) if others else None
        whole = first + (epochs - 1) * (first if later is None else later) + synchronize_ms
        return Measurement(len(self._ms), first, later, synchronize_ms, whole / epochs)
