"""Rows and data that train in milliseconds."""

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.report.published import PublishedRow
from samplewise_bench.peers import comparison, race


@pytest.fixture(autouse=True)
def short_turns(monkeypatch):
    """Time a peer for a moment only: here it matters that there is a time, not which."""
    monkeypatch.setattr(race, "TURN_S", 0.002)


@pytest.fixture(autouse=True)
def no_new_processes(monkeypatch):
    """Leave out the clocks of new processes, which test_peers_first_clocks.py looks at."""
    monkeypatch.setattr(comparison, "with_first_clocks", lambda task, entry, log: entry)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    """Leave out the width that readline tells the processes of pytest-xdist."""
    monkeypatch.delenv("COLUMNS", raising=False)


def small_row(name, hidden):
    return PublishedRow(
        id=name,
        experiment="neurons",
        hidden=hidden,
        learning_rate=0.1,
        epochs=2,
        initial_loss=0.7,
        final_loss=0.1,
        train_ms=100.0,
        accuracy=0.9,
    )


@pytest.fixture
def small_rows():
    return [small_row("narrow", 1), small_row("wide", 4)]


@pytest.fixture
def small_data():
    rng = np.random.default_rng(7)
    labels = np.arange(50) % 2
    X = rng.integers(0, 200, (50, 16)) + 55 * labels[:, None]
    dataset = Dataset(
        "dots", X.astype(np.uint8), labels, ("4", "9"), "drawn by a test", (4, 4), 255.0
    )
    return prepare(Experiment.from_options(preprocess="scale"), dataset)
