"""The history of a run: settings, data, machine, and the figures of each epoch."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias, cast

from samplewise.contract.capabilities import CPU, FULL
from samplewise.io import strict_json
from samplewise.text import counted
from samplewise.training.rows.fingerprint import Fingerprint
from samplewise.training.settings.stopping import FIGURE, VALIDATION

FORMAT = 1
# Why a training ended, where no callback and no limit says so by a name of its own.
FINISHED, INTERRUPTED, DIVERGED, FAILED = "finished", "interrupted", "diverged", "failed"
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Args:
        epoch: counted from 1.
        loss: mean over the samples of the loss before each sample's update, weighted where rows
            have weights: over all rows, or in each batch with `normalize_weights`. It includes
            `penalty`.
        accuracy: on the training rows, in [0, 1], as `training.metrics.accuracy`; None where not
            tracked, and where numbers are learnt. Each row counts once. By the weights before each
            sample's update, as `loss`, where `History.running_accuracy` says so; else by those
            after the epoch.
        train_ms: wall time of the training steps alone, in milliseconds; of epochs that ran in one
            call, as nothing looked at one before the next, the mean of all. None where the network
            trained at once with others, so that its own time could not be measured.
        samples: rows trained on; fewer than all where the epoch was interrupted.
        samples_per_s: samples by train_ms; None where that is.
        learning_rate: of the last step.
        validation_loss: mean over the validation rows after the epoch; None without such rows.
        validation_accuracy: on them, in [0, 1]; None without such rows.
        metrics: of the user's own, by name, on the validation rows; None where one was not finite.
        figures: of the user's own, by name, computed from the others; likewise.
        penalty: mean of the batches' `batch_l2`, by their rows; None without it.
    """

    epoch: int
    loss: float
    accuracy: float | None
    train_ms: float | None
    samples: int
    samples_per_s: float | None
    learning_rate: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    figures: dict[str, float | None] = field(default_factory=dict)
    penalty: float | None = None

    @property
    def custom(self) -> dict[str, float | None]:
        """The metrics and figures of the user's own, by the names that `monitor` has for them."""
        metrics = {VALIDATION + name: value for name, value in self.metrics.items()}
        return metrics | {FIGURE + name: value for name, value in self.figures.items()}

    @property
    def measured(self) -> dict[str, float | None]:
        """The penalty, where there is one, and `custom`."""
        return ({} if self.penalty is None else {"penalty": self.penalty}) | self.custom

    def figure(self, name: str) -> float | None:
        """Return a figure by the name that `monitor` has for it, such as "validation_auc"."""
        kind, _, custom = name.partition("_")
        named = {"validation": self.metrics, "figure": self.figures}.get(kind, {})
        found = named[custom] if custom in named else getattr(self, name)
        return None if found is None else float(found)


@dataclass(frozen=True)
class SharedRun:
    """A run of several networks at once. Only the whole of it can be timed.

    Args:
        networks: that trained at once.
        index: of this network among them, from 0.
        all_networks_ms: wall time of all training steps of all networks, in milliseconds.
        all_networks_epoch_ms: of each epoch, of the networks that still trained in it; the mean of
            those that were run in one call.
        multiply_add_share: this network's part of all multiply-adds, in [0, 1].
        estimated_ms: `all_networks_ms` times that share. It is not measured: the share leaves out
            work that networks share, and the cost of a narrow network beside its multiply-adds.
    """

    networks: int
    index: int
    all_networks_ms: float
    all_networks_epoch_ms: list[float]
    multiply_add_share: float
    estimated_ms: float


class _MadeWhenRead:
    """A field of `History`: JSON values, or a function, called when the field is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, history: object | None, owner: type) -> Any:
        """Return the values; of the class, this object."""
        if history is None:
            return self
        values = vars(history)[self._name]
        # Threads that read at once may each make them.
        if callable(values):
            values = vars(history)[self._name] = values()
        return values

    def __set__(self, history: object, given: Any) -> None:
        vars(history)[self._name] = given


def when_read(make: Callable[[], Json]) -> Json:
    """Return a function in place of the values that it makes, for `settings` or `network`.

    Few trainings are asked for these: writing both took 47 us, a whole training 590.
    """
    return cast(Json, make)


@dataclass
class History:
    """Everything worth knowing of one training run.

    Args:
        backend, backend_reason: the backend chosen, and why.
        settings: the training settings, as JSON values.
        network: the network's description, likewise.
        environment: versions, processor, libraries.
        fingerprint: of the rows and targets as trained on, or its text. It may hold the rows until
            its text is read.
        rows: trained on, after validation rows, and rows of weight 0 without `normalize_weights`,
            were taken out.
        validation_rows: measured on after every epoch; 0 for none.
        deterministic: True where the same run on the same machine gives the same bits.
        device, matmul_precision: as of `Capabilities`.
        compile_ms: wall time of warming the program up, in milliseconds; not in `train_ms`. That
            of all networks where they trained at once.
        plan: the way in which the program trained, as JSON values of `contract.Plan`.
        synchronize_ms: wall time of bringing the weights out of the form that the plan keeps them
            in, once at the end; part of `train_ms`. That of all networks where they trained at
            once.
        shared: the run of all networks that trained at once; None where this one trained alone.
        epochs: a record an epoch, in order.
        stopped: why training ended: "finished" where every epoch was run, "interrupted", the name
            of the setting that ended it (patience, target_loss, target_accuracy, max_steps,
            max_seconds), "plateau" at the stop_rate of that schedule, or the reason of a callback;
            while an error is on its way to the caller, "diverged" or "failed".
        best_epoch: whose weights were kept; None where those of the last step were.
        notes: warnings worth showing, in order.
        running_accuracy: True if the accuracy of each epoch was taken in its steps, and not in a
            pass over the rows after it.
    """

    backend: str
    backend_reason: str
    settings: dict[str, Any]
    network: dict[str, Any]
    environment: dict[str, Any]
    fingerprint: Fingerprint | str
    _: KW_ONLY
    deterministic: bool
    device: str = CPU
    matmul_precision: str = FULL
    compile_ms: float
    plan: dict[str, Any] = field(default_factory=dict)
    synchronize_ms: float = 0.0
    shared: SharedRun | None = None
    rows: int = 0
    validation_rows: int = 0
    epochs: list[EpochRecord] = field(default_factory=list)
    stopped: str = FINISHED
    best_epoch: int | None = None
    notes: list[str] = field(default_factory=list)
    running_accuracy: bool = False

    def __repr__(self) -> str:
        """Return the figures that most are after, by the names of the attributes that have them."""
        parts = [counted(len(self.epochs), "epoch")]
        if self.epochs:
            parts += [f"losses[0]={self.losses[0]:.4g}", f"losses[-1]={self.losses[-1]:.4g}"]
        if self.train_ms is not None:
            parts.append(f"train_ms={self.train_ms:.3g}")
        return f"History({', '.join(parts)}, backend={self.backend!r}, stopped={self.stopped!r})"

    def __getstate__(self) -> Json:
        """Return the attributes of a copy: it holds values and no functions."""
        return {name: getattr(self, name) for name in vars(self)}

    @property
    def data_fingerprint(self) -> str:
        """The SHA-256 of the rows and targets as trained on, in hexadecimal digits."""
        return str(self.fingerprint)

    @property
    def losses(self) -> list[float]:
        """The loss of each epoch."""
        return [record.loss for record in self.epochs]

    @property
    def validation_losses(self) -> list[float]:
        """The validation loss of each epoch; empty without validation rows."""
        found = [record.validation_loss for record in self.epochs]
        return [loss for loss in found if loss is not None]

    def whole_losses(self, rows: int) -> list[float]:
        """Return the losses, without their penalties, of the epochs that took so many rows."""
        return [one.loss - (one.penalty or 0.0) for one in self.epochs if one.samples == rows]

    @property
    def train_ms(self) -> float | None:
        """Wall time of all training steps, in milliseconds; None where `shared` is not."""
        if self.shared is not None:
            return None
        return sum(record.train_ms or 0.0 for record in self.epochs) + self.synchronize_ms

    def to_json(self) -> str:
        """Return the history as JSON."""
        # A copy of a fingerprint is its text.
        values = dataclasses.asdict(self)
        named = {"data_fingerprint" if key == "fingerprint" else key: values[key] for key in values}
        return strict_json.text_of({"format": FORMAT, **named})

    def to_csv(self) -> str:
        """Return a row for each epoch as CSV, with a header; what was measured has columns."""
        text = io.StringIO()
        names = [column.name for column in dataclasses.fields(EpochRecord)]
        names = [name for name in names if name not in ("metrics", "figures", "penalty")]
        rows = [
            {name: getattr(record, name) for name in names} | record.measured
            for record in self.epochs
        ]
        names += list(dict.fromkeys(name for row in rows for name in row if name not in names))
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()


# After `dataclass`, which would take them for defaults.
for _name in ("settings", "network"):
    setattr(History, _name, _MadeWhenRead(_name))
