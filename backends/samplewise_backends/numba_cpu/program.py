"""The compiled program: it lays out tables and buffers, and calls the kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

import numpy as np

from samplewise.contract import PENALTIES, RATES, EpochsProgram, Steps, TrainingState, Workload
from samplewise.contract.plan import DUAL
from samplewise.network import Loss, Network, Optimizer, aligned_zeros
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.kernels.codes import OptimizerCode
from samplewise_backends.numba_cpu.kernels.prediction import forward_of_finite
from samplewise_backends.numba_cpu.kernels.step import forward, forward_from
from samplewise_backends.numba_cpu.planner.calibration import known_rates
from samplewise_backends.numba_cpu.planner.threads import threads_for
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix, Vector
from samplewise_backends.numba_cpu.plans.direct import learning_call, run_steps, stepwise_call
from samplewise_backends.numba_cpu.plans.lowering import layer_table
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.prediction import Prediction
from samplewise_backends.numba_cpu.plans.routines import give_buffers
from samplewise_backends.numba_cpu.plans.threads import in_threads
from samplewise_backends.numba_cpu.trainers import TrainerFactory

PREDICTED_AT_ONCE = 256


class NumbaProgram(EpochsProgram):
    """A network executed by compiled kernels, one call a chunk of an epoch."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: DType,
        workload: Workload | None,
    ) -> None:
        self._member = Member(network, optimizer)
        self._network, self._dtype = network, dtype
        self._loss = loss
        self._compiled_for = workload
        self._plan_as_compiled()
        self._predictions: dict[Routine, list[Prediction]] = {}

    def warm_up(self) -> None:
        """Compile, or load from the cache, every kernel that this program may call."""
        if self._batch_size:
            self._factory.warm_up()
        X = np.zeros((1, self._network.inputs), self._dtype)
        self.predict(self._network.layout.zeros(self._dtype), X)
        if self._batch_size and self.plan.name == DUAL:
            # Its logits during training are those of the first layer's products.
            self._prepared(forward_from, len(X), 1)

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Run all steps in one compiled call."""
        if self._is_unforeseen(steps):
            self._plan_anew(state, len(X), steps)
        self._trainer.run([state], X, Y, [steps], losses[None])

    def run_epochs(
        self,
        state: TrainingState,
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
        stop: Callable[[], bool],
    ) -> int:
        """Run whole epochs, each in one compiled call."""
        with self._epochs(state, X, Y, steps, losses) as run:
            for epoch, one in enumerate(steps):
                if epoch > 0 and stop():
                    return epoch
                run(epoch)
                state.step += one.count
        return len(steps)

    @contextmanager
    def _epochs(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Sequence[Steps], losses: Matrix
    ) -> Iterator[Callable[[int], None]]:
        """Prepare epochs together; those that one plan does not foresee, each in its turn."""
        if any(map(self._is_unforeseen, steps)):
            yield lambda epoch: self.run_epoch(state, X, Y, steps[epoch], losses[epoch])
            return
        run = self._trainer.prepare([state], X, Y, [[one] for one in steps], losses[:, None])
        with self._trainer.company():
            yield run

    def _is_unforeseen(self, steps: Steps) -> bool:
        fields = self._member.step_fields
        new_rates = steps.rates is not None and RATES not in fields
        new_penalties = steps.l2 is not None and PENALTIES not in fields
        return steps.batch_size != self._batch_size or new_rates or new_penalties

    def _plan_anew(self, state: TrainingState, rows: int, steps: Steps) -> None:
        """Plan for steps that the workload did not name."""
        self.synchronize(state)
        known, batch_size = self._workload or Workload(rows), steps.batch_size
        fields = known.step_fields | _fields_of(steps)
        self._plan_for(replace(known, rows=rows, batch_size=batch_size, step_fields=fields))

    def synchronize(self, state: TrainingState) -> None:
        """Bring the first layer's weights into the state, where the plan keeps another form."""
        if self._batch_size:
            self._trainer.synchronize([state])

    def forget(self) -> bool:
        """Let go of the arrays of a training; records, buffers and plan stay.

        A plan for steps that the workload did not name goes, too.
        """
        if self._batch_size:
            self._factory.forget()
            self._trainer.forget()
        if self._workload != self._compiled_for:
            self._plan_as_compiled()
        for prediction in chain.from_iterable(self._predictions.values()):
            prediction.call.forget()
        return True

    def held_state(self, state: TrainingState) -> dict[str, Matrix]:
        """Return the dual plan's coefficients, and which products it has computed."""
        return {**self._factory.held_gram(), **self._trainer.held_state([state])}

    def restore(self, state: TrainingState, X: Matrix, held: Mapping[str, Matrix]) -> None:
        """Go on with them."""
        self._factory.restore_gram(X, held)
        self._trainer.restore([state], X, held)

    def logits(self, state: TrainingState, X: Matrix) -> Matrix:
        """Return the logits during training, without leaving the form that the plan trains in."""
        values = self._trainer.first_values([state], X) if self._batch_size else None
        if values is None:
            return self.predict(state.parameters, X)
        return self._predicted(forward_from, state.parameters, values)

    def _plan_as_compiled(self) -> None:
        """Plan for the program's own workload; one that only predicts needs no calibration."""
        self._workload, self._batch_size = self._compiled_for, 0
        if self._workload is not None:
            self._plan_for(self._workload)

    def _plan_for(self, workload: Workload) -> None:
        self._workload, self._batch_size = workload, workload.batch_size
        self._member = replace(self._member, step_fields=workload.step_fields)
        self._factory = TrainerFactory([self._member], self._loss, self._dtype, workload)
        self._trainer = self._factory.trainer([self._member])
        self.plan = self._factory.plan

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient, all rows in one batch."""
        # Dropout keeps everything here, as in prediction.
        layers, size = layer_table(self._network, len(X), training=False)
        losses = np.zeros(len(X), dtype=self._dtype)
        X, Y = np.ascontiguousarray(X), np.ascontiguousarray(Y)
        call = stepwise_call(layers, np.empty_like(X), self._loss)
        net, gradient = call.inner("network"), self._network.layout.zeros(self._dtype)
        give_buffers(net, size, len(gradient))
        net.set(gradient=gradient, of_all=True)
        net.inner("hyper").set(optimizer=OptimizerCode.NO_STEP)
        parameters = np.require(parameters, requirements="W")
        state = TrainingState(parameters, aligned_zeros(0, self._dtype))
        run_steps(call, state, X, Y, Steps(np.arange(len(X)), 0, len(X), len(X), 0.0), losses)
        return float(losses.mean(dtype=np.float64)), gradient

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, some rows at a time so that their buffers stay in the cache."""
        return self._predicted(forward, parameters, X)

    def predictor(self, parameters: Vector, X: Matrix) -> tuple[Callable[[], object], Matrix]:
        """Return one compiled call with a buffer of its own, and the logits in that."""
        prediction = Prediction(self._network, len(X), self._dtype, forward_of_finite)
        logits = prediction.prepare(np.require(parameters, requirements="W"), X)
        return prediction.call.prepared(), logits

    def learner(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> Callable[[], object]:
        """Return one compiled call, with buffers of its own."""
        member = replace(self._member, step_fields=_fields_of(steps))
        return learning_call(member, self._loss, state, X, Y, steps, losses).prepared()

    def _predicted(self, routine: Routine, parameters: Vector, rows: Matrix) -> Matrix:
        """Return the logits of rows, or of the first layer's products with them."""
        parameters = np.require(parameters, requirements="W")
        starts = range(0, len(rows), PREDICTED_AT_ONCE)
        threads = self._threads_for(len(rows))
        # The threads may be unequally fast: four parts for each of them.
        parts = 1 if threads == 1 else min(4 * threads, len(starts))
        free = self._prepared(routine, min(len(rows), PREDICTED_AT_ONCE), threads)
        logits = np.empty((len(rows), self._network.outputs), dtype=self._dtype)

        def predict(part: int) -> None:
            known = free.pop()
            for first in starts[part::parts]:
                some = np.ascontiguousarray(rows[first : first + PREDICTED_AT_ONCE])
                found = known.prepare(parameters, some)
                known.call()
                logits[first : first + len(some)] = found
            free.append(known)

        in_threads(threads)(predict, range(parts))
        return logits

    def _prepared(self, routine: Routine, at_once: int, threads: int) -> list[Prediction]:
        """Return a prepared call for each thread, kept for the next time."""
        known = [one for one in self._predictions.get(routine, []) if one.rows >= at_once]
        parts = self._network, max(at_once, 1), self._dtype, routine
        known += [Prediction(*parts) for _ in range(threads - len(known))]
        self._predictions[routine] = known
        return known[:threads]

    def _threads_for(self, rows: int) -> int:
        """Return the number of threads that pay for predicting so many rows."""
        # Asking for the rates takes 4 us, half as long as a prediction of a few rows.
        if self.threads == 1 or rows <= PREDICTED_AT_ONCE:
            return 1
        mac = known_rates(self._dtype.name).rates.mac
        ns = rows * self._network.multiply_adds * mac
        return threads_for(ns, self.threads, -(-rows // PREDICTED_AT_ONCE))


def _fields_of(steps: Steps) -> frozenset[str]:
    given = {RATES: steps.rates, PENALTIES: steps.l2}
    return frozenset(name for name, of_steps in given.items() if of_steps is not None)
