import pytest

from samplewise.report import html, markdown
from samplewise.report.document import (
    Bullets,
    Cell,
    Column,
    Document,
    FactList,
    Heading,
    Headline,
    Paragraph,
    Picture,
    Pictures,
    Table,
    TableRow,
)
from samplewise.report.markdown import escape
from samplewise.report.measure import MeasuredRow, Run
from samplewise.report.part_one import (
    TABLES,
    by_experiment,
    curve_name,
    fixed_settings,
    summarize,
    table,
)
from samplewise.report.published import published_rows
from samplewise.report.wording import Spread
from samplewise.text import percent, rounded, six_digits, three_digits, times


def measured(identifier, *runs):
    row = next(row for row in published_rows() if row.id == identifier)
    made = (Run(0, losses, (), (), (), ms, share, "direct", 0.0) for losses, ms, share in runs)
    return MeasuredRow(row, tuple(made), None)


ROW = measured(
    "final-1", ((0.5, 0.25, 0.01), 2.0, 0.98), ((0.6, 0.1, 0.02), 4.0, 1.0), ((0.4, 0.0), 6.0, 0.99)
)


def test_means_and_ranges_by_hand():
    summary = summarize(ROW, 800)
    assert summary.initial_loss == Spread(pytest.approx(0.5), 0.4, 0.6)
    assert summary.final_loss == Spread(pytest.approx(0.01), 0.0, 0.02)
    assert summary.train_ms == Spread(4.0, 2.0, 6.0)
    assert summary.accuracy == Spread(pytest.approx(0.99), 0.98, 1.0)


def test_the_speed_up_is_published_time_by_our_mean_time():
    assert summarize(ROW, 800).speed_up == pytest.approx(704 / 4)


def test_the_speed_up_is_that_of_a_step_where_an_epoch_has_other_rows():
    ours, theirs = 4.0 / 264, 704 / 800
    assert summarize(ROW, 264).speed_up == pytest.approx(theirs / ours)


def test_cells_by_hand():
    found = table([ROW], 800)
    (row,) = found.rows
    assert (TABLES["final"][0], found.label) == ("The final network, three times", "row")
    assert row.label == "final-1"
    assert fixed_settings(ROW.row) == "10 hidden neurons, learning rate 0.1, 10 epochs"
    assert row.cells == (
        *(Cell("0.4803"), Cell("0.5000", "0.4000–0.6000")),
        *(Cell("0.0063"), Cell("0.0100", "0.0000–0.0200")),
        *(Cell("704"), Cell("4.00", "2.00–6.00")),
        *(Cell("100.0"), Cell("99.0", "98.0–100.0")),
        Cell("176 ×"),
    )
    assert found.classes == ("first published", "here") * 4 + ("accent",)


def test_one_run_has_no_range():
    row = measured("epochs-20", ((0.5, 0.4), 3.0, 0.9))
    assert [cell.range for cell in table([row], 800).rows[0].cells] == [""] * 9
    assert fixed_settings(row.row) == "1 hidden neuron, learning rate 0.01"


def test_tables_come_in_the_order_of_the_report_with_their_settings():
    run = ((0.5, 0.4), 3.0, 0.9)
    rows = [measured(row.id, run) for row in reversed(published_rows())]
    found = {name: table(own, 800) for name, own in by_experiment(rows)}
    assert list(found) == ["epochs", "neurons", "learning_rate", "final"]
    labels = [[row.label for row in reversed(of_one.rows)] for of_one in found.values()]
    assert labels == [
        ["10", "20", "30", "40"],
        ["5", "10", "20", "60"],
        ["1", "0.01", "0.1"],
        ["final-1", "final-2", "final-3"],
    ]


def test_curves_have_names_that_stand_by_themselves():
    names = [curve_name(row) for row in published_rows()]
    assert {"10 epochs", "60 neurons", "learning rate 0.01", "final-3"} <= set(names)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((1180, "1,180"), (913, "913"), (22.84, "22.8"), (4.867, "4.87"), (0.0123, "0.0123")),
        *((9.996, "10.0"), (99.96, "100"), (1234.5, "1,234"), (0, "0")),
    ],
)
def test_figures_have_three_digits(value, text):
    assert three_digits(value) == text
    assert times(value) == f"{text} ×"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((1072430.84, "1,072,431"), (692913.9, "692,914"), (-152.6, "-152.6"), (0.5, "0.5")),
        *((120.0, "120"), (999999.96, "1,000,000"), (0.000123456789, "0.000123457"), (0, "0")),
        *((1.5e-7, "1.5e-07"), (2e300, "2e+300"), (float("nan"), "nan"), (float("-inf"), "-inf")),
    ],
)
def test_predictions_have_six_digits_and_no_exponent(value, text):
    assert six_digits(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(10_513.2, 4, "10,510"), (0.97, 4, "0.97"), (0.98764, 4, "0.9876"), (7_412, 2, "7,400")],
)
def test_figures_are_rounded_without_an_exponent(value, digits, text):
    assert rounded(value, digits) == text


def test_a_mean_has_its_range_behind_it():
    assert Spread(0.9, 0.8, 1.0).text(percent) == "90.0 % (80.0 %–100.0 %)"
    assert Spread(0.9, 0.9, 0.9).text(percent) == "90.0 %"


def test_a_bar_in_a_cell_ends_no_cell():
    assert escape("4|9") == r"4\|9"


def test_every_text_of_a_document_is_escaped():
    text = "<i>|"
    table = Table(
        text,
        (Column(text), Column(text, (text,))),
        (TableRow(text, (Cell(text, text), Cell(text))),),
    )
    blocks = (
        *(Heading(text), Paragraph(text), Bullets((text,)), FactList([(text, text)]), table),
        Pictures((Picture("a.png", b"", text, text),)),
    )
    told = Document(text, text, text, (Headline(text, text, text),), blocks)
    shown = markdown.render(told)
    assert shown.count(r"&lt;i&gt;\|") == 21
    assert "<i>" not in shown
    assert "<i>" not in html.render(told)


def test_a_range_whose_ends_read_the_same_is_left_out():
    assert Spread(0.9, 0.89999, 0.90001).text(percent) == "90.0 %"


def test_shares_are_percent():
    assert percent(0.885) == "88.5 %"
