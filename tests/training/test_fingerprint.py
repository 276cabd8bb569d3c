"""The hash of training rows: of the rows as trained on, taken only where somebody asks for it."""

import copy
import hashlib
import json
import pickle
import threading
import weakref

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X

from samplewise import train
from samplewise.training.rows import fingerprint
from samplewise.training.rows.fingerprint import Fingerprint
from samplewise.training.settings.training_settings import TrainingSettings

SETTINGS = TrainingSettings(backend="vectorized", epochs=2)


@pytest.fixture
def hashed(monkeypatch):
    """The bytes that were hashed, in turn."""
    found, real = [], fingerprint._sha256

    def counted(arrays):
        found.append(sum(array.nbytes for array in arrays))
        return real(arrays)

    monkeypatch.setattr(fingerprint, "_sha256", counted)
    monkeypatch.setattr(fingerprint, "_waiting", [])
    return found


def of_rows(rows):
    """The fingerprint of rows with the labels."""
    Y = np.ascontiguousarray(LABELS[:, None], np.float64)
    return hashlib.sha256(np.ascontiguousarray(rows).tobytes() + Y.tobytes()).hexdigest()


def test_no_training_hashes_its_rows_unasked(hashed):
    train(NETWORK, X, LABELS, SETTINGS)
    assert hashed == []


def test_a_history_hashes_once_however_often_it_is_read(hashed):
    history = train(NETWORK, X, LABELS, SETTINGS).history
    found = {history.data_fingerprint, json.loads(history.to_json())["data_fingerprint"]}
    assert found == {of_rows(X)}
    assert len(hashed) == 1


def test_snapshots_of_a_training_hash_once(hashed):
    stop = threading.Event()
    stop.set()
    result = train(NETWORK, X, LABELS, SETTINGS, stop=stop)
    assert result.snapshot.identity["data"] == result.history.data_fingerprint == of_rows(X)
    assert len(hashed) == 1


def test_rows_that_the_caller_changes_later_do_not_matter():
    rows = X.copy()

    def changes(record):
        rows.fill(record.epoch)

    history = train(NETWORK, rows, LABELS, SETTINGS, callbacks=changes).history
    rows.fill(-1)
    assert history.data_fingerprint == of_rows(X)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_of_a_history_has_the_text(copied):
    history = copied(train(NETWORK, X, LABELS, SETTINGS).history)
    assert vars(history)["fingerprint"] == of_rows(X)


def test_the_rows_are_free_once_they_are_hashed():
    array = np.arange(3.0)
    alive, found = weakref.ref(array), Fingerprint(array)
    del array
    assert len(str(found)) == 64
    assert alive() is None


def test_rows_that_wait_to_be_hashed_take_limited_memory(hashed, monkeypatch):
    monkeypatch.setattr(fingerprint, "MOST_BYTES", 100)
    kept = [Fingerprint(np.zeros(size, np.uint8)) for size in (40, 50)]
    assert hashed == []
    kept.append(Fingerprint(np.zeros(30, np.uint8)))
    assert hashed == [40]
    # One that is too large to wait does so for none.
    kept.append(Fingerprint(np.zeros(101, np.uint8)))
    assert hashed == [40, 101]
    # Nobody can ask for one that is gone.
    del kept[1]
    kept.append(Fingerprint(np.zeros(70, np.uint8)))
    assert hashed == [40, 101]
