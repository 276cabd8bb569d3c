"""Each promise of the contract rung is broken by one fault, and its own complaint says so."""

import dataclasses
import itertools

import numpy as np
import pytest

from faults import climbing
from faults.catalogue import faulty_backend
from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise.contract import Plan
from samplewise.network import SGD
from samplewise.testing.cases import dense_case
from samplewise.testing.measures import Measure

CASE = dense_case(3, (3, 2), 3, "tanh", batch_size=4, rows=11)


class CountsSteps(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        super().run_epoch(state, X, Y, steps, losses)
        state.step += 1


class ReplacesParameters(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        state.parameters = state.parameters.copy()
        super().run_epoch(state, X, Y, steps, losses)


class NeedsWritableOrder(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        if not steps.order.flags.writeable:
            losses[:] = np.nan
            return
        super().run_epoch(state, X, Y, steps, losses)


class HidesNanFromMeanLoss(FaultyReference):
    def gradients(self, parameters, X, Y):
        loss, gradient = super().gradients(parameters, X, Y)
        return (float(np.nan_to_num(loss)) if len(X) > 1 else loss), gradient


class HidesNanFromLogits(FaultyReference):
    def predict(self, parameters, X):
        return np.nan_to_num(super().predict(parameters, X))


class LossIsAnArray(FaultyReference):
    def gradients(self, parameters, X, Y):
        loss, gradient = super().gradients(parameters, X, Y)
        return np.array(loss), gradient


class ReusesGradient(FaultyReference):
    buffer = None

    def gradients(self, parameters, X, Y):
        loss, gradient = super().gradients(parameters, X, Y)
        if self.buffer is None:
            self.buffer = gradient
        self.buffer[...] = gradient
        return loss, self.buffer


class ReportsAnotherMean(FaultyReference):
    """A factor hides from no central difference, a constant does."""

    def gradients(self, parameters, X, Y):
        loss, gradient = super().gradients(parameters, X, Y)
        return loss + (len(X) > 1), gradient


class PredictsOnce(FaultyReference):
    def predictor(self, parameters, X):
        return (lambda: None), self.predict(parameters, X)


class EmptiesItsRows(FaultyReference):
    def predictor(self, parameters, X):
        call, logits = super().predictor(parameters, X)
        return (lambda: (call(), X.fill(0))), logits


class KeepsParameters(FaultyReference):
    def predictor(self, parameters, X):
        return super().predictor(parameters.copy(), X)


class LearnsOneRow(FaultyReference):
    def learner(self, state, X, Y, steps, losses):
        return super().learner(state, X.copy(), Y, steps, losses)


class LearnsFromTheStart(FaultyReference):
    def learner(self, state, X, Y, steps, losses):
        first = state.parameters.copy()
        call = super().learner(state, X, Y, steps, losses)
        return lambda: (np.copyto(state.parameters, first), call())


class LearnsWithoutLosses(FaultyReference):
    def learner(self, state, X, Y, steps, losses):
        return super().learner(state, X, Y, steps, losses.copy())


class PredictsOfInfinity(FaultyReference):
    def predictor(self, parameters, X):
        logits = self.predict(parameters, X)
        return (lambda: np.copyto(logits, self.predict(parameters, X))), logits


class ChangesOrder(FaultyReference):
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
        (PredictsOnce, "logits of a prepared call: differs"),
        (EmptiesItsRows, "rows of a prepared call: other bits"),
        (KeepsParameters, "logits of a prepared call: differs"),
        (LearnsOneRow, "weights of a prepared step: differs"),
        (LearnsFromTheStart, "weights of a prepared step: differs"),
        (LearnsWithoutLosses, "losses of a prepared step: differs"),
        (PredictsOfInfinity, "a prepared call answers an infinite value"),
        (ChangesOrder, "changes its inputs: order"),
    ],
)
def test_a_broken_promise_is_named(program, complaint):
    failures = climbing.failures(FaultyBackend("faulty", program), "contract", CASE)
    assert any(complaint in failure for failure in failures), failures


class PlansOtherwise(FaultyReference):
    plan = Plan("blocked")


class KeepsTooMuch(FaultyReference):
    plan = Plan(memory_bytes=2**20 + 1)


class WantsNoSamples(FaultyReference):
    plan = Plan(chunk=0)


class TakesAnotherBlock(FaultyReference):
    blocks = itertools.count(16)

    def __init__(self, *given):
        super().__init__(*given)
        self.plan = Plan(block=next(self.blocks))


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        (TakesAnotherBlock, "asked again for 'direct:"),
        (PlansOtherwise, "trains by 'blocked', asked for 'direct'"),
        (KeepsTooMuch, "keeps 1048577 bytes, allowed 1 MiB"),
        (WantsNoSamples, "wants chunks of 0 samples"),
        (faulty_backend("stale_logits").program, "logits in training: differs"),
        (faulty_backend("rests_at_synchronize").program, "optimizer's state 0.weight: differs"),
    ],
)
def test_a_broken_promise_about_the_workload_is_named(program, complaint):
    case = dataclasses.replace(CASE, optimizer=SGD(momentum=0.9))
    failures = climbing.failures(FaultyBackend("faulty", program), "contract", case, "direct")
    assert any(complaint in failure for failure in failures), failures


def test_a_backend_may_choose_its_plan_where_it_is_left_to_it():
    assert climbing.failures(FaultyBackend("", PlansOtherwise), "contract", CASE, "auto") == []


def test_a_broken_promise_shows_no_number():
    assert str(Measure("forgets its name", np.inf, 0.0)) == "forgets its name"


class IgnoresTheOrder(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        in_order = dataclasses.replace(steps, order=np.sort(steps.order))
        super().run_epoch(state, X, Y, in_order, losses)


def test_an_epoch_is_compared_in_a_shuffled_order_too():
    backend = FaultyBackend("faulty", IgnoresTheOrder)
    assert any("losses" in failure for failure in climbing.failures(backend, "epoch", CASE))
