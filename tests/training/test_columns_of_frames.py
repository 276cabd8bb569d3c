"""A training on a data frame gives a model that finds the columns of other frames by name."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from samplewise import (
    TrainingSettings,
    load_inputs,
    load_model,
    multilayer_perceptron,
    save_model,
    train,
    train_many,
)
from samplewise.errors import DataError, ParameterError
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


def test_a_model_to_go_on_from_finds_its_columns():
    """Its weights belong to them."""
    first = train(NETWORK, frame(pd, "a", "b"), Y, SETTINGS).model()
    rows = frame(pd, "b", "a")
    wanted = train(NETWORK, X, Y, SETTINGS, initial=first)
    many = train_many([NETWORK] * 2, rows, Y, [SETTINGS] * 2, initial=[first, None])
    for result in (wanted, train(NETWORK, rows, Y, SETTINGS, initial=first), many[0]):
        # Several networks have another plan, and so other last bits.
        np.testing.assert_allclose(result.parameters, wanted.parameters, rtol=1e-12, atol=1e-12)
        assert result.model().columns == first.columns
    least = [
        minimize(NETWORK, given, Y, TrainingSettings(), initial=first, max_iterations=2)
        for given in (X, rows)
    ]
    np.testing.assert_array_equal(least[0].parameters, least[1].parameters)
    with pytest.raises(DataError, match="X: the columns .* missing 'b'.* frame.to_numpy"):
        train(NETWORK, pd.DataFrame(X, columns=["a", "c"]), Y, SETTINGS, initial=first)


def test_models_that_go_on_together_have_one_order_of_columns():
    both = [train(NETWORK, frame(pd, *names), Y, SETTINGS).model() for names in ("ab", "ba")]
    with pytest.raises(ParameterError, match="initial: the models must have the same columns"):
        train_many([NETWORK] * 2, frame(pd, "a", "b"), Y, [SETTINGS] * 2, initial=both)


def test_blanks_around_a_name_do_not_matter(tmp_path):
    """As pandas reads them from a header with blanks after its commas; a CSV has none for us."""
    model = train(NETWORK, pd.DataFrame(X, columns=["a", " b"]), Y, SETTINGS).model()
    wanted = model.predict(X)
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(["b, a", *(f"{b!r}, {a!r}" for a, b in X.tolist())]))
    for rows in (
        pd.DataFrame(X, columns=["a", " b"]),
        pd.DataFrame(X[:, ::-1], columns=["b", "a"]),
        load_inputs(file, columns=model.columns).rows.X,
    ):
        np.testing.assert_array_equal(model.predict(rows), wanted)
    with pytest.raises(DataError, match="two columns are named 'b'"):
        model.predict(pd.DataFrame(X[:, [0, 1, 1]], columns=["a", "b", " b"]))
    with pytest.raises(DataError, match="two columns are named 'b'"):
        model.predictor()({"a": 1, "b": 2, " b": 3})


NAMES = [[0, 1], ["a", "a"], ["a", " "], [("a", "x"), ("a", "y")], ["b", " b"], ["\xe9", "e\u0301"]]


@pytest.mark.parametrize("names", NAMES)
def test_frames_without_names_of_their_own_go_by_position(names):
    rows = pd.DataFrame(X, columns=names)
    model = train(NETWORK, rows, Y, SETTINGS).model()
    assert model.columns is None
    np.testing.assert_array_equal(model.predict(rows), model.predict(X))
