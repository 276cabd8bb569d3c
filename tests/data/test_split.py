"""One cut into training and test rows, by the split stream."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplewise.data.dataset import Dataset
from samplewise.data.split import split
from samplewise.errors import ParameterError
from samplewise.streams import Streams


def dataset(counts=(60, 40)):
    labels = np.repeat(np.arange(len(counts)), counts)
    X = np.arange(len(labels), dtype=float)[:, None]
    return Dataset("d", X, labels, tuple("abcdefgh"[: len(counts)]), "here")


def stream(seed=0):
    return Streams(seed).of_run("split")


@given(
    fraction=st.floats(0.05, 0.9),
    seed=st.integers(0, 99),
    stratify=st.booleans(),
)
def test_every_row_lands_in_exactly_one_part(fraction, seed, stratify):
    training, test = split(dataset(), fraction, stream(seed), stratify=stratify)
    rows = np.concatenate([training.X, test.X])[:, 0]
    assert sorted(rows) == list(range(100))
    if not stratify:
        assert len(test) == round(100 * fraction)


def test_eighty_to_twenty_gives_800_and_200():
    training, test = split(dataset((500, 500)), 0.2, stream())
    assert (len(training), len(test)) == (800, 200)


def test_rows_are_shuffled_by_the_seed():
    first, _ = split(dataset(), 0.2, stream())
    again, _ = split(dataset(), 0.2, stream())
    other, _ = split(dataset(), 0.2, stream(1))
    assert first.X.tolist() == again.X.tolist()
    assert first.X.tolist() != other.X.tolist()
    assert first.X[:, 0].tolist() != sorted(first.X[:, 0])


def test_stratify_cuts_every_class_in_proportion():
    training, test = split(dataset(), 0.25, stream(), stratify=True)
    assert training.counts().tolist() == [45, 30]
    assert test.counts().tolist() == [15, 10]


def test_stratified_parts_are_shuffled_across_the_classes():
    training, _ = split(dataset(), 0.25, stream(), stratify=True)
    # Rows class by class would change class once; at batch size 1 the last class would win.
    assert np.count_nonzero(np.diff(training.labels)) > 10


def test_the_test_rows_are_the_last_of_the_shuffle():
    shuffled = stream().permutation(100)
    training, test = split(dataset(), 0.2, stream())
    assert training.X[:, 0].tolist() == shuffled[:80].tolist()
    assert test.X[:, 0].tolist() == shuffled[80:].tolist()


@pytest.mark.parametrize("fraction", [0, 1, -0.2, 1.5, float("nan"), "0.2"])
def test_a_fraction_outside_is_refused(fraction):
    with pytest.raises(ParameterError, match="split: must be"):
        split(dataset(), fraction, stream())


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_an_empty_part_is_refused(fraction):
    with pytest.raises(ParameterError, match="split: must leave a training and a test row"):
        split(dataset(), fraction, stream())


def test_a_class_without_a_training_row_is_named():
    with pytest.raises(
        ParameterError, match="leaves none of 'b'; use stratify, or a smaller split$"
    ):
        split(dataset((50, 1)), 0.9, stream(1))


def test_classes_that_look_like_measurements_are_said_to():
    labels = np.arange(90) // 3
    numbers = Dataset("d", np.eye(90, 2), labels, tuple(map(str, range(30))), "here")
    with pytest.raises(ParameterError, match="or a smaller split; .* --loss mean_squared_error"):
        split(numbers, 0.5, stream())
