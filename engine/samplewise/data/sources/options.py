"""Options of reading a source: labels, columns, image size and scale."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, fields

from samplewise.checks import must_be, one_of, positive_number, printable
from samplewise.errors import ErrorList, ParameterError

STRETCH, PAD, CROP = "stretch", "pad", "crop"
FITS = (STRETCH, PAD, CROP)
IMAGE_SIZE = (28, 28)
MAX_IMAGE_SIDE = 4_096

TABLE_OPTIONS = frozenset({"label", "drop", "full_scale"})
FOLDER_OPTIONS = frozenset({"image_size", "fit", "full_scale"})
ARRAY_OPTIONS = frozenset({"full_scale"})
_REASONS = {
    "label": "only a .csv table has a label column",
    "drop": "only a .csv table has columns to leave out",
    "image_size": "only the images of a folder are resized",
    "fit": "only the images of a folder are resized",
    "full_scale": "only files and folders can have another value of white",
}

_SIDES = f"in pixels, each from 1 to {MAX_IMAGE_SIDE:,}"
_SIZE = re.compile(r"([0-9]{1,9})x([0-9]{1,9})")


def column_name(name: str, given: object) -> str:
    """Return the name of a column; `name` is the option's in messages.

    Raises:
        ParameterError: not a text, or blank.
    """
    if not isinstance(given, str) or not given.strip():
        raise ParameterError(must_be(name, "the name of a column", given))
    return given


def column_names(name: str, given: object) -> tuple[str, ...]:
    """Return the names of columns; `name` is the option's in messages.

    Raises:
        ParameterError: not a tuple or list of texts.
    """
    found = tuple(given) if isinstance(given, list) else given
    if not isinstance(found, tuple) or not all(isinstance(each, str) for each in found):
        raise ParameterError(must_be(name, "names of columns, as in ('id', 'date')", given))
    return found


def _is_size(given: object) -> bool:
    return (
        isinstance(given, tuple)
        and len(given) == 2
        and all(isinstance(side, int) and 1 <= side <= MAX_IMAGE_SIDE for side in given)
    )


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Options of reading a source; each is read for some kinds of source, and refused for others.

    The command line has them under the same names, as in `--label price`.

    Args:
        numbers: read the labels as numbers to learn, not as classes.
        label: name of the label column of a table; None looks for the usual names.
        drop: names of columns of a table to leave out.
        image_size: (height, width) in pixels, 1 to 4,096 each, that images of a folder are brought
            to.
        fit: how an image of another shape is brought to `image_size`: "stretch" changes its
            proportions, "pad" adds borders, "crop" cuts them off; both keep the centre.
        full_scale: value of a white pixel; makes the rows of an array images. None takes 255 for
            image files (65,535 for those of 16 bits) and uint8 arrays, and takes other arrays for
            tables.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
    """

    numbers: bool = False
    label: str | None = None
    drop: tuple[str, ...] = ()
    image_size: tuple[int, int] = IMAGE_SIZE
    fit: str = STRETCH
    full_scale: float | None = None

    def __post_init__(self) -> None:
        if self.label is not None:
            column_name("label", self.label)
        object.__setattr__(self, "drop", column_names("drop", self.drop))
        if not _is_size(self.image_size):
            raise ParameterError(
                must_be("image_size", f"(height, width), {_SIDES}", self.image_size)
            )
        one_of("fit", self.fit, FITS)
        if self.full_scale is not None:
            positive_number("full_scale", self.full_scale)

    def check_read(self, source: str, read: Collection[str]) -> None:
        """Refuse options that a source does not read, where they differ from their defaults.

        Raises:
            ParameterError: one of them is set.
        """
        errors = ErrorList(ParameterError)
        for field in fields(self):
            reason = None if field.name in read else _REASONS.get(field.name)
            if reason is not None and getattr(self, field.name) != field.default:
                said = f"{field.name}: {reason}, got '{printable(source)}'; leave it out"
                errors.add(ParameterError(said))
        errors.check()


DEFAULT_OPTIONS = SourceOptions()


def parsed_size(text: object) -> tuple[int, int]:
    """Return (height, width) of a text such as "28x28".

    Raises:
        ParameterError: another form, or a side that is not within 1..4096.
    """
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    if not _is_size(sides):
        raise ParameterError(
            f"image_size: must be HEIGHTxWIDTH {_SIDES}, as in 28x28, got '{printable(text)}'"
        )
    return sides
