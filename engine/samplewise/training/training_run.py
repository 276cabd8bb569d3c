"""One network in training: its state, its history, and whether it trains on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.errors import DivergenceError
from samplewise.network import Loss, Network
from samplewise.registry import Choice
from samplewise.training import divergence
from samplewise.training.beginning import Initial, first_state, new_history
from samplewise.training.blame import check_in_place, check_unchanged
from samplewise.training.callbacks import Callback, Callbacks
from samplewise.training.callbacks.early_stopping import EarlyStopping, StoppingState
from samplewise.training.callbacks.weights import BestWeights, WeightAverage
from samplewise.training.evaluation import Evaluation
from samplewise.training.history import DIVERGED, FAILED, FINISHED, EpochRecord
from samplewise.training.network_steps import NetworkSteps
from samplewise.training.notes import notes_on_learning
from samplewise.training.ran_epoch import RanEpoch
from samplewise.training.rates import LearningRates, PlateauState
from samplewise.training.result import model_of
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.running_accuracy import running_accuracy
from samplewise.training.session import Session
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.user_functions import NO_FUNCTIONS, UserFunctions

if TYPE_CHECKING:
    from samplewise.model.model import Model


class TrainingRun:
    """A network in training, alone or among several.

    Args:
        network: to train.
        loss: to train with.
        settings: how to train.
        rows: to train on.
        choice: the backend that trains.
        callbacks: of this network.
        functions: that measure it.
        initial: as `train`.
        counters: as `trained`.

    Raises:
        CombinationError: the run is too short for its schedule, or goes by a figure that nothing
            measures.
        ParameterError: as `first_state`.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        settings: TrainingSettings,
        rows: TrainingRows,
        choice: Choice,
        callbacks: Sequence[Callback] = (),
        *,
        functions: UserFunctions = NO_FUNCTIONS,
        initial: Initial | None = None,
        counters: StoppingState | None = None,
    ) -> None:
        self.network, self.loss, self.settings, self.rows = network, loss, settings, rows
        self.backend, self.callbacks = choice.backend, Callbacks(callbacks)
        validated = rows.validation is not None
        running = running_accuracy(settings, loss, rows, choice.backend.capabilities)
        self.evaluation = Evaluation(
            choice.backend.name,
            loss,
            network.outputs,
            rows,
            settings.track_accuracy,
            running,
            functions.metrics,
            self._keep_predictions if functions.ensemble else None,
        )
        self.functions = functions
        self._predictions: NDArray[Any] | None = None
        settings.stopping.check_measured(
            validated=validated,
            track_accuracy=settings.track_accuracy,
            metrics=tuple(functions.metrics),
            figures=(*functions.figures, *functions.ensemble),
        )
        self.early_stopping = EarlyStopping(settings.stopping, validated=validated)
        self.average = WeightAverage(settings.ema_decay, network.trained)
        self.best = BestWeights(is_wanted=settings.stopping.keeps_best)
        self._follows_best = settings.follows_best
        run = settings.run_of(len(rows))
        self.rates = LearningRates(settings.learning_rate, settings.schedule, run)
        if counters is not None:
            self.early_stopping.state = counters
            self.rates.state = PlateauState(waited=counters.waited)
        self.state = first_state(network, settings, rows.X.dtype, initial)
        # The last finite parameters, for the error of a run that diverges.
        self.finite = self.state.parameters.copy()
        decides = running is not None
        self.own_steps = NetworkSteps(network, settings, rows, self.rates, decides=decides)
        self.history = new_history(network, loss, settings, rows, choice)
        self.history.running_accuracy = running is not None
        self.samples_run = 0
        self.stopped: str | None = None
        self.error: DivergenceError | None = None

    @property
    def parameters(self) -> NDArray[Any]:
        """The parameters that an ended training returns: the best, the average or the last."""
        for kept in (self.best.value, self.average.value):
            if kept is not None:
                return kept
        return self.state.parameters

    def trains_in(self, epoch: int) -> bool:
        """Return True if the network trains in this epoch, counted from 1."""
        going = self.error is None and self.stopped is None
        return going and epoch <= self.settings.epochs

    def join(self, session: Session, index: int) -> None:
        """Train as one of the networks of a compiled session."""
        self._session, self._index = session, index
        self.history.compile_ms = session.compile_ms
        plan = session.plan
        self._in_place = plan.in_place
        # A copy by `dataclasses.asdict` takes 13 us, this one 0.4.
        self.history.plan = {**vars(plan), "alternatives": dict(plan.alternatives)}

    def begin(self, environment: dict[str, Any]) -> None:
        """Call the callbacks at the begin of training, in an environment that the history keeps."""
        self.history.environment = environment
        self.callbacks.train_begins(self.history)

    def count_chunk(self, steps: Steps) -> None:
        """Count the steps of a chunk.

        Raises:
            ContractError: the program left other parameters than it was given.
        """
        self.samples_run += steps.stop - steps.start
        check_in_place(self.backend.name, self.state.parameters, self.finite)

    def check_chunk(self, epoch: int, steps: Steps, losses: NDArray[Any]) -> bool:
        """Count and check the steps of a chunk; return False where the network has diverged.

        Args:
            epoch: counted from 1.
            steps: of the chunk.
            losses: of this network in the epoch, (n,).

        Raises:
            ContractError: as `count_chunk`.
        """
        parameters, finite = self.state.parameters, self.finite
        self.count_chunk(steps)
        try:
            divergence.check_chunk(epoch, steps, losses, parameters if self._in_place else None)
        except DivergenceError as error:
            self._diverge(error)
            return False
        if self._in_place:
            finite[...] = parameters
        return True

    def check_epochs(self, losses: NDArray[Any]) -> bool:
        """Return whether epochs that nobody looked at left numbers whose squares are finite.

        Args:
            losses: of this network in each, (epochs, n).
        """
        parameters = self.state.parameters
        check_in_place(self.backend.name, parameters, self.finite)
        return divergence.are_small(losses.ravel()) and divergence.are_small(parameters)

    def count_epochs(self, losses: NDArray[Any]) -> None:
        """Count the steps of epochs that `check_epochs` has found finite."""
        self.samples_run += losses.size
        self.finite[...] = self.state.parameters

    def measure(self, ran: RanEpoch, ms: float | None) -> EpochRecord | None:
        """Measure an epoch, whose steps took `ms`; return None from a divergence on."""
        if self.error is not None:
            return None
        try:
            return self._record(ran, ms)
        except DivergenceError as error:
            self._diverge(error)
            return None

    def _keep_predictions(self, predictions: NDArray[Any]) -> None:
        self._predictions = predictions

    def predictions(self, epoch: int) -> NDArray[Any]:
        """Return the predictions of the validation rows after the last epoch of the network."""
        if self._predictions is None:
            self._predictions = self.evaluation.validation_predictions(epoch, self._logits)
        return self.evaluation.shown(self._predictions)

    def end_epoch(self, record: EpochRecord) -> None:
        """Keep the record of an epoch, and find a reason to stop the network."""
        self.history.epochs.append(record)
        # An epoch that was cut short is never the best, and no reason to stop.
        whole = record.samples == len(self.rows)
        reason = self._after_whole_epoch(record) if whole else None
        self.stopped = self.callbacks.epoch_ends(record, self._model) or reason

    def _record(self, ran: RanEpoch, ms: float | None) -> EpochRecord:
        if self.average.is_wanted:
            self.average.update(self._session.parameters(self._index))
        figures = self.evaluation.after_epoch(ran, self._logits)
        samples, penalty = len(ran.order), ran.penalty(self.backend.name)
        record = EpochRecord(
            epoch=ran.epoch,
            loss=ran.loss(penalty),
            train_ms=ms,
            samples=samples,
            samples_per_s=None if ms is None else samples / ms * 1e3,
            learning_rate=ran.learning_rate,
            penalty=penalty,
            **figures,
        )
        if self.functions.figures:
            # Nobody else has the record yet; a copy of it would take longer than the figures.
            record.figures.update(self.functions.figures_of(record))
        return record

    def _logits(self, X: NDArray[Any]) -> NDArray[Any]:
        if self.average.value is None:
            return self._session.logits(self._index, X)
        return self._session.predict(self._index, self.average.value, X)

    def _after_whole_epoch(self, record: EpochRecord) -> str | None:
        """Keep the weights after the best epoch so far; return a reason to stop."""
        low_rate = None
        if self._follows_best:
            is_best, improved = self.early_stopping.follow(record)
            low_rate = self.rates.end_epoch(improved=improved)
            if is_best and self.best.is_wanted:
                self.best.update(self._measured())
        return self.early_stopping.reason(record) or low_rate

    def _measured(self) -> NDArray[Any]:
        """Return the weights that the epoch was measured by: the average where there is one."""
        average = self.average.value
        return self._session.parameters(self._index) if average is None else average

    def _model(self) -> Model:
        parameters = self._measured().copy()
        rows, backend = self.rows, self.backend.name
        return model_of(
            self.network, self.loss, parameters, rows.class_names, backend, rows.columns
        )

    def end(self) -> None:
        """Check the weights, which the program has brought into the state by now.

        Raises:
            ContractError: the program changed the weights after the network's last step.
        """
        parameters = self.state.parameters
        try:
            divergence.check_end(parameters, self.state.optimizer_state)
        except DivergenceError as error:
            self._diverge(error)
        else:
            if self._in_place:
                check_unchanged(self.backend.name, parameters, self.finite)
        if self.best.is_wanted:
            self.history.best_epoch = self.early_stopping.state.best_epoch
        self.history.stopped = self.stopped or FINISHED
        losses = self.history.whole_losses(len(self.rows))
        self.history.notes += notes_on_learning(
            losses, self.loss, self.rows.Y, self.rows.weights, self.settings.learning_rate
        )

    def finish(self, *, failed: bool) -> list[Exception]:
        """Call every callback at the end of training; return their errors.

        Args:
            failed: whether an error ended it.
        """
        if self.error is not None:
            self.history.stopped = DIVERGED
        elif failed:
            self.history.stopped = FAILED
        return self.callbacks.train_ends(self.history)

    def _diverge(self, error: DivergenceError) -> None:
        kept = self.finite
        if self.best.value is not None:
            kept, self.history.best_epoch = self.best.value, self.early_stopping.state.best_epoch
        self.error = divergence.with_remedy(error, self.loss, self.settings.learning_rate, kept)
