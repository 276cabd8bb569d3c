"""The history of a run: what was run, on what, and each epoch's figures."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from dataclasses import dataclass, field
from typing import Any

FORMAT = 1


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Args:
        epoch: counted from 1.
        loss: mean over the samples of the loss before each sample's update.
        accuracy: on the training rows after the epoch, in [0, 1]; None where not tracked.
        train_ms: wall time of the training steps alone, in milliseconds.
        samples: rows trained on; fewer than all where the epoch was interrupted.
        samples_per_s: samples by train_ms.
    """

    epoch: int
    loss: float
    accuracy: float | None
    train_ms: float
    samples: int
    samples_per_s: float


@dataclass
class History:
    """Everything worth knowing of one training run.

    Args:
        backend, backend_reason: the backend chosen, and why.
        settings: the training settings, as JSON values.
        network: the network's description, as JSON values.
        environment: versions, processor, libraries.
        data_fingerprint: SHA-256 of the rows and targets as trained on.
        compile_ms: wall time of warming the program up, in milliseconds; not in `train_ms`.
        plan: the way in which the program trained, as JSON values of `contract.Plan`.
        synchronize_ms: wall time of bringing the weights out of the form that the plan keeps them
            in, once at the end; part of `train_ms`.
        epochs: a record an epoch, in order.
        stopped: why training ended, "finished" where every epoch was run.
        notes: warnings worth showing, in order.
    """

    backend: str
    backend_reason: str
    settings: dict[str, Any]
    network: dict[str, Any]
    environment: dict[str, Any]
    data_fingerprint: str
    deterministic: bool
    compile_ms: float
    plan: dict[str, Any] = field(default_factory=dict)
    synchronize_ms: float = 0.0
    epochs: list[EpochRecord] = field(default_factory=list)
    stopped: str = "finished"
    notes: list[str] = field(default_factory=list)

    @property
    def losses(self) -> list[float]:
        """The loss of each epoch."""
        return [record.loss for record in self.epochs]

    @property
    def train_ms(self) -> float:
        """Wall time of all training steps, in milliseconds."""
        return sum(record.train_ms for record in self.epochs) + self.synchronize_ms

    def to_json(self) -> str:
        """Return the history as JSON."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=2, allow_nan=False)

    def to_csv(self) -> str:
        """Return a row an epoch as CSV, with a header."""
        text = io.StringIO()
        names = [column.name for column in dataclasses.fields(EpochRecord)]
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(record) for record in self.epochs)
        return text.getvalue()
