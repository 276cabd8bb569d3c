"""Terms that each batch divides by its own rows: its L2 penalty, and the weights of its rows."""

import dataclasses

import numpy as np
import pytest
from loop_problem import LABELS, X
from snapshot_problem import CHUNK, MANY, Takes, again, altered, goes_on_to_the_same_end, zeroed
from snapshot_problem import LABELS as OTHER_LABELS
from snapshot_problem import NETWORK as OTHER_NETWORK
from snapshot_problem import X as OTHERS

from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise import registry
from samplewise.contract import TrainingState
from samplewise.errors import ContractError, DataError, SnapshotError
from samplewise.network import multilayer_perceptron
from samplewise.registry import Choice
from samplewise.testing.tolerances import after_steps
from samplewise.training import batches
from samplewise.training.lr_range_test import lr_range_test
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

BACKENDS = ("reference", "vectorized", "numba_cpu")
LINEAR = multilayer_perceptron(4, (), 1)
BATCH, EPOCHS = 7, 3
# Some rows weigh nothing, among them all of the second batch.
WEIGHTS = np.random.default_rng(4).random(50)
WEIGHTS[[3, 20, *range(7, 14)]] = 0
WEIGHTS /= WEIGHTS.mean()


def settings(**changes):
    plain = {"backend": "reference", "epochs": EPOCHS, "batch_size": BATCH}
    return TrainingSettings.from_options(**{**plain, **changes})


def by_hand(weights, *, batch_l2=0.0, gradient_scale=1.0, normalize=False, rate=0.1):
    """Return weights, losses and penalties of logistic regression from 0 by these rules."""
    W, b, losses, penalties = np.zeros(4), 0.0, [], []
    for _ in range(EPOCHS):
        of_batches, of_penalties, sizes = [], [], []
        for first in range(0, len(X), BATCH):
            x, y, w = (part[first : first + BATCH] for part in (X, LABELS, weights))
            z = x @ W + b
            divisor = w.sum() if normalize else len(x)
            l2 = batch_l2 / divisor if divisor else 0.0
            dz = gradient_scale * w * (1 / (1 + np.exp(-z)) - y) / (divisor or 1)
            of_penalties.append(l2 / 2 * W @ W)
            of_batches.append(w @ (np.logaddexp(0, z) - z * y) / (divisor or 1))
            sizes.append(len(x))
            W, b = W - rate * (x.T @ dz + l2 * W), b - rate * dz.sum()
        penalties.append(np.average(of_penalties, weights=sizes))
        losses.append(np.average(of_batches, weights=sizes) + penalties[-1])
    return [*W, b], losses, penalties


def from_zero(chosen, weights=None, network=LINEAR):
    state = TrainingState(network.layout.zeros(chosen.dtype), np.zeros(0, chosen.dtype))
    return train(network, X, LABELS, chosen, sample_weight=weights, initial=state)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "changes",
    [
        {"batch_l2": 0.3},
        {"gradient_scale": 2.5},
        {"normalize_weights": True},
        {"batch_l2": 0.3, "gradient_scale": 0.5, "normalize_weights": True},
    ],
    ids=str,
)
def test_a_batch_divides_as_its_formula_says(backend, dtype, changes):
    weighted = "normalize_weights" in changes
    given = WEIGHTS if weighted else None
    result = from_zero(settings(backend=backend, dtype=dtype, **changes), given)
    rules = {name: value for name, value in changes.items() if name != "normalize_weights"}
    weights = WEIGHTS if weighted else np.ones(50)
    wanted, losses, penalties = by_hand(weights, normalize=weighted, **rules)
    allowed = after_steps(24, dtype).relative
    parts = LINEAR.layout.views(result.parameters).values()
    found = np.concatenate([part.ravel() for part in parts])
    np.testing.assert_allclose(found, wanted, rtol=allowed, atol=allowed)
    np.testing.assert_allclose(result.history.losses, losses, rtol=allowed)
    recorded = [record.penalty for record in result.history.epochs]
    if "batch_l2" in changes:
        np.testing.assert_allclose(recorded, penalties, rtol=allowed)
        assert result.history.to_csv().splitlines()[0].endswith(",penalty")
    else:
        assert recorded == [None] * EPOCHS


def test_normalized_weights_follow_the_order_of_each_epoch():
    options = {"shuffle": True, "normalize_weights": True, "batch_l2": 0.2}
    got = from_zero(settings(**options), WEIGHTS)
    order = batches.Orders(50, 0).of_epoch(1)
    first = train(
        *(LINEAR, X[order], LABELS[order], settings(epochs=1, **options | {"shuffle": False})),
        sample_weight=WEIGHTS[order],
        initial=TrainingState(LINEAR.layout.zeros("float64"), np.zeros(0)),
    )
    assert got.history.losses[0] == pytest.approx(first.history.losses[0], rel=1e-13)


def test_equal_weights_are_no_weights_to_normalize():
    got = from_zero(settings(normalize_weights=True), np.full(50, 3.0))
    np.testing.assert_array_equal(got.parameters, from_zero(settings()).parameters)


def test_rows_of_weight_0_stay_in_the_batches_and_balanced_classes_leave_them_at_0():
    got = from_zero(settings(normalize_weights=True, class_weight="balanced"), WEIGHTS)
    assert (got.history.rows, got.history.epochs[0].samples) == (50, 50)
    # A row that weighs nothing could have any input.
    changed = X.copy()
    changed[WEIGHTS == 0] = 9.0
    chosen = settings(normalize_weights=True, class_weight="balanced")
    state = TrainingState(LINEAR.layout.zeros("float64"), np.zeros(0))
    other = train(LINEAR, changed, LABELS, chosen, sample_weight=WEIGHTS, initial=state)
    np.testing.assert_array_equal(other.parameters, got.parameters)
    with pytest.raises(DataError, match="all weights are 0"):
        from_zero(settings(normalize_weights=True), np.zeros(50))


def test_the_penalty_is_not_what_a_network_failed_to_learn():
    """The loss ends far above that of one answer for all rows, by its penalty alone."""
    learnt = train(LINEAR, X, LABELS, settings(epochs=20, backend="vectorized"))
    chosen = settings(epochs=6, backend="vectorized", batch_l2=20.0, learning_rate=1e-9)
    history = train(LINEAR, X, LABELS, chosen, initial=learnt.model()).history
    assert history.epochs[-1].penalty > 1
    assert history.notes == []


class WritesNoPenalty(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        super().run_epoch(
            *(state, X, Y), dataclasses.replace(steps, l2=None, penalties=None), losses
        )


class WritesPenaltiesOnce(WritesNoPenalty):
    """Writes those of the first epoch."""

    def run_epoch(self, state, X, Y, steps, losses):
        first = state.step < len(X) // BATCH
        (FaultyReference if first else WritesNoPenalty).run_epoch(self, state, X, Y, steps, losses)


def resolves_to(program, monkeypatch):
    choice = Choice(FaultyBackend("silent", program), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: choice)


@pytest.mark.parametrize("program", [WritesNoPenalty, WritesPenaltiesOnce])
def test_a_penalty_that_a_backend_leaves_unwritten_is_its_fault(program, monkeypatch):
    resolves_to(program, monkeypatch)
    with pytest.raises(ContractError, match="'silent' left penalties of its steps unwritten"):
        train(LINEAR, X, LABELS, settings(batch_l2=0.1))


class CountsPenalties(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        assert len(steps.l2) == len(steps.penalties) == steps.count
        super().run_epoch(state, X, Y, steps, losses)


def test_each_window_has_the_penalties_of_its_steps(monkeypatch):
    resolves_to(CountsPenalties, monkeypatch)
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 2 * BATCH)
    train(LINEAR, X, LABELS, settings(batch_l2=0.1))


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_an_epoch_that_is_cut_short_has_the_penalty_of_its_steps(steps):
    """Each adds its share of half batch_l2 |W|^2, and the rows are those that were run."""
    start = LINEAR.layout.zeros("float64")
    start[:4] = 1.0
    chosen = settings(batch_l2=0.1, learning_rate=1e-12, max_steps=steps)
    initial = TrainingState(start, np.zeros(0))
    (record,) = train(LINEAR, X, LABELS, chosen, initial=initial).history.epochs
    assert record.penalty == pytest.approx(0.1 / 2 * 4 * steps / (steps * BATCH), rel=1e-9)


def test_networks_at_once_have_penalties_of_their_own():
    networks = [LINEAR, multilayer_perceptron(4, (3,), 1)]
    chosen = [settings(backend="numba_cpu", batch_l2=value) for value in (0.0, 0.4)]
    results = train_many(networks, X, LABELS, chosen)
    allowed = after_steps(24, "float64").relative
    for network, own, result in zip(networks, chosen, results, strict=True):
        alone = train(network, X, LABELS, own)
        np.testing.assert_allclose(result.parameters, alone.parameters, rtol=allowed, atol=allowed)
        assert (result.history.epochs[0].penalty is None) == (own.batch_l2 == 0)


def test_the_range_test_takes_each_batch_likewise():
    chosen = settings(backend="vectorized", batch_size=2, batch_l2=100.0, gradient_scale=2.0)
    plain = settings(backend="vectorized", batch_size=2)
    assert lr_range_test(LINEAR, X, LABELS, chosen).losses != (
        lr_range_test(LINEAR, X, LABELS, plain).losses
    )


SNAPSHOT = {
    "backend": "numba_cpu",
    "batch_size": 4,
    "batch_l2": 0.3,
    "normalize_weights": True,
    "shuffle": True,
    "epochs": 2,
}


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(batches, "chunk_samples_of_all", lambda *_: CHUNK)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("count", [1, 2])
def test_penalties_and_weights_go_on_from_a_snapshot_inside_an_epoch(count):
    chosen, weights = settings(**SNAPSHOT), np.arange(24) % 3 + 0.5

    def run(callbacks, initial):
        return train_many(
            *(MANY[:count], OTHERS, OTHER_LABELS, chosen),
            sample_weight=weights,
            callbacks=[callbacks, *[[]] * (count - 1)],
            initial=initial,
        )

    goes_on_to_the_same_end(run)


@pytest.mark.usefixtures("small_chunks")
def test_penalties_that_a_snapshot_lacks_or_has_too_much_are_refused():
    takes = Takes()
    chosen = settings(backend="numba_cpu", batch_size=4, batch_l2=0.3)
    train(OTHER_NETWORK, OTHERS, OTHER_LABELS, chosen, callbacks=[takes])
    snapshot = takes.snapshots[1]
    (penalties,) = (network.penalties for network in snapshot.networks)
    assert penalties.shape == (4,)
    np.testing.assert_array_equal(again(snapshot).networks[0].penalties, penalties)
    for wrong in (None, zeroed(penalties[:2])):
        damaged = altered(snapshot, "penalties", wrong)
        with pytest.raises(SnapshotError, match="penalties must be"):
            train(OTHER_NETWORK, OTHERS, OTHER_LABELS, chosen, initial=damaged)
