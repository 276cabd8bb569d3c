"""Rows and data that train in milliseconds."""

from dataclasses import dataclass

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import prepare


@dataclass(frozen=True)
class SmallRow:
    id: str
    hidden: int
    learning_rate: float = 0.1
    epochs: int = 2
    train_ms: float = 100.0


@pytest.fixture
def small_rows():
    return [SmallRow("narrow", 1), SmallRow("wide", 4)]


@pytest.fixture
def small_data():
    rng = np.random.default_rng(7)
    labels = np.arange(50) % 2
    X = rng.integers(0, 200, (50, 16)) + 55 * labels[:, None]
    dataset = Dataset(
        "dots", X.astype(np.uint8), labels, ("4", "9"), "drawn by a test", (4, 4), 255.0
    )
    return prepare(Experiment(preprocess="scale"), dataset)
