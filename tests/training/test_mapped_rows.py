"""Rows of a file that is mapped into memory."""

import numpy as np
import pytest

from samplewise import Dense, Network, TrainingSettings, train
from samplewise.data import rows as data_rows
from samplewise.network.losses import loss_named
from samplewise.training.rows.training_rows import training_rows

NETWORK = Network((16,), (Dense(3, "tanh"), Dense(1)))
LOSS = loss_named("binary_cross_entropy")
Y = np.arange(30) % 2


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "X.npy", np.random.default_rng(0).standard_normal((30, 16)))
    return tmp_path / "X.npy"


def shares(X, dtype="float64"):
    rows = training_rows(X, Y[: len(X)], NETWORK, LOSS, dtype).X
    assert not rows.flags.writeable
    return np.shares_memory(rows, X)


def test_rows_of_a_file_that_is_mapped_for_reading_are_not_copied(path):
    X = np.load(path, mmap_mode="r")
    assert shares(X)
    assert shares(np.asarray(X)[:20])
    assert not shares(X, "float32")
    assert not shares(X[::2])


@pytest.mark.parametrize("mode", ["r+", "c", None])
def test_rows_that_the_caller_may_change_are_copied(path, mode):
    X = np.load(path, mmap_mode=mode)
    assert not shares(X)
    assert X.flags.writeable


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_training_has_the_bits_of_rows_in_memory(path, backend, monkeypatch):
    settings = TrainingSettings(epochs=2, shuffle=True, batch_size=4, backend=backend)
    in_memory = train(NETWORK, np.load(path), Y, settings)
    mapped = np.load(path, mmap_mode="r")
    monkeypatch.setattr(data_rows, "aligned_empty", None)
    found = train(NETWORK, mapped, Y, settings)
    np.testing.assert_array_equal(found.model().parameters, in_memory.model().parameters)
    assert found.history.data_fingerprint == in_memory.history.data_fingerprint


def test_a_value_that_is_not_finite_is_found(path):
    X = np.load(path)
    X[3, 2] = np.nan
    np.save(path, X)
    with pytest.raises(ValueError, match="X"):
        train(NETWORK, np.load(path, mmap_mode="r"), Y, TrainingSettings(epochs=1))
