"""Names in letters that the house's font lacks: another font, or escapes and a warning."""

import io
import logging

import numpy as np
import pytest
from PIL import Image

from samplewise.data import contact_sheet as sheet
from samplewise.plots import figures, fonts

FIRST, SECOND, THIRD = "直", "剪", "\U00012000"
NAMES = ("直剪", "翘头剪")
COUNTS = np.array([[3, 1], [0, 2]])


@pytest.mark.usefixtures("no_other_font")
def test_letters_that_no_font_has_are_shown_as_escapes_and_told_once():
    with pytest.warns(UserWarning, match="no installed font has CJK letters"):
        assert fonts.drawable("ab直剪") == "ab\\u76f4\\u526a"
    # A second warning would be an error here.
    assert fonts.drawable("翘") == "\\u7fd8"
    assert figures.confusion(COUNTS, NAMES, "直剪")


@pytest.mark.usefixtures("no_other_font")
def test_a_confusion_matrix_tells_classes_apart_without_a_font(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "png_bytes", lambda figure: drawn.append(figure) or b"")
    with pytest.warns(UserWarning, match="no installed font has CJK letters"):
        figures.confusion(COUNTS, NAMES, "Confusion")
    names = [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]
    assert names == ["\\u76f4\\u526a", "\\u7fd8\\u5934\\u526a"]


@pytest.mark.parametrize("text", ["Ελλάδα", "שלום", "grün", "ж", "a\nb", "x → y …", "$x^{$"])
def test_letters_of_the_houses_font_need_no_other(text):
    assert fonts.drawable(text) == text
    assert fonts.families(text) == [fonts.FAMILY]


def test_installed_fonts_are_used_for_the_letters_that_they_have(add_font):
    add_font("Most", FIRST + SECOND)
    add_font("Least", FIRST + THIRD)
    text = FIRST + SECOND + THIRD + "a"
    assert fonts.drawable(text) == text
    assert fonts.families(text) == [fonts.FAMILY, "Least", "Most"]
    assert fonts.families(FIRST + SECOND) == [fonts.FAMILY, "Most"]


def test_a_figure_is_drawn_with_them_and_without_a_word(add_font, caplog):
    names = (FIRST * 2, SECOND * 2)
    add_font("Squares", FIRST + SECOND)
    with caplog.at_level(logging.WARNING):
        found = np.asarray(Image.open(io.BytesIO(figures.confusion(COUNTS, names, FIRST))))
    assert caplog.records == []
    # The squares of the names, in the colour of the labels, left of the matrix.
    rgb = found[:, : found.shape[1] // 4, :3].astype(int)
    quiet = np.abs(rgb - [0x5B, 0x62, 0x70]).max(axis=2) < 8
    assert quiet.sum() > 4 * 100


def test_a_font_that_cannot_be_read_any_more_is_passed_over(add_font, tmp_path):
    add_font("Gone", FIRST)
    add_font("Here", SECOND)
    (tmp_path / "Gone.ttf").unlink()
    assert fonts.families(FIRST + SECOND) == [fonts.FAMILY, "Here"]


def test_one_font_has_a_whole_text_or_escapes_the_rest(add_font):
    add_font("Two", FIRST + SECOND)
    add_font("One", THIRD)
    text, path, face = fonts.in_one_font(FIRST + SECOND + THIRD)
    assert text == FIRST + SECOND + "\\U00012000"
    assert (path.endswith("Two.ttf"), face) == (True, 0)
    assert fonts.in_one_font("grün")[0] == "grün"


def test_wide_letters_count_twice(monkeypatch):
    assert (fonts.cells("直剪"), fonts.cells("ab")) == (4, 2)
    monkeypatch.setattr(figures, "drawable", lambda text: text)
    assert figures._short("直" * 9, 18) == "直" * 9
    assert figures._short("直" * 10, 18) == "直" * 8 + "…"
    assert figures._short("a" * 19, 18) == "a" * 17 + "…"


def test_the_names_on_a_contact_sheet_are_in_fonts_that_have_them(add_font):
    add_font("Squares", FIRST)
    found = [(text, font.getname()[0]) for text, font in sheet._drawable([FIRST, "grün", "red"])]
    assert found == [(FIRST, "Squares"), ("grün", fonts.FAMILY), ("red", fonts.FAMILY)]
