"""Epochs of networks at once whose plan keeps the weights elsewhere: one call for several."""

import itertools
import json
import time

import numpy as np
import pytest
from loop_problem import StopAfter
from many_backend import Elsewhere, ManyBackend
from snapshot_problem import LABELS, MANY, X, outcome, settings, without_times

from samplewise.errors import ContractError, SomeDivergedError
from samplewise.network import multilayer_perceptron
from samplewise.threads import many_split_over
from samplewise.training import session, unwatched
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.session import Session
from samplewise_backends.numba_cpu import many
from samplewise_backends.numba_cpu.many import NumbaManyProgram
from samplewise_backends.numba_cpu.plans.dual import Dual

pytestmark = pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
CHOSEN = {"backend": "numba_cpu", "plan": "dual", "batch_size": 1, "epochs": 6}


class Looks(Callback):
    def on_epoch_end(self, record):
        return None


@pytest.fixture
def calls(monkeypatch):
    """Write down how many epochs each call was given, and how many it has run."""
    told = []
    run_epochs = NumbaManyProgram.run_epochs

    def noted(self, states, X, Y, steps, *given):
        ran = run_epochs(self, states, X, Y, steps, *given)
        told.append((len(steps), ran))
        return ran

    monkeypatch.setattr(NumbaManyProgram, "run_epochs", noted)
    return told


def looked_at(each, networks=MANY):
    return train_many(networks, X, LABELS, each, callbacks=[[Looks()]] + [[]] * (len(networks) - 1))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9}, {"schedule": "exponential", "decay": 0.5}, {"batch_size": 5}]
)
def test_results_are_those_of_epochs_that_are_looked_at(calls, threads, options):
    each = [settings(**CHOSEN | options | {"seed": k, "order_seed": 1}) for k in range(len(MANY))]
    with many_split_over(threads):
        seen = looked_at(each)
        assert calls == []
        found = train_many(MANY, X, LABELS, each)
    assert calls == [(6, 6)]
    assert list(map(outcome, found)) == list(map(outcome, seen))
    assert [one.state.step for one in found] == [one.state.step for one in seen]
    ends = [
        [without_times(json.loads(one.history.to_json())) for one in all_of]
        for all_of in (found, seen)
    ]
    assert ends[0] == ends[1]


def test_they_end_when_each_has_its_epochs(calls):
    each = [settings(**CHOSEN | {"epochs": epochs}) for epochs in (2, 5, 3)]
    seen = looked_at(each)
    found = train_many(MANY, X, LABELS, each)
    assert list(map(outcome, found)) == list(map(outcome, seen))
    # One epoch is left after the second, and is run by itself.
    assert calls == [(2, 2), (2, 2)]


def test_not_more_of_them_than_have_few_losses(calls, monkeypatch):
    monkeypatch.setattr(unwatched, "ROWS_OF_SHORT_EPOCHS", 1)
    monkeypatch.setattr(unwatched, "LOSSES_AT_ONCE", 4 * len(MANY) * len(X) + 1)
    train_many(MANY, X, LABELS, settings(**CHOSEN))
    assert calls == [(4, 4), (2, 2)]


def test_short_epochs_are_not_planned_by_their_losses_alone(calls, monkeypatch):
    monkeypatch.setattr(unwatched, "LOSSES_AT_ONCE", 4 * len(MANY) * 64)
    train_many(MANY, X, LABELS, settings(**CHOSEN))
    assert calls == [(4, 4), (2, 2)]


def test_nor_are_those_that_may_have_to_be_run_again(calls, monkeypatch):
    monkeypatch.setattr(unwatched, "LOSSES_AT_ONCE", 4 * len(MANY) * 64)
    train_many(MANY, X, LABELS, settings(**CHOSEN | {"plan": "direct"}))
    assert calls == [(4, 4), (2, 2)]


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": True},
        {"max_steps": 999},
        {"schedule": "plateau", "plateau_epochs": 1},
        {"target_loss": 0.01},
        {"validation_fraction": 0.2},
        {"ema_decay": 0.5},
    ],
)
def test_others_are_run_epoch_by_epoch(calls, options):
    train_many(MANY, X, LABELS, settings(**CHOSEN | options))
    assert calls == []


@pytest.mark.parametrize("plan", ["blocked", "direct"])
@pytest.mark.parametrize("options", [{}, {"optimizer": "adam"}, {"batch_size": 5}])
def test_shuffled_ones_are_run_at_once_where_the_states_have_the_weights(calls, plan, options):
    each = settings(**CHOSEN | options | {"plan": plan, "shuffle": True, "epochs": 20})
    seen = looked_at(each)
    assert calls == []
    found = train_many(MANY, X, LABELS, each)
    assert calls == [(20, 20)]
    assert list(map(outcome, found)) == list(map(outcome, seen))


def test_few_of_long_ones_run_at_once_where_they_may_have_to_be_run_again(calls, monkeypatch):
    monkeypatch.setattr(unwatched, "samples_at_once", lambda networks: len(X) - 1)
    train_many(MANY, X, LABELS, settings(**CHOSEN | {"plan": "direct", "epochs": 20}))
    assert calls == [(16, 16), (4, 4)]


def test_a_program_without_such_a_call_is_called_for_each_epoch(monkeypatch):
    backend = ManyBackend(Elsewhere).chosen_by(monkeypatch)
    train_many(MANY[:2], X, LABELS, settings(epochs=3))
    assert [one for one in backend.calls if one[0] == 0] == [(0, len(X), [0, 1])] * 3


@pytest.mark.parametrize("told", [0, -1, 7, None, 6.0, True, "6"])
def test_a_wrong_number_of_epochs_blames_the_backend(monkeypatch, told):
    monkeypatch.setattr(NumbaManyProgram, "run_epochs", lambda *_: told)
    with pytest.raises(ContractError, match=rf"'numba_cpu' says that it has run {told!r} of 6"):
        train_many(MANY, X, LABELS, settings(**CHOSEN))


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8])
def test_a_program_may_return_any_whole_number_and_run_fewer(monkeypatch, kind):
    run_epochs = NumbaManyProgram.run_epochs

    def two(self, states, X, Y, steps, losses, *given):
        return kind(run_epochs(self, states, X, Y, steps[:2], losses[:2], *given))

    whole = train_many(MANY, X, LABELS, settings(**CHOSEN))
    monkeypatch.setattr(NumbaManyProgram, "run_epochs", two)
    found = train_many(MANY, X, LABELS, settings(**CHOSEN))
    assert list(map(outcome, found)) == list(map(outcome, whole))
    assert [one.state.step for one in found] == [6 * len(X)] * len(MANY)


def test_an_interrupt_ends_after_an_epoch_with_a_snapshot(calls):
    chosen = settings(**CHOSEN | {"epochs": 40})
    whole = train_many(MANY, X, LABELS, chosen)
    cut = train_many(MANY, X, LABELS, chosen, stop=StopAfter(12))
    (_, (asked, ran)) = calls
    assert 1 <= ran < asked
    assert [len(one.history.epochs) for one in cut] == [ran] * len(MANY)
    assert {one.history.stopped for one in cut} == {"interrupted"}
    assert (cut[0].snapshot.epoch, cut[0].snapshot.position) == (ran + 1, 0)
    rest = train_many(MANY, X, LABELS, chosen, initial=cut[0].snapshot)
    assert list(map(outcome, rest)) == list(map(outcome, whole))


def test_each_epoch_has_the_mean_of_their_times(monkeypatch):
    monkeypatch.setattr(Session, "synchronize", lambda session: 0.0)
    clock = itertools.count(0, 60).__next__
    monkeypatch.setattr(session.time, "perf_counter", clock)
    shared = train_many(MANY, X, LABELS, settings(**CHOSEN))[0].history.shared
    assert shared.all_networks_epoch_ms == [10_000] * 6
    assert shared.all_networks_ms == 60_000


def test_of_fewer_than_were_asked_for_each_has_the_mean_of_their_times(monkeypatch):
    run_epochs = NumbaManyProgram.run_epochs

    def two(self, states, X, Y, steps, losses, *given):
        return run_epochs(self, states, X, Y, steps[:2], losses[:2], *given)

    monkeypatch.setattr(NumbaManyProgram, "run_epochs", two)
    monkeypatch.setattr(Session, "synchronize", lambda session: 0.0)
    clock = itertools.count(0, 60).__next__
    monkeypatch.setattr(session.time, "perf_counter", clock)
    shared = train_many(MANY, X, LABELS, settings(**CHOSEN))[0].history.shared
    assert shared.all_networks_epoch_ms == [30_000] * 6


@pytest.mark.parametrize(("samples", "given"), [(12, [(6, 6)]), (11, [])])
def test_an_epoch_of_more_than_two_chunks_is_run_chunk_by_chunk(calls, monkeypatch, samples, given):
    assert len(X) == 2 * 12
    monkeypatch.setattr(Session, "chunk_samples", samples)
    train_many(MANY, X, LABELS, settings(**CHOSEN))
    assert calls == given


def test_the_weights_are_brought_out_for_who_asks_after_epochs_at_once(monkeypatch):
    asked, run_epochs = [], Session.run_epochs

    def then_ask(session, *given):
        before = session.states[0].parameters.copy()
        times = run_epochs(session, *given)
        asked.append((before, session.parameters(0).copy()))
        return times

    monkeypatch.setattr(Session, "run_epochs", then_ask)
    found = train_many(MANY, X, LABELS, settings(**CHOSEN))
    ((before, after),) = asked
    assert (before != after).any()
    assert after.tobytes() == found[0].parameters.tobytes()


def test_groups_of_several_threads_disturb_no_other(calls, monkeypatch):
    networks = [multilayer_perceptron(9, (3 + k,), 1, "tanh") for k in range(6)]
    chosen, prepare = settings(**CHOSEN), Dual.prepare
    wanted = train_many(networks, X, LABELS, chosen)

    def prepare_slowly(trainer, *given):
        run = prepare(trainer, *given)

        def run_slowly(window):
            run(window)
            time.sleep(0.002)

        return run_slowly

    monkeypatch.setattr(Dual, "prepare", prepare_slowly)
    monkeypatch.setattr(many, "threads_for", lambda _, allowed, groups: min(allowed, groups))
    with many_split_over(2):
        found = train_many(networks, X, LABELS, chosen)
    assert calls == [(6, 6)] * 2
    for one, other in zip(found, wanted, strict=True):
        assert one.parameters.tobytes() == other.parameters.tobytes()
        assert one.history.epochs == other.history.epochs


def test_a_divergence_is_that_of_its_epoch_and_disturbs_no_other(calls):
    networks = [multilayer_perceptron(9, (4,), 1, "relu")] * 3
    options = CHOSEN | {"loss": "mean_squared_error", "epochs": 30}
    each = [settings(**options | {"learning_rate": rate}) for rate in (0.001, 3.0, 1e200)]
    numbers = np.random.default_rng(1).standard_normal(len(X))

    def ends(callbacks):
        with pytest.raises(SomeDivergedError) as raised:
            train_many(networks, X, numbers, each, callbacks=callbacks)
        return raised.value

    seen, found = ends([[Looks()], [], []]), ends(())
    assert calls == [(30, 30)]
    assert set(found.errors) == {1, 2}
    for k, error in found.errors.items():
        assert str(error) == str(seen.errors[k])
        assert error.parameters.tobytes() == seen.errors[k].parameters.tobytes()
    # Whoever looks forms the groups anew where one has left.
    own, other = found.results[0], seen.results[0]
    np.testing.assert_allclose(own.parameters, other.parameters, rtol=1e-10)
    assert len(own.history.epochs) == len(other.history.epochs) == 30
