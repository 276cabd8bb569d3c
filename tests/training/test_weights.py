"""How often rows count: weights of samples and of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from loop_problem import LABELS, NETWORK, X

from samplewise import registry
from samplewise.errors import DataError, ParameterError, UnavailableBackendError
from samplewise.network import Dense, Network
from samplewise.testing.tolerances import after_steps
from samplewise.training.many import train_many
from samplewise.training.rows.selection import select
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

BACKENDS = ("reference", "vectorized", "numba_cpu")
RULES = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.5, "nesterov": True, "l2": 0.01},
    {"optimizer": "adam", "learning_rate": 0.01},
]
EPOCHS = 8
ROW = 7
# Rows are left out, or stand there twice.
TWICE = np.ones(50)
TWICE[ROW] = 2
DOUBLED = np.r_[np.arange(50), ROW]
ABSENT = np.ones(50)
ABSENT[[0, 3, 17, 49]] = 0
LEFT = np.flatnonzero(ABSENT)


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "reference", "epochs": EPOCHS, **changes})


def trained(rows, labels, chosen, weights=None):
    """Train, or skip where the backend cannot."""
    try:
        return train(NETWORK, rows, labels, chosen, sample_weight=weights)
    except UnavailableBackendError as error:
        pytest.skip(str(error))


def check_same(got, wanted, steps, dtype="float64"):
    """Weights and losses lie as near as those of two backends."""
    allowed = after_steps(steps, dtype).relative
    size = np.abs(wanted.parameters).max()
    assert np.abs(got.parameters - wanted.parameters).max() <= allowed * size
    losses, others = np.array(got.history.losses), np.array(wanted.history.losses)
    assert np.abs(losses - others).max() <= allowed * max(others.max(), 1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.filterwarnings("ignore:batch_size is 60")
def test_weight_2_is_the_row_twice_with_one_batch_of_all_rows(backend, rule, dtype):
    options = {"backend": backend, "batch_size": 60, "dtype": dtype, **rule}
    got = trained(X, LABELS, settings(**options), TWICE)
    wanted = trained(X[DOUBLED], LABELS[DOUBLED], settings(**options))
    check_same(got, wanted, EPOCHS, dtype)


@pytest.mark.parametrize("factor", [1e-200, 3.0, 1e300])
@pytest.mark.filterwarnings("ignore:batch_size is 60")
def test_only_the_proportions_of_weights_count(factor):
    got = trained(X, LABELS, settings(batch_size=60), TWICE * factor)
    check_same(got, trained(X, LABELS, settings(batch_size=60), TWICE), EPOCHS)


@pytest.mark.parametrize("batch_size", [1, 4, 60])
@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.filterwarnings("ignore:batch_size is 60")
def test_weight_0_is_the_row_absent_with_any_batch(backend, rule, batch_size):
    options = {"backend": backend, "batch_size": batch_size, "shuffle": True, **rule}
    got = trained(X, LABELS, settings(**options), ABSENT)
    wanted = trained(X[LEFT], LABELS[LEFT], settings(**options))
    np.testing.assert_array_equal(got.parameters, wanted.parameters)
    assert got.history.losses == wanted.history.losses
    assert got.history.data_fingerprint == wanted.history.data_fingerprint
    assert (got.history.rows, got.history.epochs[0].samples) == (46, 46)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_weight_0_beside_other_weights_and_validation_rows_is_the_row_absent(batch_size):
    chosen = settings(batch_size=batch_size, validation_fraction=0.3, class_weight="balanced")
    weights = np.arange(50) % 4 * 1.5
    left = np.flatnonzero(weights)
    got = trained(X, LABELS, chosen, weights)
    wanted = trained(X[left], LABELS[left], chosen, weights[left])
    np.testing.assert_array_equal(got.parameters, wanted.parameters)
    assert got.history.validation_losses == wanted.history.validation_losses


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_backends_agree_on_weighted_rows(backend, plan, batch_size):
    if plan not in registry.load(backend).capabilities.plans:
        pytest.skip(f"{backend} has no plan {plan}")
    weights = np.random.default_rng(4).random(50) + 0.2
    options = {"batch_size": batch_size, "momentum": 0.5, "epochs": 4}
    got = trained(X, LABELS, settings(backend=backend, plan=plan, **options), weights)
    check_same(got, trained(X, LABELS, settings(**options), weights), 200)


def test_the_loss_of_an_epoch_is_the_weighted_mean():
    # From weights of 0, one step an epoch, the losses of both epochs are worked out.
    network, weights = Network((4,), (Dense(1),)), np.arange(50) + 1.0
    chosen = settings(init="zeros", batch_size=50, epochs=2, learning_rate=0.5)
    history = train(network, X, LABELS, chosen, sample_weight=weights).history
    share = weights / weights.sum()
    step = 0.5 * (share * (LABELS - 0.5)) @ np.c_[X, np.ones(50)]
    z = X @ step[:4] + step[4]
    losses = np.logaddexp(0, z) - LABELS * z
    assert history.losses == pytest.approx([np.log(2), share @ losses], rel=1e-12)


def test_all_weights_equal_are_no_weights():
    weighted = trained(X, LABELS, settings(backend="numba_cpu"), np.full(50, 3))
    plain = trained(X, LABELS, settings(backend="numba_cpu"))
    np.testing.assert_array_equal(weighted.parameters, plain.parameters)
    assert weighted.history.data_fingerprint == plain.history.data_fingerprint
    other = trained(X, LABELS, settings(), TWICE).history.data_fingerprint
    assert other != plain.history.data_fingerprint


@pytest.mark.parametrize("given", [{0: 1.0, 1: 3.0}, {1: 3}, "0:1,1:3", " 1 : 3e0 "])
def test_the_weight_of_a_class_is_that_of_its_rows(given):
    got = trained(X, LABELS, settings(class_weight=given, batch_size=8))
    wanted = trained(X, LABELS, settings(batch_size=8), np.where(LABELS, 3.0, 1.0))
    np.testing.assert_array_equal(got.parameters, wanted.parameters)


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("cat", "dog"), {"dog": 3}),
        (("cat", "dog"), "dog:3, cat:1"),
        (("2", "1"), {1: 3}),
        (("2", "1"), "1:3"),
        (("salt, fine", 'a "b": c'), {'a "b": c': 3}),
        (("salt, fine", 'a "b": c'), '"salt, fine":1, "a ""b"": c" : 3'),
        (("balanced", "a:2"), "a:2:3"),
        (("-1", "True"), {True: 3, -1.0: 1}),
    ],
)
def test_classes_are_weighted_by_name(names, given):
    chosen = settings(class_weight=given, epochs=1)
    got = train(NETWORK, X, LABELS, chosen, class_names=names)
    wanted = trained(X, LABELS, settings(epochs=1), np.where(LABELS, 3.0, 1.0))
    np.testing.assert_array_equal(got.parameters, wanted.parameters)
    # What settings keep is read as the same weights.
    assert settings(class_weight=chosen.class_weight, epochs=1) == chosen


@pytest.mark.parametrize(
    ("targets", "heavy"),
    [(np.array(["b", "a"])[LABELS], "b"), (LABELS == 0, True), (1 - LABELS, 1)],
)
def test_weights_go_by_the_names_of_text_bool_and_indices(targets, heavy):
    got = train(NETWORK, X, targets, settings(class_weight={heavy: 3}, epochs=1))
    own = np.where(LABELS, 1.0, 3.0)
    wanted = train(NETWORK, X, 1 - LABELS, settings(epochs=1), sample_weight=own)
    np.testing.assert_array_equal(got.parameters, wanted.parameters)


def test_huge_weights_do_not_overflow():
    huge = trained(X, LABELS, settings(class_weight={1: 3e300, 0: 1e300}), np.full(50, 1e300))
    check_same(huge, trained(X, LABELS, settings(class_weight={1: 3})), 50 * EPOCHS)


def test_class_and_sample_weights_multiply():
    own = np.arange(50) % 3 + 0.5
    got = trained(X, LABELS, settings(class_weight={1: 3}, batch_size=8), own)
    wanted = trained(X, LABELS, settings(batch_size=8), own * np.where(LABELS, 3.0, 1.0))
    check_same(got, wanted, 7 * EPOCHS)


@hypothesis_settings(deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    seed=st.integers(0, 2**32),
)
def test_balanced_classes_count_the_same_and_weights_have_the_mean_1(labels, seed):
    labels = np.array(labels)
    own = np.random.default_rng(seed).random(len(labels)) + 0.01
    chosen = select(len(labels), labels, "0123", settings(class_weight="balanced"), own)
    weights = np.ones(len(labels)) if chosen.weights is None else chosen.weights
    assert weights.mean() == pytest.approx(1)
    sums = np.bincount(labels, weights=weights)
    np.testing.assert_allclose(sums[sums > 0], len(labels) / np.count_nonzero(sums))


def test_balanced_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_sample_weight

    labels = np.array([0] * 7 + [1] * 2 + [2] * 5)
    chosen = select(len(labels), labels, "012", settings(class_weight="balanced"))
    np.testing.assert_allclose(chosen.weights, compute_sample_weight("balanced", labels))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-TWICE, "sample_weight: must be .* got -1.0 in row 0"),
        (np.where(np.arange(50) == 9, np.nan, 1), "sample_weight: .* got nan in row 9"),
        (np.where(np.arange(50) == 9, np.inf, 1), "sample_weight: .* got inf in row 9"),
        (np.ones(49), r"shape \(49,\); expected \(50,\)"),
        (np.ones((50, 2)), r"shape \(50, 2\); expected \(50,\)"),
        (np.zeros(50), "all weights are 0"),
        (["a"] * 50, "expected numbers"),
        ([[1], [1, 2]], "rows of equal length"),
        (np.ma.masked_less(np.arange(50), 1), "sample_weight: got a masked array"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        train(NETWORK, X, LABELS, settings(), sample_weight=weights)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({0: -1}, "class_weight of class 0: must be .* got -1.0"),
        ({0: float("nan")}, "class_weight of class 0: must be .* got nan"),
        ({0.5: 1}, "class_weight names the class '0.5'"),
        ({None: 1}, "class_weight names the class 'None'"),
        ({" ": 1}, "class_weight names the class ' '"),
        ({1: 1, "1": 2}, "names class 1 twice"),
        ('"a:1', "must be balanced or weights by class"),
        ('"a"b:1', "must be balanced or weights by class"),
        (":1", "must be balanced or weights by class"),
        ({}, "class_weight is empty"),
        ("balance", "must be balanced or weights by class"),
        ("0:1,0:2", "names class 0 twice"),
        ("0:1,", "must be balanced or weights by class"),
        ("0:nan", "must be balanced or weights by class"),
        ("0:-1", "class_weight of class 0: must be .* got -1.0"),
        ("0:1e999", "class_weight of class 0: must be .* got inf"),
        (3, "class_weight: must be .* got 3"),
    ],
)
def test_weights_of_classes_are_checked_when_built(given, message):
    with pytest.raises(ParameterError, match=message):
        settings(class_weight=given)


def test_weights_of_classes_that_there_are_not_or_that_leave_no_row_are_refused():
    with pytest.raises(ParameterError, match="names the class '2', but the classes are 0, 1"):
        train(NETWORK, X, LABELS, settings(class_weight={2: 1}))
    names = ("cat", "dog")
    with pytest.raises(ParameterError, match="classes are cat, dog; did you mean 'dog'?"):
        train(NETWORK, X, LABELS, settings(class_weight={"dgo": 1}), class_names=names)
    with pytest.raises(DataError, match="all weights are 0"):
        train(NETWORK, X, LABELS, settings(class_weight={0: 0, 1: 0}))


def test_networks_at_once_share_their_weights():
    networks = [NETWORK, Network((4,), (Dense(1),))]
    own = settings(class_weight="balanced", batch_size=6)
    results = train_many(networks, X, LABELS, [own] * 2, sample_weight=TWICE)
    for network, result in zip(networks, results, strict=True):
        alone = train(network, X, LABELS, own, sample_weight=TWICE)
        np.testing.assert_array_equal(result.parameters, alone.parameters)


def test_the_loss_of_a_part_is_weighted_by_its_own_rows():
    """The weights have the mean 1 over all rows, and another one over those of a part."""
    weights = np.linspace(0.1, 4, 50)
    chosen = settings(learning_rate=1e-12, epochs=1)
    limited = settings(learning_rate=1e-12, epochs=1, max_steps=20)
    (part,) = train(NETWORK, X, LABELS, limited, sample_weight=weights).history.epochs
    (alone,) = train(
        *(NETWORK, X[:20], LABELS[:20], chosen), sample_weight=weights[:20]
    ).history.epochs
    assert part.samples == 20
    assert part.loss == pytest.approx(alone.loss, rel=1e-9)


def test_the_loss_of_an_epoch_weighs_rows_in_the_order_they_came_in():
    """At a rate that moves nothing, the mean is that of the rows in any order."""
    weights = np.linspace(0.1, 5, len(X))
    still = {"epochs": 1, "learning_rate": 1e-12}
    in_order, shuffled = (
        train(NETWORK, X, LABELS, settings(shuffle=shuffle, **still), sample_weight=weights)
        for shuffle in (False, True)
    )
    assert shuffled.history.losses == pytest.approx(in_order.history.losses, rel=1e-9)
