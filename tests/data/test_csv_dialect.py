"""Commas, semicolons and tabs, found in the header or said by a first line."""

import numpy as np
import pytest

from samplewise.data.sources.csv_dialect import body_of
from samplewise.data.sources.csv_file import load_csv
from samplewise.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / "table.csv"
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return write_file


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n", "SEP={}\n", '"sep={}"\n', "\n\nsep={}\n"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_table_is_separated_as_its_header_shows_or_its_first_line_says(
    write, separator, first, quote
):
    lines = ["x,label,y", f"1,{quote}a{quote},2.5", "3,b,4"]
    text = first.format(separator) + "\n".join(lines).replace(",", separator) + "\n"
    dataset = load_csv(write(text))
    assert dataset.class_names == ("a", "b")
    np.testing.assert_array_equal(dataset.X, [[1, 2.5], [3, 4]])


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("income, EUR;age;label\n1;2;x\n", ";"),
        ("a;b,label\n1,x\n", ","),
        ('"a;b",label\n1,x\n', ","),
        ('"a,b";label\n1;x\n', ";"),
        ("a\tb;c\n1\t2\n", "\t"),
        ("a,b;c,d\n", ","),
        ("x\tname, full\tlabel\n1\tA, B\t0\n", "\t"),
        ("name, full;b;c\nA, B;1;x\n", ";"),
        ("a,b;c\n1,2;3\n", ","),
        ("only\n1\n", ","),
        ("", ","),
    ],
)
def test_a_separator_in_a_name_is_not_taken_for_one(text, separator):
    assert body_of(text, "x").separator == separator


def test_lines_are_counted_from_the_top_of_the_file(write):
    with pytest.raises(DataError, match="line 5, column 'x': missing value"):
        load_csv(write('\nsep=;\nx;label\n1;a\n;"b"\n'))


@pytest.mark.parametrize("mark", ["|", "", ";;", "a"])
def test_another_separator_is_refused(write, mark):
    with pytest.raises(DataError, match="first line says that columns are separated by"):
        load_csv(write(f"sep={mark}\nx,label\n1,a\n"))


def test_a_column_called_sep_is_a_column(write):
    assert load_csv(write("sep,label\n1,a\n2,b\n")).columns[0].name == "sep"
