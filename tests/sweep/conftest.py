import numpy as np
import pytest

from samplewise.data.dataset import Dataset


@pytest.fixture(scope="session")
def clouds():
    """Two clouds of 20 points each."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    X = 2 * np.eye(2, 3)[labels] + rng.standard_normal((40, 3))
    return Dataset("clouds", X, labels.astype(np.int64), ("left", "right"), "made by the test")
