"""Tables as people hold them: label and dropped columns, text, true and false, missing values."""

import re
import shlex
import time
import warnings

import numpy as np
import pytest

from samplewise.checks import printable
from samplewise.data.columns import BOOLEAN, CATEGORY, Column
from samplewise.data.sources import csv_cells, csv_table
from samplewise.data.sources.csv_file import load_csv, read_table
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError, SamplewiseWarning
from samplewise.experiment.experiment import Experiment
from samplewise.name_lists import listed_names

NUMBERS = SourceOptions(numbers=True)


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / "table.csv"
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return write_file


MIXED = """id,city,age,flag,label
a1,Zug,30,True,x
a2,Bern,40.5,false,y
a3,Zug,50,TRUE,x
"""


def test_text_gives_indicators_and_true_and_false_numbers(write):
    dataset = load_csv(write(MIXED), options=SourceOptions(drop=("id",)))
    assert dataset.columns == (
        Column("city", CATEGORY, ("Bern", "Zug")),
        Column("age"),
        Column("flag", BOOLEAN),
    )
    np.testing.assert_array_equal(dataset.X, [[0, 1, 30, 1], [1, 0, 40.5, 0], [0, 1, 50, 1]])
    assert dataset.class_names == ("x", "y")


def test_a_table_of_text_only_and_one_of_true_and_false_only(write):
    np.testing.assert_array_equal(load_csv(write("a,label\nx,1\ny,2\n")).X, np.eye(2))
    dataset = load_csv(write("a,label\ntrue,1\ntrue,2\n"))
    assert dataset.columns == (Column("a", BOOLEAN),)
    np.testing.assert_array_equal(dataset.X, [[1], [1]])


def test_yes_and_no_are_text_and_0_and_1_are_numbers(write):
    dataset = load_csv(write("a,b,label\nyes,0,1\nno,1,2\n"))
    assert dataset.columns == (Column("a", CATEGORY, ("no", "yes")), Column("b"))


def test_columns_of_numbers_are_named_in_the_order_of_the_file(write):
    quick = load_csv(write("b,label,a\n1,x,2\n3,y,4\n"))
    slow = load_csv(write('"b",label,a\n1,x,2\n3,y,4\n'))
    assert quick.columns == slow.columns == (Column("b"), Column("a"))
    np.testing.assert_array_equal(quick.X, slow.X)


def test_a_suggested_name_keeps_its_message_on_one_line(write):
    path = write('a,"la\nbel"\n1,x\n2,y\n')
    with pytest.raises(DataError) as caught:
        load_csv(path, options=SourceOptions(label="label"))
    assert "did you mean 'la\\nbel'?" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("end", ["", " "])
def test_dropped_columns_may_hold_anything(write, end):
    path = write(f"a,name,label,free\n1,NA,x,\n2,,y,what{end}\n")
    dataset = load_csv(path, options=SourceOptions(drop=("free", "name")))
    assert dataset.columns == (Column("a"),)
    np.testing.assert_array_equal(dataset.X, [[1], [2]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"drop": ("agee",)},
            "no column 'agee' to drop; did you mean 'age'\\? Its columns: id, city, age, flag",
        ),
        ({"drop": ("label",), "label": "label"}, "label column 'label' cannot be dropped"),
        ({"drop": ("label",)}, "label column 'label' cannot be dropped; keep it, or choose"),
        (
            {"label": "Flag"},
            "no column 'Flag' to use as the label; did you mean 'flag'\\? Its columns: id, ",
        ),
        ({"drop": ("id", "city", "age", "flag")}, "no column of features, only id, city, age"),
    ],
)
def test_label_and_dropped_columns_that_are_not_there(write, options, message):
    with pytest.raises(DataError, match=message):
        load_csv(write(MIXED), options=SourceOptions(**options))


@pytest.mark.parametrize(
    ("header", "option"),
    [("day of week", "'day of week'"), ('"a,b"', "'\"a,b\"'"), ('"$x ""y"""', '\'"$x ""y"""\'')],
)
def test_a_column_to_drop_is_proposed_as_a_shell_and_the_option_read_it(write, header, option):
    for cells in (("x", "1"), tuple(f"t{i}" for i in range(30))):
        path = write(
            f"{header},z,label\n" + "".join(f"{c},1,{i % 2}\n" for i, c in enumerate(cells))
        )
        with pytest.raises(DataError, match=f"--drop {re.escape(option)}$"):
            load_csv(path)
    (word,) = shlex.split(option)
    assert load_csv(path, options=SourceOptions(drop=listed_names(word))).columns == (Column("z"),)


COMPOSED, APART = "Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"


def test_names_of_columns_in_two_unicode_forms_are_one(write):
    with pytest.raises(DataError, match="2 columns are named"):
        load_csv(write(f"{COMPOSED},{APART},label\n1,2,x\n"))
    path = write(f"{APART},a,b,label\n1,2,3,x\n")
    assert read_table(path).columns[0] == Column(COMPOSED)
    for names in (COMPOSED, APART):
        options = SourceOptions(label=names, drop=("label",))
        assert load_csv(path, options=options).class_names == ("1",)
        assert len(read_table(path, options=SourceOptions(drop=(names,))).columns) == 2


def test_categories_in_two_unicode_forms_are_one(write):
    table = read_table(write(f"a,label\n{COMPOSED},x\n{APART},y\nz,x\n"))
    assert table.columns == (Column("a", CATEGORY, (COMPOSED, "z")),)
    np.testing.assert_array_equal(table.X, [[1, 0], [1, 0], [0, 1]])


@pytest.mark.parametrize("twin", ["New  York", "New\u00a0York"])
def test_categories_that_differ_only_by_blanks_are_refused(write, twin):
    with pytest.raises(DataError, match="column 'a': the categories .* differ only by blanks"):
        load_csv(write(f"a,label\nNew York,x\n{twin},y\n"))


def test_the_label_column_is_chosen_by_name(write):
    path = write("class,species,label\n1,x,2\n3,y,4\n")
    dataset = load_csv(path, options=SourceOptions(label=" species "))
    assert (dataset.class_names, dataset.columns) == (
        ("x", "y"),
        (Column("class"), Column("label")),
    )
    dataset = load_csv(path, options=SourceOptions(drop=("label",)))
    assert dataset.class_names == ("1", "3")


def test_the_first_cell_says_whether_a_column_is_text(write):
    with pytest.raises(DataError, match=r"line 3, column 'a': '7' is a number, but 'n.v.' in line"):
        load_csv(write("a,label\nn.v.,1\n7,2\n"))
    with pytest.raises(DataError, match=r"line 3, column 'a': 'n.v.' is not a plain decimal"):
        load_csv(write("a,label\n7,1\nn.v.,2\n"))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1,000", r"thousands separator \(write 1000\) or a decimal comma \(write 1.000\)"),
        ("-12,345", r"thousands separator \(write -12345\)"),
        ("1,234,567", "thousands separator; write the digits without it"),
        ("1.234.567", "thousands separator; write"),
        ("1,234.5", "thousands separator; write"),
        ("1.234,5", "thousands separator; write"),
        ("1'000", "thousands separator; write"),
        ("1 000", "thousands separator; write"),
        ("1\u202f000,5", "thousands separator; write"),
        ("1,5", "decimal comma; write 1.5$"),
        (",5", "decimal comma; write .5$"),
        ("0,125", "decimal comma; write 0.125$"),
        ("1,2345", "decimal comma; write 1.2345$"),
        ("1,5e3", "not a plain decimal number"),
        ("1_000", "not a plain decimal number"),
        ("12 %", "not a plain decimal number"),
        ("\u22125", "not a plain decimal number"),
        ("٣", "not a plain decimal number"),
        ("-inf", "not a plain decimal number"),
    ],
)
def test_a_number_written_otherwise_is_never_text(write, cell, said):
    for rows in ([cell, cell], ["1", cell], ["x", cell]):
        content = "a,label\n" + "".join(f'"{row}",{i}\n' for i, row in enumerate(rows))
        shown = re.escape(cell.replace("\u202f", r"\u202f"))
        with pytest.raises(DataError, match=rf"column 'a': '{shown}' (is|has a) {said}"):
            load_csv(write(content))


@pytest.mark.parametrize("unseen", ["\u00a0", "\u200b", "\ufeff", "\x0b", "\x1c", "\u2003"])
def test_a_number_beside_an_invisible_character_is_never_text(write, unseen):
    for cell in (f"{unseen}1.5", f"1.5{unseen}"):
        for rows in ([cell, cell], ["1", cell]):
            content = "a,label\n" + "".join(f"{row},{i}\n" for i, row in enumerate(rows))
            with pytest.raises(DataError, match="1.5.*' has an invisible character") as caught:
                load_csv(write(content))
            assert ascii(unseen)[1:-1] in str(caught.value)


def test_labels_of_more_digits_than_an_integer_holds_are_no_floats(write):
    with pytest.raises(DataError, match="label '9{19}' .* than 18 digits; .* example id_9{19}$"):
        load_csv(write(f"a,label\n1,{'9' * 19}\n2,1\n"))
    names = load_csv(write(f"a,label\n1,id_{'9' * 19}\n2,id_{'9' * 18}8\n")).class_names
    assert names == (f"id_{'9' * 18}8", f"id_{'9' * 19}")


@pytest.mark.parametrize("cell", ["2024-01-02", "02.01.2024", "12:30", "1.2.3", "5 kg", "e", "-"])
def test_dates_and_units_are_text(write, cell):
    assert load_csv(write(f"a,label\n{cell},1\nx,2\n")).X.shape == (2, 2)


@pytest.mark.parametrize("missing", ["", " ", "\u200b", "NA", "n/a", "NaN", "NULL", "None", "?"])
def test_missing_values_are_named_with_line_and_column(write, missing):
    shown = re.escape(f"('{printable(missing.strip())}')")
    for column, rows in (("a", f"1,u,x\n{missing},u,y"), ("b", f"1,u,x\n2,{missing},y")):
        with pytest.raises(DataError, match=rf"line 3, column '{column}': missing value {shown}"):
            load_csv(write(f"a,b,label\n{rows}\n"))
    for line, labels in ((3, f"1,x\n2,{missing}"), (2, f"1,{missing}\n2,x")):
        said = rf"line {line}, column 'label': missing label {shown}; add it or remove the row"
        with pytest.raises(DataError, match=said):
            load_csv(write(f"a,label\n{labels}\n"))


def test_a_class_called_none_is_said_how_to_keep(write):
    with pytest.raises(DataError, match="a class of this name needs another one, such as 'class N"):
        load_csv(write("a,label\n1,None\n2,x\n"))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("nan", r"line 3, column 'target': missing label \('nan'\)"),
        ("high", "line 3, column 'target': 'high' is not a plain decimal number"),
        ("1,000", "line 3, column 'target': '1,000' has a thousands separator"),
        ("inf", "line 3, column 'target': 'inf' is not a plain decimal number"),
    ],
)
def test_numbers_to_learn_that_are_none(write, cell, said):
    with pytest.raises(DataError, match=said):
        load_csv(write(f'x,target\n1,2.5\n2,"{cell}"\n3,1\n'), options=NUMBERS)


def test_numbers_to_learn_keep_no_leading_zeros(write):
    values = load_csv(write("x,target\n1,01\n2,1\n"), options=NUMBERS).values
    np.testing.assert_array_equal(values, [[1], [1]])


@pytest.mark.parametrize(
    ("texts", "refused"),
    [
        ([f"n{i}" for i in range(20)], False),
        ([f"n{i}" for i in range(21)], True),
        ([f"n{i}" for i in range(101)] + ["n0"] * 100, True),
        ([f"n{i}" for i in range(101)] + ["n0"] * 101, False),
        ([f"n{i}" for i in range(100)] + ["n0"], False),
        ([f"n{i}" for i in range(1_001)] * 2, True),
    ],
)
def test_a_column_of_too_many_texts_is_proposed_to_be_dropped(write, texts, refused):
    path = write("t,label\n" + "".join(f"{text},{i % 2}\n" for i, text in enumerate(texts)))
    if not refused:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert load_csv(path).features == len(set(texts))
        return
    with pytest.raises(DataError, match="'t' has .* different texts .*leave it out with --drop t"):
        load_csv(path)


@pytest.mark.parametrize(("different", "rows"), [(20, 40), (21, 104), (21, 105), (269, 600)])
def test_many_texts_of_few_rows_each_are_a_warning_that_proposes_to_drop(write, different, rows):
    path = write("t,label\n" + "".join(f"n{i % different},{i % 2}\n" for i in range(rows)))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        load_csv(path)
    few = different > 20 and rows < 5 * different
    assert [w.category for w in found] == [SamplewiseWarning] * few
    assert all("'t' has" in str(w.message) and "--drop t" in str(w.message) for w in found)


def test_dropped_columns_may_be_a_list():
    assert SourceOptions(drop=["id"]) == SourceOptions(drop=("id",))
    assert Experiment.from_options(data="t.csv", drop=["id"]).data.drop == ("id",)


def test_memory_is_checked_before_indicators_are_made(write, monkeypatch):
    monkeypatch.setattr("samplewise.io.reading.half_free_memory", lambda: 100)
    path = write("t,label\na,1\nb,2\n")
    monkeypatch.setattr("samplewise.io.reading.check_bytes", lambda *_: None)
    load_csv(path)
    monkeypatch.setattr(csv_table, "check_bytes", lambda size, *_: pytest.fail(str(size)))
    with pytest.raises(pytest.fail.Exception, match="32"):
        load_csv(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\x07,label\n1,x\n", "column name 'a.x07' holds control characters"),
        ("a" * 1001 + ",label\n1,x\n", "has 1,001 characters"),
        ("a,label\nb\x07,x\n", "category 'b.x07' holds control characters"),
        (f"a,label\n{'b' * 1001},x\n", "has 1,001 characters"),
    ],
)
def test_names_that_a_model_file_could_not_hold(write, content, message):
    with pytest.raises(DataError, match=message):
        load_csv(write(content))


def test_names_of_1000_characters_are_taken(write):
    found = load_csv(write(f"{'a' * 1000},label\n{'b' * 1000},{'c' * 1000}\n"))
    assert [(column.name, column.categories) for column in found.columns] == [
        ("a" * 1000, ("b" * 1000,))
    ]
    assert found.class_names == ("c" * 1000,)


def test_full_scale_goes_with_numbers_only(write):
    with pytest.raises(DataError, match="column 'city' holds no numbers; leave out --full-scale"):
        load_csv(write(MIXED), options=SourceOptions(drop=("id",), full_scale=255.0))


def test_a_table_without_labels(write):
    table = read_table(write("b,a\n1,2\n3,4\n"))
    assert table.labels is None
    np.testing.assert_array_equal(table.X, [[1, 2], [3, 4]])
    table = read_table(write("a\nx\ny\n"))
    np.testing.assert_array_equal(table.X, np.eye(2))


class TestLeadingZeros:
    def test_they_make_labels_text(self, write):
        dataset = load_csv(write("x,label\n0,01\n1,1\n2,2\n3,01\n"))
        assert dataset.class_names == ("01", "1", "2")
        assert dataset.labels.tolist() == [0, 1, 2, 0]

    @pytest.mark.parametrize("labels", [("0", "10"), ("0.5e1", "1"), ("+1", "-0.0")])
    def test_other_zeros_do_not(self, write, labels):
        dataset = load_csv(write(f"x,label\n0,{labels[0]}\n1,{labels[1]}\n"))
        assert all(name == str(int(name)) for name in dataset.class_names)

    def test_a_folder_agrees(self, write, tmp_path):
        from PIL import Image

        from samplewise.data.sources.image_folder import load_image_folder

        for name in ("01", "1", "2"):
            (tmp_path / "images" / name).mkdir(parents=True)
            Image.new("L", (28, 28)).save(tmp_path / "images" / name / "1.png")
        table = load_csv(write("x,label\n0,01\n1,1\n2,2\n"))
        assert load_image_folder(tmp_path / "images").class_names == table.class_names


def test_labels_that_print_alike_are_refused(write):
    with pytest.raises(DataError, match="blanks, invisible characters or Unicode form"):
        load_csv(write("x,label\n0,café\n1,cafe\u0301\n"))


@pytest.mark.parametrize("part", ["1", " ", "1 ", "1.,", ",", "'1"])
@pytest.mark.parametrize("end", ["x", "%x", "e+x"])
def test_a_long_cell_takes_no_longer_than_many_short_ones(part, end):
    cell = "1" + part * (130_000 // len(part)) + end
    began = time.process_time()
    assert not csv_cells.is_like_a_number(cell)
    assert "is not a plain decimal number" in csv_cells.not_a_number(cell)
    assert time.process_time() - began < 2
