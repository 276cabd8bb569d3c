"""Many networks on the same rows: each comes out as it would alone."""

import json
import pickle
import threading

import numpy as np
import pytest
from loop_problem import LABELS, StopAfter, X
from many_backend import Elsewhere, ManyBackend, ManyPrograms

from samplewise.contract import PLANS
from samplewise.contract.plan import AUTO_PLAN
from samplewise.errors import DivergenceError, ParameterError, SomeDivergedError
from samplewise.network import Dense, Network, multilayer_perceptron
from samplewise.testing.tolerances import after_steps
from samplewise.training import batches, beginning
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.shared import SHARED_SETTINGS
from samplewise.training.train import train
from samplewise_backends.numba_cpu.planner import threads as planner_threads

NETWORKS = (
    multilayer_perceptron(4, (3,), 1),
    multilayer_perceptron(4, (5, 2), 1, "tanh"),
    multilayer_perceptron(4, (), 1),
)
RELU = multilayer_perceptron(4, (3,), 1, "relu")
EXPLODES = {"learning_rate": 1e200}


def settings(**changes):
    return TrainingSettings.from_options(
        **{"backend": "reference", "epochs": 3, "batch_size": 2, **changes}
    )


def three(**changes):
    """Settings that differ in all that they may."""
    return [
        settings(seed=1, learning_rate=0.5, epochs=4, **changes),
        settings(seed=2, momentum=0.5, nesterov=True, epochs=2, init="glorot_normal", **changes),
        settings(seed=3, l2=0.01, epochs=3, track_accuracy=False, **changes),
    ]


def same_as_alone(results, networks, chosen):
    for result, network, own in zip(results, networks, chosen, strict=True):
        alone = train(network, X, LABELS, own)
        np.testing.assert_array_equal(result.parameters, alone.parameters)
        assert result.history.losses == alone.history.losses
        accuracies = [record.accuracy for record in alone.history.epochs]
        assert [record.accuracy for record in result.history.epochs] == accuracies
        assert result.history.settings == alone.history.settings
        assert result.history.network == alone.history.network
        assert result.history.data_fingerprint == alone.history.data_fingerprint
        assert result.history.stopped == alone.history.stopped == "finished"


def test_each_history_has_an_environment_of_its_own(monkeypatch):
    ManyBackend(ManyPrograms).chosen_by(monkeypatch)
    first, second = train_many(NETWORKS[:2], X, LABELS, settings(epochs=1))
    assert first.history.shared is not None
    first.history.environment["versions"].clear()
    assert second.history.environment["versions"]


@pytest.mark.parametrize("program", [None, ManyPrograms, Elsewhere])
@pytest.mark.parametrize("order", [{}, {"shuffle": True, "order_seed": 9}])
def test_each_network_comes_out_as_it_would_alone(monkeypatch, program, order):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 48)
    chosen = three(**order)
    if program is not None:
        ManyBackend(program).chosen_by(monkeypatch)
    results = train_many(NETWORKS, X, LABELS, chosen)
    assert all((result.history.shared is None) == (program is None) for result in results)
    monkeypatch.undo()
    same_as_alone(results, NETWORKS, chosen)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("order", [{}, {"shuffle": True, "order_seed": 9}])
@pytest.mark.parametrize("plan", [AUTO_PLAN, *PLANS])
def test_numba_cpu_trains_all_at_once_as_each_alone(dtype, order, plan):
    order = {**order, "plan": plan}
    chosen = three(backend="numba_cpu", dtype=dtype, **order)
    agrees_with_alone(train_many(NETWORKS, X, LABELS, chosen), chosen)
    exploding = settings(backend="numba_cpu", dtype=dtype, **order, **EXPLODES)
    with pytest.raises(SomeDivergedError) as caught:
        train_many([*NETWORKS, RELU], X, LABELS, [*chosen, exploding])
    assert list(caught.value.errors) == [3]
    agrees_with_alone(caught.value.results[:3], chosen)


def agrees_with_alone(results, chosen, networks=NETWORKS):
    for result, network, own in zip(results, networks, chosen, strict=True):
        alone = train(network, X, LABELS, own).parameters
        assert result.history.shared is not None
        assert len(result.history.epochs) == own.epochs
        # Four epochs at most, of 25 steps each.
        allowed = after_steps(100, own.dtype).relative * np.abs(alone).max()
        np.testing.assert_allclose(result.parameters, alone, rtol=0, atol=allowed)


@pytest.mark.parametrize(
    "each",
    [
        [{"momentum": 0.5}, {"momentum": 0.9, "l2": 0.01}, {"momentum": 0.5, "nesterov": True}],
        [{"optimizer": "adam", "beta1": beta, "clip_value": 10 * beta} for beta in (0.9, 0.5)],
    ],
    ids=["sgd", "adam"],
)
def test_equal_networks_have_their_own_optimizers_in_numba_cpu(each):
    chosen = [
        settings(backend="numba_cpu", plan="direct", batch_size=5, seed=k, **own)
        for k, own in enumerate(each)
    ]
    networks = [NETWORKS[0]] * len(each)
    agrees_with_alone(train_many(networks, X, LABELS, chosen), chosen, networks)


def test_one_program_trains_all_and_those_with_fewer_epochs_end_earlier(monkeypatch):
    backend = ManyBackend().chosen_by(monkeypatch)
    chosen = [settings(epochs=epochs, track_accuracy=False) for epochs in (3, 1, 2)]
    train_many(NETWORKS, X, LABELS, chosen)
    steps = [(0, 50, [0, 1, 2]), (0, 50, [0, 2]), (0, 50, [0])]
    assert backend.calls == ["warm up", *steps, "synchronize"]
    (workload,) = backend.workloads
    assert (workload.rows, workload.epochs, workload.batch_size) == (50, 3, 2)


@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_the_rows_of_losses_are_those_of_the_networks(monkeypatch):
    class Counts(ManyPrograms):
        def run_epoch(self, states, X, Y, steps, losses, active):
            assert losses.shape == (3, 50)
            assert np.isnan(losses[:, steps[0].start :]).all()
            losses[active, steps[0].start : steps[0].stop] = np.array(active)[:, None]

    ManyBackend(Counts, decisions=False).chosen_by(monkeypatch)
    results = train_many(NETWORKS, X, LABELS, three())
    assert [result.history.losses for result in results] == [[0.0] * 4, [1.0] * 2, [2.0] * 3]


def test_the_states_are_brought_out_once_an_epoch_for_exact_accuracies(monkeypatch):
    backend = ManyBackend().chosen_by(monkeypatch)
    train_many(NETWORKS, X, LABELS, [settings(epochs=2, exact_accuracy=True)] * 3)
    assert backend.calls.count("synchronize") == 3


def test_only_the_whole_run_has_a_time(monkeypatch):
    ManyBackend().chosen_by(monkeypatch)
    results = train_many(NETWORKS, X, LABELS, three())
    # Multiply-adds of a sample are 15, 32 and 4; of 4, 2 and 3 epochs.
    work = np.array([60, 64, 12])
    for index, history in enumerate(result.history for result in results):
        shared = history.shared
        assert (shared.networks, shared.index) == (3, index)
        assert len(shared.all_networks_epoch_ms) == 4
        whole = sum(shared.all_networks_epoch_ms) + history.synchronize_ms
        assert shared.all_networks_ms == pytest.approx(whole)
        assert shared.multiply_add_share == pytest.approx(work[index] / work.sum())
        assert shared.estimated_ms == shared.all_networks_ms * shared.multiply_add_share
        assert history.train_ms is None
        assert {(record.train_ms, record.samples_per_s) for record in history.epochs} == {
            (None, None)
        }
        assert json.loads(history.to_json())["shared"]["networks"] == 3
        assert ",,50,," in history.to_csv().splitlines()[1]


def test_a_network_by_itself_has_its_time(monkeypatch):
    backend = ManyBackend().chosen_by(monkeypatch)
    (result,) = train_many(NETWORKS[:1], X, LABELS, [settings()])
    assert result.history.shared is None
    assert result.history.train_ms > 0
    assert backend.workloads == []


def test_networks_that_no_one_backend_takes_are_trained_one_after_the_other(monkeypatch):
    from samplewise import registry
    from samplewise.registry import Choice

    backend = ManyBackend()
    # The last is the first asked for.
    choices = [Choice(registry.load("reference"), ""), Choice(backend, "")] * 2
    monkeypatch.setattr(registry, "resolve", lambda *_: choices.pop())
    results = train_many(NETWORKS[:2], X, LABELS, [settings()] * 2)
    assert [result.history.shared for result in results] == [None, None]
    assert backend.workloads == []


@pytest.mark.parametrize("many", [True, False])
def test_a_network_that_diverges_disturbs_no_other(monkeypatch, many):
    ManyBackend(many=many).chosen_by(monkeypatch)
    networks = (NETWORKS[0], RELU, NETWORKS[1], RELU)
    chosen = [settings(), settings(**EXPLODES), settings(seed=4), settings(**EXPLODES, seed=5)]
    with pytest.raises(
        SomeDivergedError, match=r"^2 of 4 networks .*: network 1: the loss .* network 3: the loss"
    ) as caught:
        train_many(networks, X, LABELS, chosen)
    error = caught.value
    assert list(error.errors) == [1, 3]
    assert [result is None for result in error.results] == [False, True, False, True]
    assert "1e+200; use a smaller learning_rate" in str(error.errors[1])
    monkeypatch.undo()
    with pytest.raises(DivergenceError) as alone:
        train(networks[1], X, LABELS, chosen[1])
    assert str(error.errors[1]) == str(alone.value)
    np.testing.assert_array_equal(error.errors[1].parameters, alone.value.parameters)
    same_as_alone(error.results[::2], networks[::2], chosen[::2])


def test_the_error_of_many_divergences_is_short_and_can_be_pickled():
    errors = {index: DivergenceError("the loss became inf", np.ones(2)) for index in range(9)}
    error = SomeDivergedError([None] * 9, errors)
    assert str(error).startswith("9 of 9 networks diverged (counted from 0): network 0: the loss")
    assert str(error).endswith("network 2: the loss became inf; and so on")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.errors[8].parameters.tolist() == [1, 1]


@pytest.mark.parametrize("program", [ManyPrograms, Elsewhere])
def test_a_weight_that_is_not_finite_in_the_end_is_a_divergence(monkeypatch, program):
    class EndsBadly(program):
        def synchronize(self, states):
            super().synchronize(states)
            states[1].parameters[0] = np.nan

    ManyBackend(EndsBadly).chosen_by(monkeypatch)
    recorders = [[Recorder()] for _ in NETWORKS]
    chosen = [settings(track_accuracy=False)] * 3
    with pytest.raises(SomeDivergedError, match="network 1: a weight is not finite after") as error:
        train_many(NETWORKS, X, LABELS, chosen, callbacks=recorders)
    assert list(error.value.errors) == [1]
    assert [calls[0].calls[-1] for calls in recorders] == ["finished", "diverged", "finished"]


class Recorder(Callback):
    def __init__(self, stop_after=None, event=None):
        self.calls, self.stop_after, self.event = [], stop_after, event

    def on_compile_begin(self, backend):
        self.calls.append(f"compile {backend}")

    def on_train_begin(self, history):
        self.calls.append("begin")

    def on_epoch_end(self, record):
        self.calls.append(record.epoch)
        if self.event is not None:
            self.event.set()
        return "enough" if record.epoch == self.stop_after else None

    def on_train_end(self, history):
        self.calls.append(history.stopped)


@pytest.mark.parametrize("many", [True, False])
def test_callbacks_are_told_of_their_own_network(monkeypatch, many):
    ManyBackend(many=many).chosen_by(monkeypatch)
    first, second, third = Recorder(), Recorder(stop_after=1), Recorder()
    chosen = [settings(), settings(), settings(**EXPLODES)]
    with pytest.raises(SomeDivergedError):
        train_many((*NETWORKS[:2], RELU), X, LABELS, chosen, callbacks=[[first], [second], [third]])
    assert first.calls == ["compile many", "begin", 1, 2, 3, "finished"]
    assert second.calls == ["compile many", "begin", 1, "enough"]
    assert third.calls == ["compile many", "begin", "diverged"]


def test_a_stop_ends_all_that_still_train(monkeypatch):
    backend = ManyBackend().chosen_by(monkeypatch)
    event = threading.Event()
    chosen = [settings(epochs=1), settings(epochs=5), settings(epochs=3)]
    callbacks = [[], [Recorder(event=event)], []]
    results = train_many(NETWORKS, X, LABELS, chosen, callbacks=callbacks, stop=event)
    stopped = [result.history.stopped for result in results]
    assert stopped == ["finished", "interrupted", "interrupted"]
    assert backend.calls[-1] == "synchronize"
    monkeypatch.undo()
    one_epoch = train(NETWORKS[1], X, LABELS, settings(epochs=1))
    np.testing.assert_array_equal(results[1].parameters, one_epoch.parameters)


def test_a_stop_inside_an_epoch_acts_at_the_edge_of_a_chunk(monkeypatch):
    ManyBackend().chosen_by(monkeypatch)
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 30)
    results = train_many(NETWORKS, X, LABELS, three(), stop=StopAfter(2))
    for result in results:
        assert result.history.stopped == "interrupted"
        assert [record.samples for record in result.history.epochs] == [20]


def test_a_stop_before_the_first_step_leaves_no_epoch_and_no_share(monkeypatch):
    ManyBackend().chosen_by(monkeypatch)
    for result in train_many(NETWORKS, X, LABELS, three(), stop=StopAfter(0)):
        assert result.history.epochs == []
        assert result.history.stopped == "interrupted"
        assert result.history.shared.multiply_add_share == 0


def test_a_chunk_is_bounded_by_the_work_of_all_networks():
    one = batches.chunk_samples_of_all(NETWORKS[:1], ManyPrograms.plan)
    many = batches.chunk_samples_of_all([NETWORKS[0]] * 8, ManyPrograms.plan)
    assert many == one // 8
    large = multilayer_perceptron(1000, (100,), 1)
    assert batches.chunk_samples_of_all([large] * 5, ManyPrograms.plan) == 100_000_000 // 500_500


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("batch_size", 3),
        ("dtype", "float32"),
        ("shuffle", True),
        ("augment", "noise 1"),
        ("backend", "vectorized"),
        ("device", "cpu"),
        ("threads", 2),
        ("plan", "direct"),
        ("memory_mb", 7),
        ("validation_fraction", 0.5),
        ("class_weight", "balanced"),
        ("normalize_weights", True),
        ("gradient_scale", 2.0),
        ("max_steps", 9),
    ],
)
@pytest.mark.parametrize("backend", ["reference", "many"])
def test_what_networks_must_share_is_named(monkeypatch, backend, field, other):
    if backend == "many":
        ManyBackend().chosen_by(monkeypatch)
    chosen = [settings(), settings(), settings(**{field: other})]
    with pytest.raises(ParameterError, match=rf"settings\[2\] has {field} {other}, but settings"):
        train_many(NETWORKS, X, LABELS, chosen)


def test_every_shared_setting_is_tried():
    (marks,) = (
        mark.args[1]
        for mark in test_what_networks_must_share_is_named.pytestmark
        if mark.args[0] == ("field", "other")
    )
    assert tuple(field for field, _ in marks) == SHARED_SETTINGS


def test_shuffled_networks_of_different_seeds_need_one_order_seed():
    chosen = [settings(shuffle=True, seed=seed) for seed in (1, 2)]
    with pytest.raises(ParameterError, match=r"settings\[1\] has order_seed 2, but.* has 1;.*seed"):
        train_many(NETWORKS[:2], X, LABELS, chosen)
    one_order = [settings(shuffle=True, seed=seed, order_seed=2) for seed in (1, 2)]
    results = train_many(NETWORKS[:2], X, LABELS, one_order)
    np.testing.assert_array_equal(
        results[1].parameters, train(NETWORKS[1], X, LABELS, chosen[1]).parameters
    )


@pytest.mark.parametrize(
    ("networks", "chosen", "message"),
    [
        ((), [], "same length, at least 1, got 0 and 0 long"),
        (NETWORKS, [settings()] * 2, "same length, at least 1, got 3 and 2 long"),
        (
            (NETWORKS[0], multilayer_perceptron(5, (), 1)),
            [settings()] * 2,
            r"networks\[1\] has inputs 5, but networks\[0\] has 4; .* share it",
        ),
        (
            (multilayer_perceptron(4, (), 3), multilayer_perceptron(4, (), 2)),
            [settings()] * 2,
            r"networks\[1\] has outputs 2",
        ),
        (
            (multilayer_perceptron(4, (), 2), NETWORKS[0]),
            [settings()] * 2,
            r"settings\[1\] has loss binary_cross_entropy",
        ),
        (
            (NETWORKS[0], Network((4,), (Dense(1, "tanh"),))),
            [settings()] * 2,
            "takes logits",
        ),
    ],
)
def test_networks_that_cannot_train_together_are_refused(networks, chosen, message):
    with pytest.raises(ParameterError, match=message):
        train_many(networks, X, LABELS, chosen)


def test_callbacks_come_in_a_list_a_network():
    with pytest.raises(ParameterError, match="callbacks holds 1 list for 3 networks"):
        train_many(NETWORKS, X, LABELS, three(), callbacks=[[Callback()]])


@pytest.fixture
def threads_pay(monkeypatch):
    """The smallest networks are split over threads too."""
    monkeypatch.setattr(planner_threads, "HAND_OVER_NS", 0.0)


@pytest.mark.usefixtures("threads_pay")
@pytest.mark.parametrize("plan", PLANS)
def test_two_threads_give_the_bits_of_one(plan):
    X = np.random.default_rng(3).standard_normal((90, 70))
    labels = (X[:, 0] > 0).astype(int)
    networks = [multilayer_perceptron(70, (3 + k,), 1) for k in range(8)]

    def trained(threads):
        settings = [
            TrainingSettings.from_options(
                seed=k, momentum=0.5 * (k % 2), plan=plan, threads=threads, backend="numba_cpu"
            )
            for k in range(len(networks))
        ]
        results = train_many(networks, X, labels, settings)
        assert ("over 2 threads" in results[0].history.plan["reason"]) == (threads == 2)
        return [one.parameters.tobytes() for one in results]

    assert trained(1) == trained(2)


@pytest.mark.usefixtures("threads_pay")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_numbers_beyond_the_dtype_warn_nobody(plan, threads):
    # At twice the rate that a warm-up might take, a block's factors of W would overflow float32.
    rows = np.random.default_rng(0).standard_normal((200, 4)) / 8
    labels = np.arange(200) % 2
    shared = {"backend": "numba_cpu", "plan": plan, "batch_size": 1, "threads": threads}
    calm = settings(l2=100.0, learning_rate=1e-3, dtype="float32", **shared)
    for result in train_many([NETWORKS[0]] * 4, rows, labels, [calm] * 4):
        assert np.isfinite(result.parameters).all()
    wild = settings(l2=1e300, **shared)
    with pytest.raises(SomeDivergedError):
        train_many([NETWORKS[0]] * 4, rows, labels, [wild] * 4)


@pytest.fixture
def drawn(monkeypatch):
    """Write down each draw of first weights."""
    found, draw = [], beginning.initialize

    def counted(network, init, rng, dtype):
        found.append((network, init))
        return draw(network, init, rng, dtype)

    monkeypatch.setattr(beginning, "initialize", counted)
    return found


@pytest.mark.parametrize("backend", ["reference", "numba_cpu"])
def test_weights_of_networks_that_begin_alike_are_drawn_once(drawn, backend):
    rates, network = (0.1, 0.2, 0.3), NETWORKS[0]
    alike = [settings(backend=backend, learning_rate=rate) for rate in rates]
    others = [settings(backend=backend, seed=9), settings(backend=backend, init="he_normal")]
    alone = [train(network, X, LABELS, own).parameters for own in [*alike, *others]]
    beginning._kept.cache_clear()
    drawn.clear()
    results = train_many([network] * 5, X, LABELS, [*alike, *others])
    assert len(drawn) == 3
    again = train(network, X, LABELS, others[0])
    assert len(drawn) == 3
    assert again.parameters.tobytes() == alone[3].tobytes()
    allowed = after_steps(3 * len(X), "float64").relative
    for result, parameters in zip(results, alone, strict=True):
        np.testing.assert_allclose(result.parameters, parameters, rtol=allowed, atol=allowed)


def test_weights_of_large_networks_are_not_kept(drawn):
    wide = multilayer_perceptron(4, (20_000,), 1)
    for _ in range(2):
        train(wide, X[:4], LABELS[:4], settings(epochs=1, batch_size=4, learning_rate=1e-6))
    assert len(drawn) == 2
