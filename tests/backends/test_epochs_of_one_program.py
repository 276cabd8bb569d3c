"""Epochs in one call have the bits of a call for each, whatever steps differ in."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from samplewise.contract import PENALTIES, RATES, Steps, TrainingState, Workload
from samplewise.network import (
    SGD,
    Adam,
    Dense,
    Dropout,
    Network,
    aligned_zeros,
    initialize,
    loss_named,
)
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.plans import direct, prediction, trainer
from samplewise_backends.numba_cpu.plans.direct import KEPT_COUNTS

ROWS, BATCH, COUNT = 12, 4, 3
NETWORK = Network(5, (Dense(4, "tanh"), Dropout(0.3), Dense(3)))
RNG = np.random.default_rng(2)
X, Y = RNG.standard_normal((ROWS, 5)), np.eye(3)[RNG.integers(0, 3, ROWS)]
RISING = np.linspace(0.1, 0.3, COUNT)


def rates(steps):
    return replace(steps, rates=RISING.copy())


def l2(steps):
    return replace(steps, l2=RISING / 3, penalties=np.full(COUNT, np.nan))


def weights(steps):
    return replace(steps, weights=np.linspace(0.5, 1.5, ROWS))


def decisions(steps):
    return replace(steps, decisions=np.full(ROWS, -1))


def small_batches(steps):
    return replace(steps, batch_size=1)


def plain(steps):
    return steps


# What each epoch of one call has.
EPOCHS = {
    "none": [plain, plain, plain],
    "rates in the middle": [plain, rates, plain],
    "rates, then none": [rates, plain, rates],
    "penalties at the end": [plain, plain, l2],
    "penalties, then none": [l2, plain],
    "first rates, then penalties": [rates, l2, plain],
    "weights in the middle": [plain, weights, plain],
    "weights, then none": [weights, plain],
    "decisions in the middle": [plain, decisions, plain],
    "decisions, then none": [decisions, plain],
    "other batches": [plain, small_batches, plain],
}
PROGRAMS = {
    "direct": (SGD(0.9), "direct", frozenset()),
    "foreseen": (SGD(0.9), "direct", frozenset({RATES, PENALTIES})),
    "adam": (Adam(clip_norm=0.1), "direct", frozenset()),
    "blocked": (SGD(), "blocked", frozenset()),
    "dual": (SGD(0.9), "dual", frozenset()),
}


def program_of(case):
    optimizer, plan, fields = PROGRAMS[case]
    workload = Workload(ROWS, BATCH, plan=plan, step_fields=fields)
    parts = NETWORK, loss_named("categorical_cross_entropy"), optimizer, np.dtype("float64")
    program = NumbaBackend().compile(*parts, workload)
    theta = initialize(NETWORK, "glorot_normal", np.random.default_rng(1), "float64")
    return program, TrainingState(theta, aligned_zeros(optimizer.slots * len(theta), "float64"))


def epochs_of(names, *, in_order=False):
    orders = [np.arange(ROWS)] * len(names)
    if not in_order:
        orders = [np.random.default_rng(k).permutation(ROWS) for k in range(len(names))]
    return [
        own(Steps(order, 0, ROWS, BATCH, 0.1 / (k + 1), dropout_key=k))
        for k, (own, order) in enumerate(zip(names, orders, strict=True))
    ]


def one_by_one(program, state, epochs, losses):
    for steps, seen in zip(epochs, losses, strict=True):
        program.run_epoch(state, X, Y, steps, seen)
        state.step += steps.count


def at_once(program, state, epochs, losses):
    assert program.run_epochs(state, X, Y, epochs, losses, lambda: False) == len(epochs)


def left_by(case, names, *ways):
    """Return all that is left of the same epochs, run in each of some ways in turn."""
    (program, state), left = program_of(case), []
    for way in ways:
        epochs = epochs_of(names, in_order=case == "dual")
        losses = np.full((len(epochs), ROWS), np.nan)
        way(program, state, epochs, losses)
        left += [losses, *(one.penalties for one in epochs), *(one.decisions for one in epochs)]
    program.synchronize(state)
    left += [state.parameters, state.optimizer_state, np.array(state.step)]
    return [one.tobytes() for one in left if one is not None]


@pytest.mark.parametrize("case", PROGRAMS)
@pytest.mark.parametrize("names", EPOCHS)
def test_bits_are_those_of_a_call_for_each(case, names):
    wanted = left_by(case, EPOCHS[names], one_by_one, one_by_one)
    assert left_by(case, EPOCHS[names], at_once, at_once) == wanted
    assert left_by(case, EPOCHS[names], one_by_one, at_once) == wanted


@pytest.mark.parametrize("case", ["foreseen", "adam", "blocked"])
@pytest.mark.parametrize("names", ["none", "weights, then none", "decisions in the middle"])
def test_an_epoch_leaves_nothing_but_the_state(case, names):
    def anew(_, state, epochs, losses):
        for steps, seen in zip(epochs, losses, strict=True):
            program, _ = program_of(case)
            one_by_one(program, state, [steps], [seen])

    wanted = left_by(case, EPOCHS[names], anew, anew)
    assert left_by(case, EPOCHS[names], one_by_one, at_once) == wanted


@pytest.mark.parametrize("case", ["foreseen", "adam"])
def test_a_forgotten_training_leaves_nothing_to_epochs_of_another_number(case):
    program, state = program_of(case)
    with np.errstate(all="ignore"):
        for names in (EPOCHS["first rates, then penalties"], [weights, decisions]):
            state.parameters[...] = 1e200
            at_once(program, state, epochs_of(names), np.zeros((len(names), ROWS)))
    assert program.forget()
    fresh, theirs = program_of(case)
    for count in (2, 3, 1, 4):
        state = TrainingState(theirs.parameters.copy(), theirs.optimizer_state.copy())
        state.step = theirs.step
        losses, wanted = np.zeros((2, count, ROWS))
        at_once(program, state, epochs_of([plain] * count), losses)
        at_once(fresh, theirs, epochs_of([plain] * count), wanted)
        assert losses.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("case", PROGRAMS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_forgotten_training_holds_none_of_its_arrays(case, count):
    program, state = program_of(case)
    rows, targets, losses = X.copy(), Y.copy(), np.zeros((count, ROWS))
    epochs = epochs_of([weights] * count, in_order=True)
    assert program.run_epochs(state, rows, targets, epochs, losses, lambda: False) == count
    program.synchronize(state)
    arrays = [rows, targets, losses, epochs[0].order, state.parameters, state.optimizer_state]
    alive = [weakref.ref(one) for one in [*arrays, *(one.weights for one in epochs)]]
    del rows, targets, losses, epochs, state, arrays
    assert program.forget()
    gc.collect()
    assert [one() for one in alive] == [None] * len(alive)


def test_few_numbers_of_epochs_are_kept():
    program, state = program_of("adam")
    for count in range(1, 3 * KEPT_COUNTS):
        at_once(program, state, epochs_of([plain] * count), np.zeros((count, ROWS)))
    assert sorted(program._trainer._repeated) == [4, 5]


def test_calls_of_many_epochs_do_not_outlive_their_training(monkeypatch):
    monkeypatch.setattr(direct, "KEPT_RECORDS", 3)
    program, state = program_of("adam")
    for count in (3, 4):
        at_once(program, state, epochs_of([plain] * count), np.zeros((count, ROWS)))
    assert program.forget()
    assert [*program._trainer._repeated] == [3]


@pytest.mark.parametrize("case", ["blocked", "dual"])
def test_records_of_many_epochs_do_not_outlive_their_training(case, monkeypatch):
    monkeypatch.setattr(trainer, "KEPT_RECORDS", 3)
    program, state = program_of(case)
    for count, kept in ((3, True), (4, False)):
        epochs = epochs_of([plain] * count, in_order=True)
        at_once(program, state, epochs, np.zeros((count, ROWS)))
        memory = weakref.ref(program._trainer._group._of_windows._repeated.memory)
        assert program.forget()
        gc.collect()
        assert (memory() is not None) == kept


def test_a_plan_for_other_steps_goes_with_the_training():
    program, state = program_of("blocked")
    plan, (epoch,) = program.plan, epochs_of([l2])
    assert plan.name == "blocked"
    program.run_epoch(state, X, Y, epoch, np.zeros(ROWS))
    assert program.plan.name == "direct"
    assert program.forget()
    assert program.plan == plan


def test_a_program_for_predictions_may_forget():
    loss, (_, state) = loss_named("categorical_cross_entropy"), program_of("direct")
    program = NumbaBackend().compile(NETWORK, loss, SGD(), X.dtype)
    logits = program.predict(state.parameters, X)
    for _ in range(2):
        assert program.forget()
        assert program.predict(state.parameters, X).tobytes() == logits.tobytes()
        program.run_epoch(*program_of("direct")[1:], X, Y, *epochs_of([plain]), np.zeros(ROWS))


def test_a_program_for_predictions_forgets_the_rows_that_it_trained_on():
    loss, (_, state), rows = loss_named("categorical_cross_entropy"), program_of("direct"), X.copy()
    program = NumbaBackend().compile(NETWORK, loss, SGD(), X.dtype)
    program.run_epoch(state, rows, Y, *epochs_of([plain]), np.zeros(ROWS))
    alive = weakref.ref(rows)
    del rows
    assert program.forget()
    gc.collect()
    assert alive() is None


def test_a_program_predicts_after_a_training_is_forgotten():
    program, state = program_of("adam")
    logits = program.predict(state.parameters, X)
    assert program.forget()
    assert program.predict(state.parameters, X).tobytes() == logits.tobytes()


def test_what_a_prediction_is_a_copy_of_lives_as_long_as_it_does():
    known = prediction.Prediction(NETWORK, ROWS, X.dtype)
    like = weakref.ref(known.call.like)
    prediction._described.cache_clear()
    gc.collect()
    assert like() is not None
