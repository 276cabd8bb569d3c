"""One network in training: its state, its history, and whether it goes on."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.errors import ContractError, DivergenceError
from samplewise.network import ClassLoss, Loss, Network, aligned_zeros, initialize
from samplewise.registry import Choice
from samplewise.streams import Streams
from samplewise.training import divergence
from samplewise.training.callbacks import Callback
from samplewise.training.history import EpochRecord, History
from samplewise.training.inputs import TrainingRows
from samplewise.training.metrics import accuracy
from samplewise.training.settings import TrainingSettings


class Trainee:
    """What a run keeps of one network, alone or among many.

    Args:
        network: what is trained.
        loss: likewise.
        settings: how.
        rows: on what.
        choice: by which backend.
        callbacks: told of this network.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        settings: TrainingSettings,
        rows: TrainingRows,
        choice: Choice,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.network, self.loss, self.settings = network, loss, settings
        self.backend, self.callbacks = choice.backend, callbacks
        dtype = rows.X.dtype
        weights = initialize(
            network, settings.init, Streams(settings.seed).generator("init"), dtype
        )
        slots = aligned_zeros(settings.rule.slots * len(weights), dtype)
        self.state = TrainingState(weights, slots)
        # The last whole parameters, for the error of a run that diverges.
        self._kept = weights.copy()
        self._labels, self._rows = rows.labels, len(rows)
        self._drops = any(layer.differs_in_training for layer in network.layers)
        self._dropout = Streams(settings.seed).generator("dropout")
        self.history = self._new_history(rows, choice)
        self.samples_run = 0
        self.stopped: str | None = None
        self.error: DivergenceError | None = None

    def _new_history(self, rows: TrainingRows, choice: Choice) -> History:
        notes = list(rows.notes)
        if self.settings.batch_size > len(rows):
            notes.append(
                f"batch_size is {self.settings.batch_size}, but there are {len(rows)} rows; "
                "all rows make one batch"
            )
        return History(
            backend=choice.backend.name,
            backend_reason=choice.reason,
            settings={**dataclasses.asdict(self.settings), "loss": self.loss.name},
            network=self.network.to_dict(),
            environment={},
            data_fingerprint=rows.fingerprint,
            deterministic=(
                choice.backend.capabilities.deterministic and self.settings.threads == 1
            ),
            compile_ms=0.0,
            notes=notes,
        )

    def draw_dropout_key(self) -> int:
        """Return what decides what dropout drops in the next epoch."""
        return int(self._dropout.integers(2**64, dtype=np.uint64)) if self._drops else 0

    @property
    def tracks_accuracy(self) -> bool:
        """Whether the accuracy is wanted, and there is one: not of numbers."""
        return self.settings.track_accuracy and self._labels is not None

    @property
    def _to_scale(self) -> str:
        return "inputs" if isinstance(self.loss, ClassLoss) else "inputs and targets"

    def goes_on(self, epoch: int) -> bool:
        """Whether the network trains in this epoch, counted from 1."""
        going = self.error is None and self.stopped is None
        return going and epoch <= self.settings.epochs

    def begin(self, environment: dict[str, Any]) -> None:
        """Tell the callbacks that training begins, on this machine."""
        self.history.environment = copy.deepcopy(environment)
        for callback in self.callbacks:
            callback.on_train_begin(self.history)

    def check_stretch(
        self, epoch: int, steps: Steps, losses: NDArray[Any], *, in_place: bool
    ) -> None:
        """Count and check what a stretch did; a network that diverged does not go on.

        Args:
            epoch: counted from 1.
            steps: the stretch.
            losses: of this network in the epoch, (n,).
            in_place: whether the state holds what the program has trained.

        Raises:
            ContractError: the program left other parameters than it was given.
        """
        parameters, samples = self.state.parameters, steps.stop - steps.start
        self.samples_run += samples
        if (parameters.shape, parameters.dtype) != (self._kept.shape, self._kept.dtype):
            raise ContractError(
                f"backend '{self.backend.name}' left parameters of shape {parameters.shape} and "
                f"dtype {parameters.dtype}; expected {self._kept.shape} and {self._kept.dtype}: a "
                "program updates the arrays of the state in place"
            )
        with self._diverging():
            divergence.check_stretch(epoch, steps, losses, parameters if in_place else None)
            self.state.step += -(-samples // steps.batch_size)
            if in_place:
                self._kept[...] = parameters

    def end_epoch(
        self, epoch: int, losses: NDArray[Any], ms: float | None, logits: NDArray[Any] | None
    ) -> None:
        """Record an epoch and tell the callbacks, the first reason of which stops the network.

        Args:
            epoch: counted from 1.
            losses: of the samples trained on.
            ms: time of the training steps; None where it could not be measured.
            logits: of all rows, where the accuracy is tracked.
        """
        with self._diverging():
            record = EpochRecord(
                epoch=epoch,
                loss=divergence.mean_loss(epoch, losses),
                accuracy=None if logits is None else self._accuracy(epoch, logits),
                train_ms=ms,
                samples=len(losses),
                samples_per_s=None if ms is None else len(losses) / ms * 1e3,
            )
        if self.error is not None:
            return
        self.history.epochs.append(record)
        reasons = [callback.on_epoch_end(record) for callback in self.callbacks]
        self.stopped = next(filter(None, reasons), None)

    def _accuracy(self, epoch: int, logits: NDArray[Any]) -> float | None:
        expected = (self._rows, self.network.outputs)
        if logits.shape != expected:
            raise ContractError(
                f"backend '{self.backend.name}' gave logits of shape {logits.shape}; "
                f"expected {expected}"
            )
        predictions = self.loss.predictions(logits)
        divergence.check_logits(epoch, predictions)
        decisions = self.loss.decisions(predictions)
        if self._labels is None or decisions is None:
            return None
        return accuracy(self._labels, decisions)

    def end(self, *, in_place: bool) -> None:
        """Check the weights, which the program has brought into the state by now.

        Args:
            in_place: whether the state held what the program had trained all along.

        Raises:
            ContractError: the program changed the weights after the network's last step.
        """
        with self._diverging():
            divergence.check_weights(self.state.parameters)
            if in_place and not np.array_equal(self.state.parameters, self._kept):
                raise ContractError(
                    f"backend '{self.backend.name}' changed weights after the network's last step; "
                    "only run_epoch may, of many networks the active ones"
                )
        self.history.stopped = self.stopped or "finished"

    def tell_end(self) -> None:
        """Tell the callbacks that training is over."""
        for callback in self.callbacks:
            callback.on_train_end(self.history)

    @contextmanager
    def _diverging(self) -> Iterator[None]:
        """Keep a divergence, with what to do about it and the last whole parameters."""
        try:
            yield
        except DivergenceError as error:
            self.error = DivergenceError(
                f"{error} with learning_rate {self.settings.learning_rate}; "
                f"use a smaller learning_rate, scale the {self._to_scale}, limit gradients with "
                "clip_norm, or try another init",
                self._kept,
            )
