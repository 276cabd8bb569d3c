"""Data frames and mappings: columns by name in Model and Predictor, and what is wrong, by name."""

import copy
from collections import UserDict

import numpy as np
import pytest

from samplewise.data.arrays import is_frame
from samplewise.data.columns import BOOLEAN, CATEGORY, Column
from samplewise.data.named_rows import is_named_row, rows_of_frame
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError
from samplewise.model.model import Model
from samplewise.network import initialize, loss_named, multilayer_perceptron
from samplewise.streams import Streams

COLUMNS = (Column("age"), Column("flag", BOOLEAN), Column("city", CATEGORY, ("Bern", "Zug")))
X = np.array([[20.0, 1, 0, 1], [30.5, 0, 1, 0]])


class Frame(UserDict):
    """The interface that polars' and pandas' frames share."""

    @property
    def columns(self):
        """The names of the columns."""
        return list(self.data)


def frame(**changes):
    fields = {"city": np.array(["Zug", "Bern"]), "age": [20, 30.5], "flag": [True, False]}
    fields.update(changes)
    return Frame({name: values for name, values in fields.items() if values is not None})


def model(backend="vectorized", columns=COLUMNS):
    network = multilayer_perceptron(4, (3,), 3)
    return Model(
        network=network,
        loss=loss_named("categorical_cross_entropy"),
        parameters=initialize(network, "glorot_normal", Streams(0).of_run("init"), "float64"),
        class_names=("a", "b", "c"),
        preprocessing=Preprocessing("none"),
        image_shape=None,
        trained_on="drawn",
        backend=backend,
        columns=columns,
    )


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_a_model_finds_the_columns_of_a_frame_by_name(backend):
    want = model(backend).probabilities(X)
    np.testing.assert_array_equal(model(backend).probabilities(frame()), want)
    np.testing.assert_array_equal(model(backend).predict(frame()), want.argmax(axis=1))


def test_frames_of_pandas_and_polars():
    fields = dict(frame(age=[20.0, 30.5]))
    for name in ("pandas", "polars"):
        library = pytest.importorskip(name)
        np.testing.assert_array_equal(rows_of_frame(library.DataFrame(fields), COLUMNS, "X"), X)


def test_a_predictor_takes_a_mapping():
    predictor = model().predictor()
    row = {"flag": "True", "city": "Zug", "age": 20}
    np.testing.assert_allclose(predictor(row), model().probabilities(X)[0])
    assert copy.copy(predictor).predict(UserDict(row)) == model().predict(X)[0]
    with pytest.raises(DataError, match="x: the columns are not .* missing 'age', 'flag'$"):
        predictor({"city": "Zug"})


def test_a_model_without_columns_takes_positions():
    frames = Frame({"a": [1.0, 2.0]})
    with pytest.raises(DataError):
        model(columns=None).predict(frames)
    np.testing.assert_array_equal(model(columns=None).predict(X), model().predict(X))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"age": None}, "X: the columns are not .*missing 'age'$"),
        ({"age": None, "Age": [1, 2]}, r"missing 'age' \(is it 'Age'\? rename that\)"),
        (
            {"label": [1, 2]},
            r"additional 'label': leave it out, as with frame.drop\(columns=\['label'\]\)$",
        ),
        (
            {k: [1, 2] for k in "efghij"},
            r"'i' and 1 more: .*columns=\['e', 'f', 'g', 'h', 'i', ...\]",
        ),
        ({"age": [1, np.nan]}, r"column 'age': missing value \('nan'\) in row 1 .*; fill it"),
        ({"age": [1, np.inf]}, "column 'age': inf in row 1 .*expected a finite number"),
        ({"age": np.array([1, None], object)}, r"'age': missing value \('None'\) in row 1"),
        ({"age": np.array([np.nan, 1], object)}, r"'age': missing value \('nan'\) in row 0"),
        ({"age": ["x", "y"]}, "column 'age': 'x' in row 0 .*expected a finite number"),
        ({"flag": [0, 2]}, "column 'flag': 2 in row 1 .*expected true or false"),
        ({"flag": ["true", "yes"]}, "column 'flag': 'yes' in row 1 .*expected true or false"),
        ({"city": ["Zug", "Genf"]}, "'Genf' in row 1 .* the model knows: Bern, Zug$|'Bern', 'Zug'"),
        ({"city": np.array(["Zug", None], object)}, "'city': missing value"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(DataError, match=message):
        model().predict(frame(**changes))


def test_two_columns_of_one_name_are_refused():
    class Twice(Frame):
        columns = ("age", "age")

    with pytest.raises(DataError, match="two columns are named 'age'"):
        rows_of_frame(Twice(), COLUMNS, "X")


def test_a_frame_of_one_row_is_not_taken_for_a_row_of_names():
    assert not is_named_row(Frame({"a": [1.0]}))
    assert is_named_row({"a": 1.0})


def test_what_has_columns_but_no_rows_is_not_a_frame():
    class Lazy:
        columns = ("a",)

        def __getitem__(self, name):
            raise TypeError

    assert not is_frame(Lazy())
    assert not is_frame(Frame)
