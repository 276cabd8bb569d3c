"""Fonts that a test adds to those installed."""

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from samplewise.plots import fonts


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    """Let every test see the warnings that a process gives once."""
    monkeypatch.setattr(fonts, "_told", set())


@pytest.fixture
def no_other_font(monkeypatch):
    """Leave the house's font alone, whatever the machine has."""
    houses = [entry for entry in fontManager.ttflist if entry.name == fonts.FAMILY]
    monkeypatch.setattr(fontManager, "ttflist", houses)
    fonts._chosen.cache_clear()
    yield
    fonts._chosen.cache_clear()


@pytest.fixture
def add_font(tmp_path, no_other_font):
    """Return a function that makes a font of black squares, one for each letter, and adds it."""

    def add(family, letters):
        pen = TTGlyphPen(None)
        pen.moveTo((100, 0))
        for corner in ((100, 800), (900, 800), (900, 0)):
            pen.lineTo(corner)
        pen.closePath()
        square, names = pen.glyph(), [".notdef", *(f"u{ord(letter):04X}" for letter in letters)]
        font = FontBuilder(1000, isTTF=True)
        font.setupGlyphOrder(names)
        font.setupCharacterMap(dict(zip(map(ord, letters), names[1:], strict=True)))
        font.setupGlyf(dict.fromkeys(names, square))
        font.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
        font.setupHorizontalHeader(ascent=800, descent=-200)
        font.setupNameTable({"familyName": family, "styleName": "Regular"})
        font.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
        font.setupPost()
        path = tmp_path / f"{family}.ttf"
        font.save(path)
        fontManager.addfont(path)

    return add
