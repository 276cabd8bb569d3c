"""Each promise of the contract rung is broken by one fault, and its own complaint says so."""

import dataclasses

import numpy as np
import pytest

from samplewise.testing import ladder
from samplewise.testing.cases import CONTRACT_CASES
from samplewise.testing.faultless import Faultless, WrongBackend
from samplewise.testing.measures import Measure

# Two hidden layers, 3 outputs, batches of 4 rows, float64.
(CASE,) = (
    case
    for case in CONTRACT_CASES
    if (case.hidden, case.outputs, case.batch_size) == ((3, 2), 3, 4)
    and (case.activation, case.dtype) == ("tanh", "float64")
)


class CountsSteps(Faultless):
    def run_epoch(self, state, X, Y, steps, losses):
        super().run_epoch(state, X, Y, steps, losses)
        state.step += 1


class ReplacesParameters(Faultless):
    def run_epoch(self, state, X, Y, steps, losses):
        state.parameters = state.parameters.copy()
        super().run_epoch(state, X, Y, steps, losses)


class NeedsWritableOrder(Faultless):
    def run_epoch(self, state, X, Y, steps, losses):
        if not steps.order.flags.writeable:
            losses[:] = np.nan
            return
        super().run_epoch(state, X, Y, steps, losses)


class HidesNanFromMeanLoss(Faultless):
    def gradients(self, parameters, X, Y):
        loss, gradient = super().gradients(parameters, X, Y)
        return (float(np.nan_to_num(loss)) if len(X) > 1 else loss), gradient


class HidesNanFromLogits(Faultless):
    def predict(self, parameters, X):
        return np.nan_to_num(super().predict(parameters, X))


class LossIsAnArray(Faultless):
    def gradients(self, parameters, X, Y):
        loss, gradient = super().gradients(parameters, X, Y)
        return np.array(loss), gradient


class ReusesGradient(Faultless):
    buffer = None

    def gradients(self, parameters, X, Y):
        loss, gradient = super().gradients(parameters, X, Y)
        if self.buffer is None:
            self.buffer = gradient
        self.buffer[...] = gradient
        return loss, self.buffer


class ReportsAnotherMean(Faultless):
    """A factor hides from no central difference, a constant does."""

    def gradients(self, parameters, X, Y):
        loss, gradient = super().gradients(parameters, X, Y)
        return loss + (len(X) > 1), gradient


class ChangesOrder(Faultless):
    def run_epoch(self, state, X, Y, steps, losses):
        super().run_epoch(state, X, Y, steps, losses)
        if steps.order.flags.writeable:
            steps.order.sort()


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        (CountsSteps, "counts steps"),
        (ReplacesParameters, "replaces state.parameters"),
        (NeedsWritableOrder, "results of read-only arrays are not finite"),
        (HidesNanFromMeanLoss, "hides a NaN from the mean loss"),
        (HidesNanFromLogits, "hides a NaN from the logits"),
        (LossIsAnArray, "the loss is a ndarray, not a float"),
        (ReusesGradient, "gradient after a further call: other bits"),
        (ReportsAnotherMean, "mean loss: differs by 1"),
        (ChangesOrder, "changes its inputs: order"),
    ],
)
def test_a_broken_promise_is_named(program, complaint):
    failures = ladder.failures(WrongBackend("faulty", program), "contract", CASE)
    assert any(complaint in failure for failure in failures), failures


def test_a_broken_promise_shows_no_number():
    assert str(Measure("forgets its name", np.inf, 0.0)) == "forgets its name"


class IgnoresTheOrder(Faultless):
    def run_epoch(self, state, X, Y, steps, losses):
        in_order = dataclasses.replace(steps, order=np.sort(steps.order))
        super().run_epoch(state, X, Y, in_order, losses)


def test_an_epoch_is_compared_in_a_shuffled_order_too():
    backend = WrongBackend("faulty", IgnoresTheOrder)
    assert any("losses" in failure for failure in ladder.failures(backend, "epoch", CASE))
