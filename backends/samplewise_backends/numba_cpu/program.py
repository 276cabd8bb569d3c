"""The compiled program: it lays out tables and buffers, and calls the kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import RATES, Program, Steps, TrainingState, Workload
from samplewise.network import Loss, Network, Optimizer, aligned_zeros
from samplewise_backends.numba_cpu.compile.blas import gemm_address
from samplewise_backends.numba_cpu.kernels import tables
from samplewise_backends.numba_cpu.kernels.step import forward, forward_from
from samplewise_backends.numba_cpu.kernels.stepwise import run_stepwise
from samplewise_backends.numba_cpu.plans.direct import NO_RATES
from samplewise_backends.numba_cpu.plans.gram import read_only
from samplewise_backends.numba_cpu.plans.lowering import layer_table
from samplewise_backends.numba_cpu.plans.routines import LOSS_CODES, addresses, space_of
from samplewise_backends.numba_cpu.plans.storage import Member
from samplewise_backends.numba_cpu.trainers import GRAM_FILLS, GRAM_ROWS, TrainerFactory

Vector = NDArray[Any]
Matrix = NDArray[Any]
PREDICTED_AT_ONCE = 256


class NumbaProgram(Program):
    """A network executed by compiled kernels, one call a chunk of an epoch."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None,
    ) -> None:
        self._member = Member(network, optimizer)
        self._network, self._dtype = network, dtype
        self._loss = loss
        self._gemm = gemm_address(dtype.name)
        # A program that only predicts never asks for a plan, nor for a calibration.
        self._workload, self._batch_size = workload, 0
        if workload is not None:
            self._plan_for(workload)
        self._rows = 0
        self._reserve(1)

    def warm_up(self) -> None:
        """Compile, or load from the cache, every kernel that this program may call."""
        if self._batch_size:
            self._factory.warm_up()
        X = np.zeros((1, self._network.inputs), self._dtype)
        self.predict(self._network.layout.zeros(self._dtype), X)

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Run all steps in one compiled call."""
        unforeseen = steps.rates is not None and not self._member.rates_vary
        if steps.batch_size != self._batch_size or unforeseen:
            self.synchronize(state)
            known = self._workload or Workload(len(X))
            fields = known.step_fields | ({RATES} if unforeseen else frozenset())
            known = replace(known, rows=len(X), batch_size=steps.batch_size, step_fields=fields)
            self._plan_for(known)
        self._trainer.run([state], X, Y, [steps], losses.reshape(1, -1))

    def synchronize(self, state: TrainingState) -> None:
        """Bring the first layer's weights into the state, where the plan keeps another form."""
        if self._batch_size:
            self._trainer.synchronize([state])

    def held_state(self, state: TrainingState) -> dict[str, Matrix]:
        """Return the dual plan's coefficients, and which products it has computed."""
        return {**self._factory.held_gram(), **self._trainer.held_state([state])}

    def restore(self, state: TrainingState, X: Matrix, held: Mapping[str, Matrix]) -> None:
        """Go on with them."""
        self._factory.restore_gram(X, held)
        coefficients = {name: held[name] for name in held if name not in (GRAM_ROWS, GRAM_FILLS)}
        self._trainer.restore([state], X, coefficients)

    def logits(self, state: TrainingState, X: Matrix) -> Matrix:
        """Return the logits during training, without leaving the form that the plan trains in."""
        values = self._trainer.first_values([state], X) if self._batch_size else None
        if values is None:
            return self.predict(state.parameters, X)
        logits = np.empty((len(X), self._network.outputs), dtype=self._dtype)
        for first in range(0, len(X), PREDICTED_AT_ONCE):
            some = values[first : first + PREDICTED_AT_ONCE]
            self._reserve(len(some))
            forward_from(self._gemm, some, self._layers, state.parameters, *self._predicting)
            logits[first : first + len(some)] = self._logits[: len(some)]
        return logits

    def _plan_for(self, workload: Workload) -> None:
        self._workload, self._batch_size = workload, workload.batch_size
        self._member = replace(self._member, rates_vary=RATES in workload.step_fields)
        self._factory = TrainerFactory([self._member], self._loss, self._dtype, workload)
        self._trainer = self._factory.trainer([self._member])
        self.plan = self._factory.plan

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient, all rows in one batch."""
        # Dropout keeps everything here, as in prediction.
        layers, size = layer_table(self._network, len(X), training=False)
        losses = np.zeros(len(X), dtype=self._dtype)
        X, Y = np.ascontiguousarray(X), np.ascontiguousarray(Y)
        written = space_of([layers], size, self._network.layout.size, self._loss, self._dtype)
        hyper = np.zeros(tables.HYPER_COLUMNS, self._dtype)
        hyper[tables.OPTIMIZER] = tables.NO_STEP
        data = read_only(X), read_only(Y), read_only(np.arange(len(X)))
        window = 0, len(X), len(X), LOSS_CODES[self._loss.name]
        theta = tables.Theta(np.require(parameters, requirements="W"), hyper[:0])
        buffers = written, np.empty_like(X)
        rates = read_only(NO_RATES)
        run_stepwise(self._gemm, *data, window, layers, theta, *buffers, hyper, rates, losses)
        return float(losses.mean(dtype=np.float64)), written.gradient

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, some rows at a time so that their buffers stay in the cache."""
        self._reserve(min(len(X), PREDICTED_AT_ONCE))
        parameters = np.require(parameters, requirements="W")
        logits = np.empty((len(X), self._network.outputs), dtype=self._dtype)
        for first in range(0, len(X), PREDICTED_AT_ONCE):
            A = self._uniform(X[first : first + PREDICTED_AT_ONCE])
            forward(self._gemm, A, self._layers, parameters, *self._predicting)
            logits[first : first + len(A)] = self._logits[: len(A)]
        return logits

    def predictor(self, parameters: Vector, X: Matrix) -> tuple[Callable[[], None], Matrix]:
        """Return one compiled call with a table and a buffer of its own, and the logits in that."""
        layers, size = layer_table(self._network, len(X), training=False)
        values = aligned_zeros(size, self._dtype)
        parameters = np.require(parameters, requirements="W")
        routines = addresses(layers, self._dtype)
        call = partial(forward, self._gemm, X, layers, parameters, values, routines)
        return call, _last_outputs(layers, values, len(X))

    def _uniform(self, X: Matrix) -> Matrix:
        """Return X, or a copy in a buffer if numba would see another type in its flags.

        Each further type would compile the kernels anew.
        """
        if X.flags.carray:
            return X
        self._gathered[: len(X)] = X
        return self._gathered[: len(X)]

    def _reserve(self, rows: int) -> None:
        """Make the buffers hold at least `rows` rows."""
        if rows <= self._rows:
            return
        self._rows = rows
        self._layers, size = layer_table(self._network, rows, training=False)
        values = aligned_zeros(size, self._dtype)
        self._predicting = values, addresses(self._layers, self._dtype)
        self._logits = _last_outputs(self._layers, values, rows)
        inputs = self._network.inputs
        self._gathered = aligned_zeros(rows * inputs, self._dtype).reshape(rows, inputs)


def _last_outputs(layers: NDArray[np.int64], values: Vector, rows: int) -> Matrix:
    """Return the view of the logits in a buffer for `rows` rows."""
    first, units = layers[-1, [tables.OUT, tables.UNITS]]
    return values[first : first + rows * units].reshape(rows, units)
