"""Installed fonts that have the letters of a text, and escapes for letters that none has."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache

from matplotlib.font_manager import FontPath, FontProperties, fontManager, get_font
from matplotlib.ft2font import FaceFlags, FT2Font

from samplewise.warn import warn

FAMILY = "DejaVu Sans"
"""Comes with matplotlib; has Latin, Greek, Cyrillic, Arabic, Hebrew and more."""

# Matplotlib's boxes, and TeX's fonts, whose code points mean other letters.
_NOT_FOR_NAMES = ("Last Resort", "cm")
_WIDE = "WF"
_told: set[str] = set()


def families(*texts: str) -> list[str]:
    """Return the names of the fonts in which the letters of the texts are looked for, in turn."""
    fallbacks = set(_fallbacks(texts).values())
    return [FAMILY, *sorted(fallbacks)]


def drawable(text: str) -> str:
    """Return a text with an escape, as `ascii` has it, for each letter that no installed font has.

    Warns:
        SamplewiseWarning: there are such letters; once for each script in a process.
    """
    missing = _beyond_family(text) - _fallbacks([text]).keys()
    for script in sorted({_script(letter) for letter in missing} - _told):
        # Python would warn again: matplotlib's filters make it forget what it has shown.
        _told.add(script)
        warn(
            f"no installed font has {script} letters, so pictures show their numbers (as in "
            "\\u76f4); install a font that has them, such as one of Noto Sans"
        )
    return _escaped(text, missing)


def in_one_font(text: str) -> tuple[str, str, int]:
    """Return a text for one font, the path of that font's file, and the number of the face in it.

    The font is the one that has most of the letters; the others become escapes.

    Warns:
        SamplewiseWarning: as `drawable`.
    """
    text = drawable(text)
    letters = frozenset(letter for letter in text if not letter.isspace())
    had = {name: _letters(_drawn_with(name)[0], letters) for name in families(text)}
    best = max(had, key=lambda name: len(had[name]))
    path = fontManager.findfont(FontProperties(family=[best]))
    return _escaped(text, letters - had[best]), str(path), path.face_index


def _escaped(text: str, missing: Container[str]) -> str:
    return "".join(ascii(letter)[1:-1] if letter in missing else letter for letter in text)


def cells(text: str) -> int:
    """Return the width of a text in Latin letters; Chinese, Japanese and Korean take two each."""
    return sum(2 if unicodedata.east_asian_width(letter) in _WIDE else 1 for letter in text)


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").split()
    if not name or unicodedata.category(letter)[0] not in "LM":
        return "some"
    return name[0] if name[0] == "CJK" else name[0].title()


def _fallbacks(texts: Iterable[str]) -> Mapping[str, str]:
    """Return the family for each letter that `FAMILY` lacks and another has."""
    beyond = frozenset().union(*map(_beyond_family, texts))
    # The number of fonts, since more may be added.
    return _chosen(beyond, len(fontManager.ttflist)) if beyond else {}


def _beyond_family(text: str) -> frozenset[str]:
    letters = frozenset(x for x in text if not (x.isascii() or x.isspace()))
    if not letters:
        return frozenset()
    return letters - frozenset.intersection(*(_letters(f, letters) for f in _drawn_with(FAMILY)))


@lru_cache(maxsize=64)
def _chosen(letters: frozenset[str], _fonts: int) -> dict[str, str]:
    covered = {name: found for name, face in _candidates() if (found := _letters(face, letters))}
    chosen: dict[str, str] = {}
    while covered:
        best = max(covered, key=lambda name: (len(covered[name]), "Sans" in name, name))
        del covered[best]
        found = letters.intersection(*(_letters(face, letters) for face in _drawn_with(best)))
        chosen |= dict.fromkeys(found - chosen.keys(), best)
        covered = {name: left for name, own in covered.items() if (left := own - chosen.keys())}
    return chosen


def _candidates() -> Iterator[tuple[str, FT2Font]]:
    """Give each installed family, with one of its faces: looking for the best takes 10 ms each."""
    entries = {entry.name: entry for entry in fontManager.ttflist if entry.style == "normal"}
    for name, entry in sorted(entries.items()):
        if name.startswith(_NOT_FOR_NAMES):
            continue
        with suppress(OSError, RuntimeError):  # removed since, or damaged
            face = get_font(FontPath(entry.fname, entry.index))
            if FaceFlags.COLOR not in face.face_flags:
                yield name, face


def _drawn_with(family: str) -> list[FT2Font]:
    """Return the faces that are drawn as regular and as bold."""
    with quiet():
        paths = [
            fontManager.findfont(FontProperties(family=[family], weight=weight))
            for weight in ("normal", "bold")
        ]
    return [get_font(path) for path in paths]


def _letters(face: FT2Font, letters: Iterable[str]) -> frozenset[str]:
    return frozenset(letter for letter in letters if face.get_char_index(ord(letter)))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep matplotlib from logging that a font has no bold face: its regular one will do."""
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
