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
from samplewise.training.callbacks import Callback, stop_reason
from samplewise.training.history import EpochRecord, History
from samplewise.training.keeping import Keeping
from samplewise.training.measuring import Measuring
from samplewise.training.notes import notes_on_learning
from samplewise.training.rates import RunRates
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.schedules.base import Rates
from samplewise.training.session import Session
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.watch import Watch

DIVERGED, FAILED = "diverged", "failed"


class Trainee:
    """What a run keeps of one network, alone or among many.

    Args:
        network: what is trained.
        loss: likewise.
        settings: how.
        rows: on what.
        choice: by which backend.
        callbacks: told of this network.

    Raises:
        CombinationError: the run is too short for its schedule, or goes by a figure that nothing
            measures.
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
        self.class_names = rows.class_names
        dtype = rows.X.dtype
        weights = initialize(network, settings.init, Streams(settings.seed).of_run("init"), dtype)
        slots = aligned_zeros(settings.rule.slots * len(weights), dtype)
        self.state = TrainingState(weights, slots)
        # The last whole parameters, for the error of a run that diverges.
        self._kept = weights.copy()
        self._weights, self._rows = rows.weights, len(rows)
        self._rates = RunRates(settings, len(rows))
        self._watch = Watch(settings, validated=rows.validation is not None)
        self._keeping = Keeping(settings.ema_decay, best=settings.keeps_best)
        self.measuring = Measuring(
            choice.backend.name, loss, network.outputs, rows, settings.track_accuracy
        )
        self._drops = any(layer.differs_in_training for layer in network.layers)
        self._dropout_key = 0
        self._rates_of_epoch: Rates | float = settings.learning_rate
        self._last_rate = settings.learning_rate
        self.history = self._new_history(rows, choice)
        self.samples_run = 0
        self.stopped: str | None = None
        self._begun: list[Callback] = []
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
            rows=len(rows),
            validation_rows=0 if rows.validation is None else len(rows.validation),
            notes=notes,
        )

    def begin_epoch(self, epoch: int) -> None:
        """Draw the epoch's dropout key, and set its learning rates."""
        if self._drops:
            rng = Streams(self.settings.seed).of_epoch("dropout", epoch)
            self._dropout_key = int(rng.integers(2**64, dtype=np.uint64))
        self._rates_of_epoch = self._rates.of_epoch(epoch)

    def steps(self, window: Steps) -> Steps:
        """Return the steps of a window as this network makes them."""
        rates: Rates | None = None
        if isinstance(self._rates_of_epoch, float):
            rate = self._rates_of_epoch
        else:
            first, last = (-(-row // window.batch_size) for row in (window.start, window.stop))
            rates = self._rates_of_epoch[first:last]
            rate = float(rates[0])
        return dataclasses.replace(
            window,
            learning_rate=rate,
            dropout_key=self._dropout_key,
            rates=rates,
            weights=self._weights,
        )

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
            self._begun.append(callback)
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
        self._last_rate = steps.rate(-(-samples // steps.batch_size) - 1)
        if (parameters.shape, parameters.dtype) != (self._kept.shape, self._kept.dtype):
            raise ContractError(
                f"backend '{self.backend.name}' left parameters of shape {parameters.shape} and "
                f"dtype {parameters.dtype}; expected {self._kept.shape} and {self._kept.dtype}: a "
                "program updates the arrays of the state in place"
            )
        with self._diverging():
            divergence.check_stretch(epoch, steps, losses, parameters if in_place else None)
            if in_place:
                self._kept[...] = parameters

    def end_epoch(
        self,
        epoch: int,
        losses: NDArray[Any],
        rows: NDArray[np.int64],
        ms: float | None,
        session: Session,
        index: int,
    ) -> None:
        """Record an epoch, keep what is to be kept, and find a reason to stop the network.

        Args:
            epoch: counted from 1.
            losses: of the samples trained on.
            rows: those samples.
            ms: time of the training steps; None where it could not be measured.
            session: reads the network as it is now.
            index: of the network in the session.
        """
        with self._diverging():
            self._keeping.average(session, index)
            predict = self._keeping.predicting(session, index)
            figures = self.measuring.after_epoch(epoch, predict)
            weights = None if self._weights is None else self._weights[rows]
            record = EpochRecord(
                epoch=epoch,
                loss=divergence.mean_loss(epoch, losses, weights),
                train_ms=ms,
                samples=len(losses),
                samples_per_s=None if ms is None else len(losses) / ms * 1e3,
                learning_rate=self._last_rate,
                **vars(figures),
            )
        if self.error is not None:
            return
        self.history.epochs.append(record)
        whole = record.samples == self._rows
        own = self._seen(record, session, index) if whole else None
        reasons = [stop_reason(callback.on_epoch_end(record)) for callback in self.callbacks]
        self.stopped = next(filter(None, reasons), own)

    def _seen(self, record: EpochRecord, session: Session, index: int) -> str | None:
        """Keep the weights after the best whole epoch so far; return a reason to stop."""
        improved = self._watch.improves(record)
        self._rates.saw(improved=improved)
        if improved:
            self._keeping.best(session, index)
        return self._watch.reason(record)

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
        if self._keeping.keeps_best:
            self.history.best_epoch = self._watch.best_epoch
        self._keeping.bring_into(self.state.parameters)
        self.history.stopped = self.stopped or "finished"
        rows = self.measuring.rows
        whole = [one.loss for one in self.history.epochs if one.samples == self._rows]
        self.history.notes += notes_on_learning(whole, self.loss, rows.Y, rows.weights)

    def tell_end(self, *, failed: bool) -> list[Exception]:
        """Tell every callback that has heard of the begin that training is over.

        Args:
            failed: whether an error ended it.

        Returns:
            What the callbacks raised meanwhile; all of them are told.
        """
        if self.error is not None:
            self.history.stopped = DIVERGED
        elif failed:
            self.history.stopped = FAILED
        raised: list[Exception] = []
        for callback in self._begun:
            try:
                callback.on_train_end(self.history)
            except Exception as error:  # noqa: BLE001 - raised once all are told
                raised.append(error)
        return raised

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
