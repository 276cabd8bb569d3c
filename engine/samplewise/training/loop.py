"""Training: the epoch loop, and only that."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise import registry
from samplewise.checks import printable
from samplewise.contract import Program, TrainingState
from samplewise.errors import ContractError, ParameterError, SamplewiseError
from samplewise.network import Loss, Network, aligned_zeros, initialize, loss_named
from samplewise.streams import Streams
from samplewise.training import batches, inputs
from samplewise.training.callbacks import Callback
from samplewise.training.divergence import check_stretch, divergence, mean_loss
from samplewise.training.environment import environment
from samplewise.training.history import EpochRecord, History
from samplewise.training.metrics import accuracy
from samplewise.training.settings import TrainingSettings
from samplewise.training.threads import limited

INTERRUPTED = "interrupted"


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained network.

    Args:
        parameters: flat vector (P,), in the run's dtype.
        loss: the loss trained with.
        history: of the run.
    """

    parameters: NDArray[Any]
    loss: Loss
    history: History


def train(
    network: Network,
    X: ArrayLike,
    labels: ArrayLike,
    settings: TrainingSettings,
    *,
    callbacks: Sequence[Callback] = (),
    stop: threading.Event | None = None,
) -> TrainingResult:
    """Train a network from fresh weights.

    Args:
        network: ends in a layer with the identity activation: losses take logits.
        X: numbers, shape (n, inputs), finite, preprocessed.
        labels: class indices, shape (n,).
        settings: how to train.
        callbacks: called in this order.
        stop: once set, training ends at the next batch edge of bounded work and keeps what was
            trained; the history says so.

    Returns:
        The parameters after the last step, and the history.

    Raises:
        ParameterError, DataError: network, settings or arrays do not fit.
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
        DivergenceError: a loss, weight or logit was not finite.
        ContractError: the backend raised, or returned logits of another shape.
    """
    run = _Run(network, X, labels, settings, callbacks)
    with limited(settings.threads):
        run.compile()
        # Threads again, for the libraries that compiling has only now loaded. Overflow needs no
        # warning, whatever the caller set: every stretch is checked for what is not finite.
        with limited(settings.threads), np.errstate(all="ignore"):
            run.train(stop or threading.Event())
    return TrainingResult(run.state.parameters, run.loss, run.history)


class _Run:
    """The state of one call of `train`."""

    def __init__(
        self,
        network: Network,
        X: ArrayLike,
        labels: ArrayLike,
        settings: TrainingSettings,
        callbacks: Sequence[Callback],
    ) -> None:
        self.network, self.settings, self.callbacks = network, settings, callbacks
        self.loss = _checked_loss(network, settings)
        self.dtype = np.dtype(settings.dtype)
        self.X = inputs.prepare_rows(X, network, self.dtype)
        self.labels, self.Y = inputs.prepare_targets(
            labels, len(self.X), network, self.loss, self.dtype
        )
        # A plugin that writes to its rows is stopped, and does not train on other data unseen.
        self.X.flags.writeable = self.Y.flags.writeable = False
        self.optimizer = settings.optimizer
        self.choice = registry.resolve(
            settings.backend, network, self.loss, self.optimizer, self.dtype, settings.plan
        )
        self.streams = Streams(settings.seed)
        weights = initialize(network, settings.init, self.streams.generator("init"), self.dtype)
        slots = self.optimizer.slots
        self.state = TrainingState(weights, aligned_zeros(slots * len(weights), self.dtype))
        # The last whole parameters, for the error of a run that diverges.
        self.kept = weights.copy()
        self.history = self._new_history()
        self.batch_size = min(settings.batch_size, len(self.X))
        self.program: Program

    def _new_history(self) -> History:
        notes = inputs.notes_on_scale(self.X)
        if self.settings.batch_size > len(self.X):
            notes.append(
                f"batch_size is {self.settings.batch_size}, but there are {len(self.X)} rows; "
                "all rows make one batch"
            )
        return History(
            backend=self.choice.backend.name,
            backend_reason=self.choice.reason,
            settings={**dataclasses.asdict(self.settings), "loss": self.loss.name},
            network=self.network.to_dict(),
            environment={},
            data_fingerprint=inputs.fingerprint(self.X, self.Y),
            deterministic=(
                self.choice.backend.capabilities.deterministic and self.settings.threads == 1
            ),
            compile_ms=0.0,
            notes=notes,
        )

    def compile(self) -> None:
        """Compile the program and warm it up."""
        backend = self.choice.backend
        for callback in self.callbacks:
            callback.on_compile_begin(backend.name)
        began = time.perf_counter()
        with _blamed_on(backend.name):
            workload = self.settings.workload(len(self.X))
            self.program = backend.compile(
                self.network, self.loss, self.optimizer, self.dtype, workload
            )
            self.program.warm_up()
            self.history.plan = dataclasses.asdict(self.program.plan)
        self.history.compile_ms = (time.perf_counter() - began) * 1e3

    def train(self, stop: threading.Event) -> None:
        """Run the epochs until they are done, a callback says so, or `stop` is set."""
        self.history.environment = environment()
        for callback in self.callbacks:
            callback.on_train_begin(self.history)
        order_stream = self.streams.generator("order")
        orders = batches.orders(len(self.X), shuffle=self.settings.shuffle, rng=order_stream)
        for epoch in range(1, self.settings.epochs + 1):
            record = self._epoch(epoch, next(orders), stop)
            reason = self._tell(record) if record is not None else INTERRUPTED
            cut = record is None or record.samples < len(self.X)
            if stop.is_set() and (cut or epoch < self.settings.epochs):
                reason = INTERRUPTED
            if reason is not None:
                self.history.stopped = reason
                break
        self._synchronize()
        for callback in self.callbacks:
            callback.on_train_end(self.history)

    def _tell(self, record: EpochRecord) -> str | None:
        """Record an epoch and call every callback; return the first reason to stop."""
        self.history.epochs.append(record)
        reasons = [callback.on_epoch_end(record) for callback in self.callbacks]
        return next(filter(None, reasons), None)

    def _epoch(
        self, epoch: int, order: NDArray[np.int64], stop: threading.Event
    ) -> EpochRecord | None:
        """Run one epoch; return None where `stop` was set before its first step."""
        # NaN, so that a loss which a backend forgets to write is found.
        losses = np.full(len(self.X), np.nan, dtype=self.dtype)
        rate, plan = self.settings.learning_rate, self.program.plan
        length = batches.stretch_samples(self.network, plan)
        samples, seconds = 0, 0.0
        for steps in batches.stretches(order, self.batch_size, rate, length):
            if stop.is_set():
                break
            began = time.perf_counter()
            with _blamed_on(self.history.backend):
                self.program.run_epoch(self.state, self.X, self.Y, steps, losses)
            seconds += time.perf_counter() - began
            check_stretch(epoch, steps, losses, self.state.parameters, self.kept)
            self.state.step += -(-(steps.stop - steps.start) // self.batch_size)
            if plan.in_place:
                self.kept[...] = self.state.parameters
            samples = steps.stop
        if samples == 0:
            return None
        return EpochRecord(
            epoch=epoch,
            loss=mean_loss(epoch, losses[:samples], rate, self.kept),
            accuracy=self._accuracy(epoch) if self.settings.track_accuracy else None,
            train_ms=seconds * 1e3,
            samples=samples,
            samples_per_s=samples / seconds,
        )

    def _synchronize(self) -> None:
        began = time.perf_counter()
        with _blamed_on(self.history.backend):
            self.program.synchronize(self.state)
        self.history.synchronize_ms = (time.perf_counter() - began) * 1e3
        if not np.isfinite(self.state.parameters).all():
            rate = self.settings.learning_rate
            raise divergence("a weight is not finite after the last epoch", rate, self.kept)

    def _accuracy(self, epoch: int) -> float:
        with _blamed_on(self.history.backend):
            logits = self.program.logits(self.state, self.X)
        expected = (len(self.X), self.network.outputs)
        if logits.shape != expected:
            raise ContractError(
                f"backend '{self.history.backend}' gave logits of shape {logits.shape}; "
                f"expected {expected}"
            )
        probabilities = self.loss.probabilities(logits)
        # Finite weights can still overflow in the forward pass; argmax would call NaN class 0.
        if np.isnan(probabilities).any():
            what = f"the logits overflowed after epoch {epoch}"
            raise divergence(what, self.settings.learning_rate, self.kept)
        return accuracy(self.labels, probabilities.argmax(axis=1))


@contextmanager
def _blamed_on(backend: str) -> Iterator[None]:
    """Turn what a backend raises into an error that names it; memory may run out anywhere."""
    try:
        yield
    except (SamplewiseError, MemoryError):
        raise
    except Exception as error:
        what = printable(f"{type(error).__name__}: {error}")
        raise ContractError(f"backend '{backend}' raised {what}") from error


def _checked_loss(network: Network, settings: TrainingSettings) -> Loss:
    loss = loss_named(settings.loss_for(network.outputs))
    loss.check_outputs(network.outputs)
    last = network.layers[-1].activation
    if last != "identity":
        raise ParameterError(
            f"the last layer has activation '{last}', but {loss.name} takes logits and applies "
            "its own; give the last layer 'identity'"
        )
    return loss
