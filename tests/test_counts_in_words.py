"""Messages about one of something are in the singular."""

from types import SimpleNamespace

import numpy as np
import pytest

import samplewise
from samplewise.cli import summary
from samplewise.data import contact_sheet, statistics
from samplewise.data.columns import CATEGORY, Column
from samplewise.data.dataset import Dataset
from samplewise.estimators.fitted import warn_of_end
from samplewise.network import Dense
from samplewise.testing.certificate import Certificate
from samplewise.text import counted, memory


def test_counts_have_their_noun():
    assert [counted(count, "row") for count in (0, 1, 2, 4000)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "4,000 rows",
    ]
    assert [counted(count, "class", "classes") for count in (1, 2)] == ["1 class", "2 classes"]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        *((0, "0 bytes"), (1, "1 byte"), (1023, "1,023 bytes"), (1024, "1.00 KiB")),
        *((50_000, "48.8 KiB"), (2**20, "1.00 MiB"), (300 * 2**20, "300 MiB")),
        (5000 * 2**20, "5,000 MiB"),
    ],
)
def test_sizes_have_the_unit_that_shows_them(size, said):
    assert memory(size) == said


def dataset(X=((0.5,),), labels=(0,), **options):
    return Dataset("some", np.array(X), np.array(labels), ("a", "b"), **options)


def train(X, y, **options):
    settings = samplewise.TrainingSettings(epochs=1, **options)
    return samplewise.train(samplewise.multilayer_perceptron(1, (), 1), X, y, settings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dataset(labels=(0, 1)), "as X has rows, 1 label, got shape"),
        (lambda: dataset(image_shape=(2, 2)), "1 pixel, got"),
        (lambda: train([[0.0], [np.nan]], [0, 1]), "1 value is NaN or inf"),
        (lambda: train([[np.inf], [np.nan]], [0, 1]), "2 values are NaN or inf"),
        (lambda: train([[0.0], [1.0]], ["a", "a"]), r"hold 1 class \(a\)"),
        (lambda: train([[0.0], [1.0]], [0, 1], augment="shift 1"), "images, got 1 value each"),
        (
            lambda: samplewise.NeuralNetRegressor(
                samplewise.Network((2,), (Dense(2),)), max_iter=1
            ).fit([[0.0], [1.0]], [0.0, 1.0]),
            "must have 1 input and 1 output for",
        ),
    ],
)
def test_errors_about_one(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_solver_that_stops_after_one_iteration():
    found = SimpleNamespace(converged=False, iterations=1, calls=1, message="LIMIT")
    outcome = SimpleNamespace(diverged=None, full_batch=found)
    with pytest.warns(UserWarning, match="after 1 iteration and 1 evaluation: LIMIT"):
        warn_of_end(None, outcome)


def test_words_of_the_commands():
    layer = SimpleNamespace(frozen=1, parameters=2)
    assert summary._frozen_words([layer]) == "\n1 parameter is trained, 1 is frozen."
    layer = SimpleNamespace(frozen=2, parameters=4)
    assert summary._frozen_words([layer]) == "\n2 parameters are trained, 2 are frozen."
    assert contact_sheet._title(dataset()) == "some: 1 image, 2 classes"
    assert statistics._kind_of(Column("city", CATEGORY, ("Ulm",))) == "city (1 category)"


def test_one_check_that_failed():
    certificate = SimpleNamespace(backend="mine", failures=["x"], suspects=[])
    assert Certificate.complaint(certificate) == "mine failed 1 check:\n  x"
