"""Online learning: one row at a time, prepared once, so that a step takes microseconds."""

from __future__ import annotations

import contextvars
import math
from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import printable
from samplewise.contract import Program, Steps, TrainingState
from samplewise.data.arrays import as_numbers
from samplewise.data.preprocessing import NONE, Preprocessing
from samplewise.data.rows import one_row, preprocessed_rows
from samplewise.errors import DataError, DivergenceError
from samplewise.network import ClassLoss, Loss, Network, aligned_zeros
from samplewise.network.losses.base import ValueLoss
from samplewise.training.batches import fixed_order
from samplewise.training.beginning import first_state
from samplewise.training.blame import blamed_on
from samplewise.training.prerequisites import backend_choice, check_no_dropout, loss_for
from samplewise.training.rows.classes import number_of_classes
from samplewise.training.session import Session
from samplewise.training.settings.training_settings import TrainingSettings, of_plain_steps

_ARRAY = np.ndarray


class Learner:
    """A network that learns one row after the other; each call is one step, on that row.

    It has the bits of a training on the same rows in batches of 1. One thread at a time may call
    it. Copies and pickles prepare anew, and go on from a copy of the state.

    Args:
        network: as `train`, without dropout.
        loss: to learn with.
        settings: as `train`: optimizer, learning rate, `batch_l2`, `gradient_scale`, dtype,
            backend, and seed and init of fresh weights; the rest plays no part. The rate stays.
        state: to go on from, of the same network and optimizer; None draws the weights.

    Attributes:
        state: as it is now. Its arrays change with every call of `learn`; copy what you keep.

    Raises:
        ParameterError: network, loss, settings or state do not fit, or the network has dropout.
        SamplewiseError: as `train`.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        settings: TrainingSettings,
        state: TrainingState | None = None,
    ) -> None:
        self._made_of = network, loss, settings
        settings = of_plain_steps(settings, loss=loss, batch_size=1, augment=None)
        loss = loss_for(network, settings)
        check_no_dropout("Learner", network)
        dtype = np.dtype(settings.dtype)
        self.state = first_state(network, settings, dtype, state)
        self._network, self._loss = network, loss
        self._X, self._Y = (
            aligned_zeros((1, count), dtype) for count in (network.inputs, network.outputs)
        )
        self._row, self._target, self._shape = self._X[0], self._Y[0], (network.inputs,)
        # Zero times NaN or infinity is NaN: a third of the time of np.isfinite(...).all().
        self._row_times_zeros = partial(self._row.dot, np.zeros_like(self._row))
        self._dtype, self._losses = self._X.dtype, np.zeros(1, dtype)
        self._steps = _steps_of_one_row(settings, dtype)
        self._prepare_targets(dtype)
        # Entering np.errstate would cost as much as the network; running in this costs a tenth.
        self._run = contextvars.Context().run
        self._run(np.seterr, all="ignore")
        self._prepare(settings, dtype)

    def _prepare_targets(self, dtype: np.dtype[Any]) -> None:
        loss = self._loss
        self._of_classes: list[NDArray[Any]] | None = None
        self._check: Callable[[NDArray[Any]], None] | None = None
        if isinstance(loss, ClassLoss):
            classes = np.arange(number_of_classes(self._network))
            self._of_classes = list(loss.targets(classes, self._network.outputs, dtype))
            self._link = loss.row_probabilities
            return
        self._link = loss.row_predictions
        check = cast(ValueLoss, loss).check_targets
        if getattr(check, "__func__", None) is not ValueLoss.check_targets:
            self._check = check

    def _prepare(self, settings: TrainingSettings, dtype: np.dtype[Any]) -> None:
        network, loss = self._network, self._loss
        backend = backend_choice(network, loss, settings).backend
        work = settings.workload(1, settings.step_fields(weighted=False))
        session = Session(backend, [network], loss, [settings.optimizer], dtype, work)
        session.compile(warm_up=False)
        program = cast(Program, session.program)
        # Of a backend that does not inherit from the contract's Program.
        learner = getattr(program, "learner", None) or partial(Program.learner, program)
        with blamed_on(backend.name):
            self._step = learner(self.state, self._X, self._Y, self._steps, self._losses)
            self._predict, self._logits = program.predictor(self.state.parameters, self._X)
        self._loss_seen = self._losses.item

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the prepared arrays out: pointers into them would be invalid in a copy."""
        return type(self), (*self._made_of, self.state)

    def learn(self, x: ArrayLike, target: Any) -> float:
        """Take one step on a row, and return its loss before the step, with the penalty.

        Args:
            x: numbers, (inputs,); an array of the network's dtype is the fastest.
            target: class index; or a number, or numbers (outputs,), where the loss learns these.

        Raises:
            DataError: x or target does not fit the network and loss, or is not finite; no step is
                taken.
            DivergenceError: the loss was not finite; the weights are of no use any more.
        """
        return self._run(self._learn, x, target)

    def _learn(self, x: ArrayLike, target: Any) -> float:
        self._take(x)
        self._take_target(target)
        self._step()
        self.state.step += 1
        loss = self._loss_seen()
        if self._steps.penalties is not None:
            loss += self._steps.penalties.item()
        if not math.isfinite(loss):
            raise DivergenceError(
                f"learn: the loss became {loss} in step {self.state.step}; use a smaller "
                "learning_rate, or scale the inputs",
                self.state.parameters,
            )
        return loss

    @property
    def penalty(self) -> float:
        """The penalty in the loss that `learn` returned last; 0 without one."""
        penalties = self._steps.penalties
        return 0.0 if penalties is None else penalties.item()

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """Return the probability of each class or label, or the numbers, of a row: a new array.

        Args:
            x: as `learn`.

        Raises:
            DataError: x does not fit the network, or is not finite, or its logits overflow.
        """
        return self._run(self._predictions, x)

    def _predictions(self, x: ArrayLike) -> NDArray[Any]:
        self._take(x)
        self._predict()
        predictions = self._link(self._logits)
        # False for NaN; and where one probability is NaN, all are.
        classes = self._of_classes is not None
        whole = predictions.item(0) >= 0 if classes else np.isfinite(predictions).all()
        if not whole:
            raise DataError(f"x: its logits overflow {self._logits.dtype}; scale x as for training")
        return predictions

    def _take(self, x: ArrayLike) -> None:
        """Copy a row in."""
        if type(x) is _ARRAY and x.shape == self._shape and x.dtype is self._dtype:
            self._row[...] = x
            if math.isfinite(self._row_times_zeros()):
                return
        # Another form, or a fault, which this names.
        X = one_row(x, self._network)
        preprocessing = Preprocessing(NONE)
        self._X[...] = preprocessed_rows(X, self._network, preprocessing, self._X.dtype)

    def _take_target(self, target: Any) -> None:
        """Write a target as the outputs of the network."""
        of_classes = self._of_classes
        if of_classes is None:
            self._take_numbers(target)
        elif type(target) is int and 0 <= target < len(of_classes):
            self._target[...] = of_classes[target]
        elif isinstance(target, Integral | np.bool_) and 0 <= int(target) < len(of_classes):
            self._target[...] = of_classes[int(target)]
        else:
            raise DataError(
                f"target: must be a class index from 0 to {len(of_classes) - 1}, got "
                f"'{printable(target)}'"
            )

    def _take_numbers(self, target: Any) -> None:
        row = self._target
        if type(target) is float and len(row) == 1:
            row[0] = target
            whole = math.isfinite(row.item())
        else:
            numbers = as_numbers("target", target)
            if numbers.shape != row.shape and (numbers.shape, len(row)) != ((), 1):
                raise DataError(
                    f"target has shape {numbers.shape}; expected {row.shape}, one for each output"
                )
            row[...] = numbers
            whole = bool(np.isfinite(row).all())
        if not whole:
            raise DataError(f"target: must be finite in {self._target.dtype}, got {target}")
        if self._check is not None:
            self._check(self._Y)


def _steps_of_one_row(settings: TrainingSettings, dtype: np.dtype[Any]) -> Steps:
    """Return the one step that every call makes."""
    scale, l2 = settings.gradient_scale, settings.batch_l2
    return Steps(
        fixed_order(1),
        0,
        1,
        1,
        settings.learning_rate,
        weights=None if scale == 1 else np.full(1, scale, dtype),
        l2=np.full(1, l2) if l2 else None,
        penalties=np.zeros(1) if l2 else None,
    )
