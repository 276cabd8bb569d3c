"""Values from a caller become an array of numbers or text, or an error that says where not."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from frames import Column, Frame
from scipy import sparse

from samplewise.data.arrays import as_array, as_numbers
from samplewise.errors import DataError

NAN = float("nan")


class Ambiguous:
    """Says of no comparison whether it holds, as pandas' NA does."""

    def __ne__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")

    def __repr__(self):
        return "<NA>"

    __hash__ = None


NA = Ambiguous()


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        (objects(True, False), np.array([True, False])),
        (objects(1, np.int8(2), True), np.array([1, 2, 1])),
        (objects(1, 2.5, Decimal("0.5"), Fraction(1, 4)), np.array([1, 2.5, 0.5, 0.25])),
        (objects("a", "bc"), np.array(["a", "bc"])),
        (Column(objects(True, False), "boolean"), np.array([True, False])),
        (np.array(["a", "bc"], dtype=np.dtypes.StringDType()), np.array(["a", "bc"])),
        (np.ma.array([1.0, 2.0]), np.array([1.0, 2.0])),
    ],
)
def test_values_become_numbers_or_text(given, wanted):
    found = as_array("X", given)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


def test_columns_of_a_frame_become_numbers_side_by_side():
    frame = Frame(
        flag=[True, False],
        maybe=Column(objects(False, True), "boolean"),
        count=Column(objects(3, 4), "Int64"),
        size=np.array([0.5, 1.5], np.float32),
    )
    np.testing.assert_array_equal(as_numbers("X", frame), [[1, 0, 3, 0.5], [0, 1, 4, 1.5]])


def test_a_frame_of_one_column_of_text_keeps_it():
    found = as_array("targets", Frame(label=Column(objects("cat", "dog"), "category")))
    assert found.tolist() == [["cat"], ["dog"]]


@pytest.mark.parametrize("missing", [None, NAN, NA, np.datetime64("NaT", "s")])
def test_a_missing_value_names_its_place(missing):
    with pytest.raises(DataError, match=r"X: a missing value .* in row 1, column 0 \(counted"):
        as_array("X", np.array([[1, 2], [missing, 4]], dtype=object))
    frame = Frame(a=[1, 2], age=Column(objects(3, missing), "Int64"))
    with pytest.raises(DataError, match=r"column 'age' \(dtype Int64\): a missing .* in row 1"):
        as_array("X", frame)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "X: expected an array, got None"),
        ({"a": 1}, "X: expected an array, a list or a data frame, got a dict"),
        ([[1, 2], [3]], "X: cannot be made an array .* rows of equal length"),
        (objects([1], [1, 2]), r"X: a list, \[1\], in row 0 .*; expected numbers or text"),
        (objects(1, "a"), "X: numbers and text are mixed, with a str, a, in row 1"),
        (objects(1, 2**70), "X: a whole number beyond 64 bits"),
        (sparse.csr_matrix(np.eye(3)), r"X: .* got a sparse csr_matrix; pass X.toarray\(\)"),
        (sparse.csc_array(np.eye(3)), r"got a sparse csc_array"),
        (np.ma.masked_equal([1, 2], 2), "X: got a masked array with masked values"),
        ([np.ma.masked_equal([1, 2], 2)], "X: got a masked array with masked values"),
        (Frame(), "X: the data frame has no columns"),
        (
            Frame(a=[1], colour=["red"]),
            r"X: column 'colour' \(dtype <U3\): .* got text, such as",
        ),
        (Frame(a=[1], when=np.array(["2020-01-01"], "M8[D]")), "column 'when' .*datetime64"),
        (Frame(a=[1.0, NAN]), r"column 'a' \(dtype float64\): a missing value in row 1"),
        (Frame(a=[np.inf, 1.0]), r"column 'a' \(dtype float64\): inf in row 0"),
    ],
)
def test_anything_else_is_refused_with_its_place(given, message):
    with pytest.raises(DataError, match=message):
        as_array("X", given)


@pytest.mark.parametrize("given", [["1", "2"], np.array([1j]), np.array(["2020"], "M8[Y]")])
def test_numbers_are_no_text_dates_or_complex_numbers(given):
    with pytest.raises(DataError, match="X: expected numbers, got"):
        as_numbers("X", given)


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas")


def test_a_frame_of_pandas_with_every_kind_of_column(pandas):
    frame = pandas.DataFrame({"a": [1, 2], "flag": [True, False], "o": objects(1.5, True)})
    frame["n"] = pandas.array([3, 4], dtype="Int64")
    frame["b"] = pandas.array([True, False], dtype="boolean")
    frame["c"] = pandas.Categorical([7, 8])
    wanted = [[1, 1, 1.5, 3, 1, 7], [2, 0, 1, 4, 0, 8]]
    np.testing.assert_array_equal(as_numbers("X", frame), wanted)
    frame["n"] = pandas.array([3, None], dtype="Int64")
    with pytest.raises(DataError, match=r"column 'n' \(dtype Int64\): a missing value .*row 1"):
        as_numbers("X", frame)
    assert as_array("y", pandas.Series(["x", "y"], dtype="category")).tolist() == ["x", "y"]


def test_a_frame_of_polars_with_every_kind_of_column():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, 2], "flag": [True, False], "n": [3, None]})
    with pytest.raises(DataError, match=r"column 'n' \(dtype Int64\): a missing value .*row 1"):
        as_numbers("X", frame)
    np.testing.assert_array_equal(as_numbers("X", frame[["a", "flag"]]), [[1, 1], [2, 0]])
    assert as_array("y", polars.Series(["x", "y"])).tolist() == ["x", "y"]
    with pytest.raises(DataError, match=r"X: .* got a LazyFrame; collect\(\) it first"):
        as_array("X", frame.lazy())


@pytest.mark.parametrize("values", [["a", NAN], ["a", 1], ("a", 1.5), ["a", True], [["a", 1]]])
def test_numbers_and_missing_values_in_a_list_of_text_do_not_become_text(values):
    with pytest.raises(DataError, match=r"y: (numbers and text are mixed|a missing value)"):
        as_array("y", values)


def test_bytes_are_text_in_any_form():
    for given in ([b"a", b"bc"], objects(b"a", b"bc"), np.array([b"a", b"bc"])):
        found = as_array("y", given)
        assert (found.dtype, found.tolist()) == (np.dtype("S2"), [b"a", b"bc"])
    with pytest.raises(DataError, match="mixed"):
        as_array("y", objects(b"a", "a"))


class Foreign:
    """Converts itself as a tensor on a GPU does."""

    def __array__(self, dtype=None, copy=None):
        raise TypeError("copy it to the host first")


class Lazy:
    """Has columns, but no rows yet."""

    columns, dtypes = ("a",), ("Int64",)

    def __getitem__(self, name):
        raise TypeError("not subscriptable")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Foreign(), "X: a Foreign cannot be made an array .TypeError: copy it to the host first"),
        (Lazy(), "X: expected an array, a list or a data frame, got a Lazy"),
        (Frame, "X: a type cannot be made an array"),
        ([Decimal("sNaN"), 1], "X: a missing value .sNaN. in row 0"),
    ],
)
def test_other_kinds_of_objects_are_named(given, message):
    with pytest.raises(DataError, match=message):
        as_array("X", given)
