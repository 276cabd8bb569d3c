"""Training on all rows at once, by L-BFGS-B of SciPy."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import not_negative, whole_number
from samplewise.contract import TrainingState
from samplewise.data.columns import Columns
from samplewise.errors import DivergenceError, ParameterError
from samplewise.network import SGD, Loss, Network
from samplewise.threads import limited
from samplewise.training import batches
from samplewise.training.beginning import columns_of, first_state
from samplewise.training.epochs import NEVER
from samplewise.training.history import INTERRUPTED
from samplewise.training.network_steps import NetworkSteps
from samplewise.training.prerequisites import (
    announced_backend_choice,
    check_no_dropout,
    check_stop,
    loss_for,
)
from samplewise.training.rates import LearningRates
from samplewise.training.result import model_of
from samplewise.training.rows.preparation import RowOptions, check_row_options, prepared
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.schedules import Constant
from samplewise.training.session import Session
from samplewise.training.settings.training_settings import TrainingSettings, of_plain_steps
from samplewise.training.snapshot import Snapshot

if TYPE_CHECKING:
    from samplewise.model.model import Model

MAX_ITERATIONS, MAX_CALLS, TOLERANCE = 200, 15_000, 1e-4
# Its velocity after one step from 0 is the gradient.
_MOMENTUM = SGD(momentum=0.5)
# SciPy's status where a callback raised StopIteration.
_STOPPED = 99


@dataclass(frozen=True, eq=False, kw_only=True)
class FullBatchResult:
    """A network trained on all rows at once.

    Args:
        network: that was trained.
        loss: trained with.
        parameters: flat vector (P,), in the run's dtype.
        final_loss: mean loss over the rows, with the penalty; weighted where they have weights.
        penalty: in it; None without one.
        iterations: of L-BFGS-B.
        calls: how often the loss and its gradient were computed.
        converged: whether the search found a minimum; False at a limit, or where `stop` was set.
        message: why the search ended, in SciPy's words.
        backend: that computed the gradients.
        class_names: as `TrainingResult`.
        columns: likewise.
    """

    network: Network
    loss: Loss
    parameters: NDArray[Any]
    final_loss: float
    penalty: float | None
    iterations: int
    calls: int
    converged: bool
    message: str
    backend: str
    class_names: tuple[str, ...] = ()
    columns: Columns | None = None

    def model(self) -> Model:
        """Return a model of these parameters; it takes rows as they were trained on."""
        names, columns = self.class_names, self.columns
        return model_of(self.network, self.loss, self.parameters, names, self.backend, columns)


def minimize(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings,
    *,
    initial: Model | TrainingState | None = None,
    max_iterations: int = MAX_ITERATIONS,
    max_calls: int = MAX_CALLS,
    tolerance: float = TOLERANCE,
    stop: threading.Event | None = None,
    **rows: Unpack[RowOptions],
) -> FullBatchResult:
    """Minimize the loss over all rows at once by L-BFGS-B, for small data and smooth losses.

    The objective is `gradient_scale` times the mean loss, and half |W|^2 times l2 of the
    optimizer plus `batch_l2` by the rows.

    Args:
        network: as `train`, without dropout.
        X: as `train`.
        targets: as `train`.
        settings: as `train`; the rest of the optimizer, learning rate, schedule, epochs, batches,
            orders, augmentation, plan, stopping and weight average play no part. Rows of
            `validation_fraction` are left out.
        initial: a model or a state whose weights to start from; None draws them.
        max_iterations: at least 1.
        max_calls: of loss and gradient, at least 1.
        tolerance: converged where no entry of the gradient is larger, or where an iteration
            lowers the objective by less than SciPy's ftol; at least 0.
        stop: once set, the search ends after its iteration.
        rows: as `train`.

    Raises:
        ParameterError: a number is out of its range, the network has dropout, or `initial` is a
            snapshot.
        DivergenceError: the loss at the end is not finite.
        SamplewiseError: as `train`.
    """
    check_row_options(minimize, rows)
    options = {
        "maxiter": whole_number("max_iterations", max_iterations),
        "maxfun": whole_number("max_calls", max_calls),
        "gtol": not_negative("tolerance", tolerance),
    }
    loss = loss_for(network, settings)
    check_stop(stop)
    check_no_dropout("minimize", network)
    shared = prepared(network, X, targets, loss, settings, columns_of(initial), **rows)
    settings = _for_one_batch(settings, shared)
    state = first_state(network, settings, shared.X.dtype, _without_optimizer(initial))
    session = _session(network, loss, settings, shared)
    objective = _Objective(session, network, settings, shared)
    with session.compiled([state]), limited(settings.threads):
        found = _minimized(objective, state.parameters, options, stop or NEVER)
        objective(found.x)
        if not math.isfinite(found.fun):
            raise DivergenceError(
                f"minimize: the loss is {found.fun} at the end; scale the inputs, or try another "
                "init",
                found.x.astype(shared.X.dtype),
            )
    return FullBatchResult(
        network=network,
        loss=loss,
        parameters=found.x.astype(shared.X.dtype),
        final_loss=objective.loss,
        penalty=objective.penalty,
        iterations=int(found.nit),
        calls=int(found.nfev),
        converged=bool(found.success),
        message=INTERRUPTED if found.status == _STOPPED else str(found.message),
        backend=session.backend.name,
        class_names=shared.class_names,
        columns=shared.columns,
    )


def _for_one_batch(settings: TrainingSettings, rows: TrainingRows) -> TrainingSettings:
    """Return settings whose first step has all rows in a batch and their gradient as velocity."""
    return of_plain_steps(
        settings,
        optimizer=_MOMENTUM,
        batch_l2=settings.batch_l2 + settings.optimizer.l2 * len(rows),
        batch_size=len(rows),
        shuffle=False,
        augment=None,
    )


def _session(
    network: Network, loss: Loss, settings: TrainingSettings, rows: TrainingRows
) -> Session:
    backend = announced_backend_choice(network, loss, settings, rows).backend
    fields = settings.step_fields(weighted=rows.weights is not None)
    workload = settings.workload(len(rows), fields, rows.largest_input)
    optimizers = [settings.optimizer]
    return Session(backend, [network], loss, optimizers, rows.X.dtype, workload, reuse=True)


def _without_optimizer(initial: Any) -> Any:
    """Return the given start, without the slots of the optimizer that has trained a state."""
    if isinstance(initial, Snapshot):
        raise ParameterError(
            "initial: must be a samplewise.Model or TrainingState, got a Snapshot; go on from it "
            "with train"
        )
    if isinstance(initial, TrainingState):
        slots = np.zeros_like(initial.parameters)
        return TrainingState(initial.parameters, slots, network=initial.network)
    return initial


class _Objective:
    """The objective and its gradient, both from one step on all rows.

    Attributes:
        loss, penalty: at the last point, as `FullBatchResult` has them.
    """

    loss: float
    penalty: float | None

    def __init__(
        self, session: Session, network: Network, settings: TrainingSettings, rows: TrainingRows
    ) -> None:
        self._session, self._rows, self._scale = session, rows, settings.gradient_scale
        rates = LearningRates(settings.learning_rate, Constant(), settings.run_of(len(rows)))
        self._steps = NetworkSteps(network, settings, rows, rates)
        self._order = batches.fixed_order(len(rows))
        self._steps.begin_epoch(1, self._order)
        self._losses = np.empty((1, len(rows)), rows.X.dtype)

    def __call__(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the objective at parameters (P,) and its gradient (P,); inf where they overflow.

        Raises:
            ContractError: the backend raised.
        """
        (state,), n = self._session.states, len(self._rows)
        state.parameters[...] = x
        state.optimizer_state.fill(0)
        state.step = 0
        window = self._steps.of_window(self._order, 0, n)
        self._session.run(self._rows.X, self._rows.Y, [window], self._losses, [0])
        backend = self._session.backend.name
        try:
            ran = self._steps.take(1, self._order, self._losses[0])
            self.penalty = ran.penalty(backend)
            self.loss = ran.loss(self.penalty)
        except DivergenceError:
            return math.inf, np.zeros_like(x)
        penalty = self.penalty or 0.0
        value = self._scale * (self.loss - penalty) + penalty
        return value, state.optimizer_state.astype(np.float64)


def _minimized(
    objective: _Objective,
    start: NDArray[Any],
    options: dict[str, float],
    stop: threading.Event,
) -> Any:
    """Return SciPy's result of minimizing an objective from its parameters (P,)."""
    from scipy import optimize

    def stop_where_asked(_: NDArray[np.float64]) -> None:
        if stop.is_set():
            raise StopIteration

    x = start.astype(np.float64)
    return optimize.minimize(
        objective, x, method="L-BFGS-B", jac=True, callback=stop_where_asked, options=options
    )
