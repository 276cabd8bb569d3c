"""CSV tables."""

import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samplewise.data.columns import Column
from samplewise.data.inputs import load_inputs
from samplewise.data.sources.csv_cells import plain_table
from samplewise.data.sources.csv_dialect import Body
from samplewise.data.sources.csv_file import load_csv
from samplewise.data.sources.csv_table import Wanted, read_cells
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError
from samplewise.io import reading


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def test_sign_mnist_layout(write):
    header = "label," + ",".join(f"pixel{i + 1}" for i in range(784))
    pixels = np.random.default_rng(0).integers(0, 256, (6, 784))
    lines = [
        f"{10 - row},{','.join(map(str, row_pixels))}" for row, row_pixels in enumerate(pixels)
    ]
    path = write("\n".join([header, *lines]) + "\n")
    table = load_csv(path)
    assert (table.X.dtype, table.image_shape, table.full_scale) == (np.float64, None, None)
    dataset = load_csv(path, options=SourceOptions(full_scale=255.0))
    np.testing.assert_array_equal(dataset.X, pixels)
    assert dataset.X.dtype == np.uint8
    assert (dataset.image_shape, dataset.full_scale) == ((28, 28), 255.0)
    assert dataset.class_names == ("5", "6", "7", "8", "9", "10")
    assert dataset.labels.tolist() == [5, 4, 3, 2, 1, 0]
    table = load_csv(path)
    np.testing.assert_array_equal(table.X, dataset.X)
    assert (table.X.dtype, table.image_shape, table.full_scale) == (np.float64, None, None)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_label_anywhere_in_any_case(write, mark, end):
    lines = [f"{mark}x, Class ,y", "-1.5e1, cat ,+2", "", ".5,dog,3.", ""]
    dataset = load_csv(write(end.join(lines)))
    np.testing.assert_array_equal(dataset.X, [[-15.0, 2.0], [0.5, 3.0]])
    assert dataset.X.dtype == np.float64
    assert dataset.class_names == ("cat", "dog")
    assert dataset.image_shape is None


@pytest.mark.parametrize("name", ["label", "Labels", "CLASS", "target"])
def test_names_of_the_label_column(write, name):
    assert load_csv(write(f"x,{name}\n1,a\n2,b\n")).class_names == ("a", "b")


def test_quotes_and_formulas_are_data(write):
    dataset = load_csv(write('"label","x"\n"=1+1","3"\n"a, ""b""","4"\n'))
    assert dataset.class_names == ("=1+1", 'a, "b"')
    np.testing.assert_array_equal(dataset.X, [[3], [4]])


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("1.0", "2"), ("1", "2")),
        (("+1", "-1"), ("-1", "1")),
        (("10", "9"), ("9", "10")),
    ],
)
def test_numeric_labels(write, labels, names):
    assert load_csv(write(f"label,x\n{labels[0]},1\n{labels[1]},2\n")).class_names == names


@pytest.mark.parametrize("value", ["256", "-1", "0.5", "1e3", "99999999999999999999"])
def test_numbers_are_floats_and_no_images_whatever_they_are(write, value):
    for cell in (value, "1"):
        dataset = load_csv(write(f"label,x,y\na,{cell},0\nb,1,255\n"))
        assert dataset.X.dtype == np.float64
        np.testing.assert_array_equal(dataset.X, [[float(cell), 0], [1, 255]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # 16: the form of the file
        ("label,x,y\na,1,2\nb,1\n", "line 3: 2 cells, but the header names 3 columns; correct the"),
        ("label,x,y\na,1,2,3\nb,1,2\n", "line 2: 4 cells, but the header names 3 columns"),
        ("label,x,y\na,1\nb,2\n", "line 2: 2 cells, but the header names 3 columns"),
        ("x,label\n1,a\n2\n", "line 3: 1 cell, but the header names 2 columns"),
        ('label,x\n"a\nb",1\nc,z\n', "line 4, column 'x': 'z' is not a plain"),
        ('label,x\na,1\n"b,2\nc,3\n', "line 3: .*is a quote not closed"),
        ('label,x\na,"1"2\n', "line 2: .*is a quote not closed"),
        ("label,x\na,1\nb,\0\n", "line 3: a NUL byte"),
        ("label,x\na,1\n".encode("utf-16-le"), "line 1: a NUL byte"),
        ("label,x\na,1\n".encode("utf-16"), "not UTF-8 .byte 0xff in line 1"),
        ("label,x\na,1\né,2\n".encode("latin-1"), "not UTF-8 .byte 0xe9 in line 3"),
        (f"label,x\na,1\nb,{'1' * 140_000}\n", "line 3: field larger than field limit"),
        (f'label,x\na,1\n"b,1\n{"1,2" * 60_000}', "line 3: field larger .*quote not closed"),
        ("label,x\n", "a header only"),
        ("\n\n", "no header"),
        ("1,2\n3,4\n", "no header: its first line is blank or all numbers"),
        ("label,x,x \na,1,2\n", "2 columns are named 'x'; rename them$"),
        (
            "0,0,x\n1,2,y\n",
            "2 columns are named '0'; rename them; if the first line is a row",
        ),
        ("0,1,x\n1,2,y\n", "no label column.*; if the first line is a row, write a line with the"),
        ("label,,x\na,1,2\n", "column 2 has no name; name it, or remove it with its separators"),
        (",label,x\n0,a,1\n", "column 1 has no name.*index=False.*row.names=FALSE"),
        # 17: numbers
        ("label,x\na,1_000\n", "line 2, column 'x': '1_000' is not a plain decimal number"),
        ("label,x\na,$20\nb,$3\n", "line 2, column 'x': '\\$20' is not a plain decimal number"),
        ("label,x\na,-€1.5\nb,3\n", "'-€1.5' is not a plain decimal number"),
        ("label,x\na,20 €\nb,3 €\n", "'20 €' is not a plain decimal number"),
        ("label,x\na,٣\n", "'٣' is not a plain decimal number"),
        ("label,x\na,infinity\n", "'infinity' is not a plain decimal number"),
        ("label,x\na,inf\n", "'inf' is not a plain decimal number"),
        ("label,x\na,1\nb,0x10\n", "'0x10' is not a plain decimal number"),
        ("label,x\na,1e\n", "'1e' is not a plain decimal number"),
        ("label,x\na,1\na,=1+1\n", "'=1\\+1' is not a plain decimal number"),
        ("label,x\na,1e400\nb,1\n", "line 2, column 'x': the number is beyond"),
        ('label,x,y\na,1,"1,5"\n', "column 'y': '1,5' has a decimal comma; write 1.5$"),
        ("label,x,y\na,1,2\nb,,2\n", "line 3, column 'x': missing value"),
        ("label,x\na,1\nb,\n", "line 3, column 'x': missing value"),
        ("label,x\na,NaN\n", "line 2, column 'x': missing value .'NaN'"),
        ("label,x\na,N/A\n", "missing value"),
        # 18: the label column
        ("x,y\n1,2\n", r"no label column; choose one with --label, .*\)\. Its columns: x, y$"),
        ("5.1,setosa\n4.9,iris\n", r"if the first line is a row, .* above it\. Its columns: 5.1"),
        ("x|label\n1|a\n", r"; separate the columns by commas, .*tabs\. Its columns: x\|label$"),
        ("# by me\nx,label\n1,a\n", r"; separate the columns by commas, .* Its columns: # by me$"),
        ("label,x,Target\na,1,b\n", "2 label columns, 'label' and 'Target'; choose one with"),
        ("label\na\n", "no column of features, only label"),
        ("label,x\na,1\n3,2\n", r"labels mix numbers \('3'\) and text \('a'\)"),
        ("label,x\n1,1\n,2\n", "line 3, column 'label': missing label \\(''\\)"),
        ("label,x\n0.5,1\n1,2\n", r"label 0\.5 in line 2 is not .*regression"),
        ("sep=,\nlabel,x\n\n1,1\n1e999,1\n", r": 1 label is inf, the first in line 5; remove"),
        (f"label,x\na,1\n{'b' * 1001},2\n", "has 1,001 characters"),
        ('label,x\na,1\n"b\nb",2\n', "control characters"),
    ],
)
def test_tables_that_are_refused(write, content, message):
    with pytest.raises(DataError, match=message) as caught:
        load_csv(write(content))
    assert "table.csv" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_number_to_learn_that_is_too_large_is_named_by_its_line(write):
    path = write("x,target\n1,2\n\n1,1e999\n")
    for read in (load_csv, load_inputs):
        with pytest.raises(DataError, match=r"csv, line 4, column 'target': the number is beyond"):
            read(path, options=SourceOptions(numbers=True))


def test_labels_of_rows_to_predict_are_named_by_their_line(write):
    """Of which some are missing, so that labels and rows do not count alike."""
    path = write('x,label\n1,\n"2\n",1\n3,0.5\n')
    with pytest.raises(DataError, match=r"csv: the label 0\.5 in line 5 is not a whole number"):
        load_inputs(path, columns=(Column("x", "category", ("1", "2", "3")),))


def test_blanks_before_a_quote_do_not_make_it_a_part_of_the_cell(write):
    dataset = load_csv(write('x, "y, in m",label\n1, "2", "a"\n 3,  "4",b\n'))
    assert [column.name for column in dataset.columns] == ["x", "y, in m"]
    assert (dataset.X.tolist(), dataset.class_names) == ([[1, 2], [3, 4]], ("a", "b"))


def test_byte_order_mark_is_no_part_of_the_first_name(write):
    assert load_csv(write("\ufefflabel,x\na,1\nb,2\n")).class_names == ("a", "b")


def test_one_long_label_does_not_cost_its_length_in_every_row(write):
    path = write("label,x\n" + "a" * 100_000 + ",1\n" + "b,1\n" * 200)
    tracemalloc.start()
    with pytest.raises(DataError, match="has 100,000 characters"):
        load_csv(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 10_000_000  # 80,000,000 as a NumPy array of text


def test_many_columns_are_listed_in_part(write):
    header = ",".join(f"x{i}" for i in range(30))
    with pytest.raises(DataError, match=r"x18, x19 and 10 more$"):
        load_csv(write(header + "\n"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (os.mkfifo, "is a FIFO"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.with_suffix(".txt"), "cannot read"),
    ],
    ids=["folder", "fifo", "empty", "missing"],
)
def test_what_is_no_regular_file(tmp_path, make, message):
    make(tmp_path / "x.csv")
    with pytest.raises(DataError, match=message):
        load_csv(tmp_path / "x.csv")


def test_file_over_the_limit(write, monkeypatch):
    monkeypatch.setattr("samplewise.io.reading.half_free_memory", lambda: 11)
    with pytest.raises(DataError, match="takes 12 bytes, but at most 11 are allowed"):
        load_csv(write("label,x\na,1\n"))


def test_file_that_changes_while_it_is_read(write, monkeypatch):
    path = write("label,x\na,1\nb,2\n")
    monkeypatch.setattr(reading, "check_bytes", lambda *_: os.utime(path, ns=(1, 1)))
    with pytest.raises(DataError, match="changed while it was read"):
        load_csv(path)


CELLS = st.one_of(
    st.integers(-300, 300).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text("0123456789+-.eE ", max_size=6),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=3), st.integers(0, 2))
def test_fast_path_accepts_only_what_the_grammar_does(rows, label):
    """Where the fast path gives a table, the cell-by-cell path gives the same one."""
    lines = []
    for row in rows:
        cells = list(row)
        cells.insert(label, "a")
        lines.append(",".join(cells))
    body = Body("\n".join(["h,i,j", *lines]))
    fast = plain_table(body, 3, [label], label)
    if fast is None:
        return
    features = [position for position in range(3) if position != label]
    records = body.records("x")
    next(records)
    labels, values, _ = read_cells(records, Wanted("x", ["h", "i", "j"], features, label=label))
    assert fast[0] == labels
    np.testing.assert_array_equal(fast[1], values)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("cells", ["0,255", "0.5,-1e3", "+1,256"])
def test_fast_path_takes_plain_numbers(cells, separator):
    """Else the test above would compare nothing."""
    text = f"label,x,y\na,{cells}\n".replace(",", separator)
    labels, values = plain_table(Body(text, separator), 3, [0], 0)
    assert labels == ["a"]
    np.testing.assert_array_equal(values, [[float(cell) for cell in cells.split(",")]])


@settings(max_examples=200, deadline=None)
@given(content=st.binary(min_size=1, max_size=60) | st.text('label,x\n"01.é', min_size=1))
def test_any_bytes_give_a_dataset_or_a_data_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzzed.csv"
    path.write_bytes(content if isinstance(content, bytes) else f"label,x\n{content}".encode())
    try:
        dataset = load_csv(path)
    except DataError:
        return
    assert len(dataset) == len(dataset.labels)
