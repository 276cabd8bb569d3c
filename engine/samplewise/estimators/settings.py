"""From an estimator's parameters to the settings of a training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from samplewise.estimators.objective import Objective
from samplewise.estimators.parameters import TrainingParameters
from samplewise.network import OPTIMIZERS, SGD, Adam, Optimizer
from samplewise.network.custom import CUSTOM_OPTIMIZERS
from samplewise.training.callbacks.early_stopping import StoppingState
from samplewise.training.schedules import Constant, InverseRows, Plateau, RunLength, Schedule
from samplewise.training.schedules.base import over_power
from samplewise.training.settings.stopping import EarlyStopping
from samplewise.training.settings.training_settings import TrainingSettings

AUTO_BATCH = 200
LBFGS = "lbfgs"
FALL, SMALLEST_RATE = 0.2, 1e-6
# Names of figures: that of the training loss, and that of the score, both of an epoch's record.
LOSS, SCORE = "loss", "score"
MOST_EPOCHS = 1_000_000


class Waiting(NamedTuple):
    """The wait for a better figure, between two trainings of the same weights.

    Args:
        falls: how often the rate of `learning_rate="adaptive"` fell.
        waited: epochs in which the figure was not less than `best` by more than `tol`.
        best: the least figure: a loss, or a score times -1.
    """

    falls: int = 0
    waited: int = 0
    best: float = math.inf

    def rate(self, parameters: TrainingParameters) -> float:
        """Return the adaptive learning rate of the next epoch."""
        return float(parameters.learning_rate_init) * FALL**self.falls

    def after(self, figures: Iterable[float | None], parameters: TrainingParameters) -> Waiting:
        """Return the wait after more epochs, by their figures; None where one is not finite."""
        falls, waited, best = self
        for figure in figures:
            improved = figure is not None and figure <= best - parameters.tol
            waited = 0 if improved else waited + 1
            best = best if figure is None else min(best, figure)
            falls_now = is_adaptive(parameters) and waited >= _patience(parameters)
            if falls_now and Waiting(falls).rate(parameters) > SMALLEST_RATE:
                falls, waited = falls + 1, 0
        return Waiting(falls, waited, best)

    def counters(self, *, of_score: bool) -> StoppingState:
        """Return the counters with which the engine goes on.

        Args:
            of_score: whether the figure is a score.
        """
        if math.isinf(self.best):
            return StoppingState(waited=self.waited)
        return StoppingState(-self.best if of_score else self.best, waited=self.waited)


NOT_YET = Waiting()


@dataclass(frozen=True, kw_only=True)
class _Adaptive(Plateau):
    """`Plateau` in a run that may be one of several: it may end before the rate falls."""

    def check(self, eta: float, run: RunLength) -> None:
        """Accept a run of any length."""


@dataclass(frozen=True)
class Occasion:
    """The circumstances of one training.

    Args:
        rows: trained on.
        dtype: of the weights, by name.
        seed: of orders and dropout.
        mean_weight: of the rows; None where they have no weights.
        rows_seen: trained on before, with the same weights.
        one_epoch: whether this is `partial_fit`.
        waiting: of the trainings before, where this one goes on.
    """

    rows: int
    dtype: str
    seed: int
    mean_weight: float | None
    rows_seen: int = 0
    one_epoch: bool = False
    waiting: Waiting = NOT_YET


def batch_size_of(parameters: TrainingParameters, rows: int) -> int:
    """Return the rows of a batch."""
    size = AUTO_BATCH if parameters.batch_size == "auto" else int(parameters.batch_size)
    return min(size, rows)


def settings_for(
    parameters: TrainingParameters, objective: Objective, occasion: Occasion
) -> TrainingSettings:
    """Return the settings of a training by adam, sgd or an optimizer.

    Raises:
        ParameterError: parameters do not go together.
    """
    rate = float(parameters.learning_rate_init)
    if parameters.learning_rate == "invscaling" and occasion.one_epoch and _is_sgd(parameters):
        # Above 0, as a learning rate must be.
        rate = over_power(rate, occasion.rows_seen + 1, float(parameters.power_t)) or math.ulp(0.0)
    if is_adaptive(parameters):
        rate = occasion.waiting.rate(parameters)
    return TrainingSettings(
        loss=objective.loss,
        learning_rate=rate,
        epochs=1 if occasion.one_epoch else min(int(parameters.max_iter), MOST_EPOCHS),
        batch_size=batch_size_of(parameters, occasion.rows),
        shuffle=bool(parameters.shuffle),
        seed=occasion.seed,
        optimizer=_optimizer(parameters),
        # The engine scales weights to the mean 1.
        batch_l2=float(parameters.alpha) / (occasion.mean_weight or 1.0),
        gradient_scale=float(objective.gradient),
        normalize_weights=occasion.mean_weight is not None,
        schedule=_schedule(parameters, occasion),
        stopping=_stopping(parameters, occasion),
        backend=parameters.backend,
        dtype=occasion.dtype,
        threads=int(parameters.n_threads),
        track_accuracy=False,
    )


def _is_sgd(parameters: TrainingParameters) -> bool:
    return parameters.solver == "sgd"


def is_adaptive(parameters: TrainingParameters) -> bool:
    """Return True if the learning rate falls where the loss does not."""
    return _is_sgd(parameters) and parameters.learning_rate == "adaptive"


def _optimizer(parameters: TrainingParameters) -> Optimizer:
    if isinstance(parameters.solver, Optimizer):
        return parameters.solver
    if parameters.solver in CUSTOM_OPTIMIZERS.names:
        return OPTIMIZERS[parameters.solver]()
    if _is_sgd(parameters):
        momentum = float(parameters.momentum)
        return SGD(
            momentum=momentum,
            nesterov=bool(parameters.nesterovs_momentum) and momentum > 0,
            rate_in_velocity=momentum > 0,
        )
    return Adam(
        beta1=float(parameters.beta_1),
        beta2=float(parameters.beta_2),
        epsilon=float(parameters.epsilon),
        epsilon_hat=True,
    )


def _schedule(parameters: TrainingParameters, occasion: Occasion) -> Schedule:
    rule = parameters.learning_rate
    if isinstance(rule, Schedule):
        return Constant() if occasion.one_epoch else rule
    if not _is_sgd(parameters) or occasion.one_epoch:
        return Constant()
    if rule == "invscaling" and parameters.power_t > 0:
        return InverseRows(power=float(parameters.power_t), rows_seen=occasion.rows_seen)
    if rule == "adaptive" and _patience(parameters) < occasion.waiting.waited + parameters.max_iter:
        return _Adaptive(
            plateau_epochs=int(_patience(parameters)), decay=FALL, stop_rate=SMALLEST_RATE
        )
    return Constant()


def _patience(parameters: TrainingParameters) -> float:
    # scikit-learn waits for more than n_iter_no_change epochs.
    return parameters.n_iter_no_change + 1


def _stopping(parameters: TrainingParameters, occasion: Occasion) -> EarlyStopping:
    if occasion.one_epoch:
        return EarlyStopping(monitor="loss")
    monitor, early = f"figure_{LOSS}", bool(parameters.early_stopping)
    if early:
        monitor = f"figure_{SCORE}" if parameters.monitor == LOSS else f"validation_{SCORE}"
    patience = _patience(parameters)
    adaptive = is_adaptive(parameters)
    return EarlyStopping(
        monitor=monitor,
        patience=None if adaptive or math.isinf(patience) else int(patience),
        min_delta=float(parameters.tol),
        keep_best=early,
        follow_best=True,
    )
