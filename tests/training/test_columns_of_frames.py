"""A training on a data frame gives a model that finds the columns of other frames by name."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from samplewise import (
    TrainingSettings,
    load_model,
    multilayer_perceptron,
    save_model,
    train,
    train_many,
)
from samplewise.errors import DataError
from samplewise.training.full_batch import minimize

NETWORK = multilayer_perceptron(2, 3, 1)
SETTINGS = TrainingSettings(epochs=2, validation_fraction=0.25)
X = np.random.default_rng(0).normal(size=(40, 2)) * [1, 5]
Y = (X[:, 0] > 0).astype(int)
LIBRARIES = pytest.mark.parametrize("library", [pd, pl])


def frame(library, *names):
    """Return a frame of columns of X, in the order of their names."""
    return library.DataFrame({name: X[:, "ab".index(name)] for name in names})


@LIBRARIES
def test_columns_in_another_order_are_found_by_name(library, tmp_path):
    result = train(NETWORK, frame(library, "a", "b"), Y, SETTINGS)
    wanted = train(NETWORK, X, Y, SETTINGS).model().probabilities(X)
    model = result.model()
    save_model(model, tmp_path / "model.safetensors")
    for one in (model, load_model(tmp_path / "model.safetensors")):
        for names in ("ab", "ba"):
            np.testing.assert_array_equal(one.probabilities(frame(library, *names)), wanted)
        np.testing.assert_array_equal(one.probabilities(X), wanted)
    np.testing.assert_array_equal(model.predictor()({"b": X[0, 1], "a": X[0, 0]}), wanted[0])
    other = frame(library, "a", "b").rename({"a": "c"}, **({"axis": 1} if library is pd else {}))
    with pytest.raises(DataError, match="missing 'a'"):
        result.predict(other)


@LIBRARIES
def test_validation_rows_are_found_by_name(library):
    settings = TrainingSettings(epochs=2)
    found = [
        train(NETWORK, rows, Y, settings, validation=(held, Y)).history.validation_losses
        for rows, held in ((frame(library, "a", "b"), frame(library, "b", "a")), (X, X))
    ]
    assert found[0] == found[1]
    with pytest.raises(DataError, match="validation X: the columns are not those"):
        train(NETWORK, frame(library, "a", "b"), Y, settings, validation=(frame(library, "a"), Y))


def test_each_way_to_train_has_the_columns():
    rows, models = frame(pd, "a", "b"), []
    train(NETWORK, rows, Y, SETTINGS, callbacks=lambda _, model: models.append(model))
    models += [result.model() for result in train_many([NETWORK] * 2, rows, Y, [SETTINGS] * 2)]
    models.append(minimize(NETWORK, rows, Y, TrainingSettings(), max_iterations=2).model())
    assert [[column.name for column in model.columns] for model in models] == [["a", "b"]] * 5


@pytest.mark.parametrize("names", [[0, 1], ["a", "a"], ["a", " "], [("a", "x"), ("a", "y")]])
def test_frames_without_names_of_their_own_go_by_position(names):
    rows = pd.DataFrame(X, columns=names)
    model = train(NETWORK, rows, Y, SETTINGS).model()
    assert model.columns is None
    np.testing.assert_array_equal(model.predict(rows), model.predict(X))
