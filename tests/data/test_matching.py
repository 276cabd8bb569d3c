"""Columns found by name: any order, and errors that name what differs."""

import time

import numpy as np
import pytest

from samplewise.data.columns import BOOLEAN, CATEGORY, Column
from samplewise.data.loading import load
from samplewise.data.named_rows import matched
from samplewise.data.sources.csv_file import load_csv, read_table
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError

AGE_INCOME = (Column("age"), Column("income"))


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / "table.csv"
        path.write_text(content, encoding="utf-8")
        return path

    return write_file


@pytest.mark.parametrize("quote", ["", '"'])
def test_columns_are_found_in_any_order(write, quote):
    path = write(f"income,label,age\n30,{quote}x{quote},1\n40,y,2\n")
    for dataset in (load_csv(path, columns=AGE_INCOME), load(str(path), columns=AGE_INCOME)):
        np.testing.assert_array_equal(dataset.X, [[1, 30], [2, 40]])
        assert dataset.columns == AGE_INCOME


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("age,label", "trained on: missing 'income'$"),
        ("age,income,zip,label", "trained on: additional 'zip': leave it out, --drop zip$"),
        ("a b,age,income", "additional 'a b': leave it out, --drop 'a b'$"),
        ("a,b,age,income", "additional 'a', 'b': leave them out, --drop a,b$"),
        ("Age,income,label", r"missing 'age' \(is it 'Age'\? rename that\); additional 'Age'$"),
        ("age,incomes", r"missing 'income' \(is it 'incomes'\? rename that\); additional 'inco"),
        ("label,x", "missing 'age', 'income'; additional 'x'$"),
        ("label", "missing 'age', 'income'$"),
    ],
)
def test_columns_that_differ_are_named(write, header, message):
    cells = ",".join("1" * len(header.split(",")))
    with pytest.raises(DataError, match=message):
        read_table(write(f"{header}\n{cells}\n"), columns=AGE_INCOME)


@pytest.mark.parametrize("quote", ["", '"'])
def test_three_columns_are_found_where_they_stand(write, quote):
    columns = (Column("a"), Column("b"), Column("c"))
    table = read_table(write(f"{quote}c{quote},label,a,b\n3,x,1,2\n"), columns=columns)
    np.testing.assert_array_equal(table.X, [[1, 2, 3]])


def test_names_are_matched_in_any_unicode_form():
    columns = (Column("gro\u0308\u00dfe"), Column("n"))
    assert matched(["n", "gr\u00f6\u00dfe"], columns, (), "table") == [1, 0]
    columns = (Column("gr\u00f6\u00dfe"),)
    assert matched(["gro\u0308\u00dfe"], columns, (), "table") == [0]


def test_label_and_dropped_columns_are_not_additional(write):
    options = SourceOptions(label="species", drop=("id", "not there"))
    path = write("id,species,income,age\nx,a,30,1\n")
    np.testing.assert_array_equal(load_csv(path, options, AGE_INCOME).X, [[1, 30]])
    unlabelled = read_table(write("income,age\n30,1\n"), options, AGE_INCOME)
    assert unlabelled.labels is None


def test_a_feature_of_a_usual_name_is_not_the_label(write):
    columns = (Column("class"), Column("age"))
    table = read_table(write("class,age,label\n1,2,x\n"), columns=columns)
    assert table.labels == ["x"]
    np.testing.assert_array_equal(table.X, [[1, 2]])


KINDS = (Column("flag", BOOLEAN), Column("city", CATEGORY, ("Bern", "Zug")), Column("n"))


def test_kinds_and_categories_are_the_models(write):
    path = write("n,city,flag\n1,Zug,True\n2,Zug,0\n")
    table = read_table(path, columns=KINDS)
    np.testing.assert_array_equal(table.X, [[1, 0, 1, 1], [0, 0, 1, 2]])
    assert table.columns == KINDS


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,Genf,true", "line 3, column 'city': 'Genf' is not a category .*knows 'Bern', 'Zug'$"),
        ("1,7,true", "'7' is not a category that the model knows"),
        ("1,NA,true", "line 3, column 'city': missing value"),
        ("1,Zug,yes", "line 3, column 'flag': 'yes' is not true or false"),
        ("one,Zug,true", "line 3, column 'n': 'one' is not a plain decimal number"),
    ],
)
def test_cells_that_the_model_does_not_know(write, row, message):
    with pytest.raises(DataError, match=message):
        read_table(write(f"n,city,flag\n1,Zug,true\n{row}\n"), columns=KINDS)


def test_many_known_categories_are_shown_in_part(write):
    columns = (Column("t", CATEGORY, tuple(f"c{i:02}" for i in range(30))),)
    with pytest.raises(DataError, match="'c09' and 20 more$"):
        read_table(write("t\nx\n"), columns=columns)


def test_wide_tables_that_share_no_name_are_told_apart_quickly():
    names = [f"{i:05}" + "x" * 200 for i in range(20_000)]
    columns = tuple(Column(f"{i:05}" + "y" * 200) for i in range(20_000))
    start = time.thread_time()
    with pytest.raises(DataError, match="and 19,995 more") as caught:
        matched(names, columns, set(), "x")
    assert time.thread_time() - start < 10
    assert len(str(caught.value)) < 5_000
