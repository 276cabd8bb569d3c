"""The separator of a table: comma, semicolon or tab."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from samplewise.checks import printable
from samplewise.errors import DataError

SEPARATORS = (",", ";", "\t")

LINE_END = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
# Excel's own first line, which it writes and obeys, and no other program knows.
_SEPARATOR_LINE = re.compile(r'\s*+"?sep=([^\r\n"]*)"?[ ]*(?:\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True)
class Body:
    """The lines of a table.

    Args:
        text: from the header on.
        separator: one of `SEPARATORS`.
        first_line: number of the text's first line in the file, from 1.
    """

    text: str
    separator: str = ","
    first_line: int = 1

    def lines(self) -> list[str]:
        """Return the lines that are not empty, without their ends."""
        text = self.text
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return [line for line in text.split("\n") if line]

    def place(self, row: int) -> str:
        """Return the place of a row of data, counted from 0, for messages."""
        return f"line {self._line_numbers[row + 1]}"

    @cached_property
    def _line_numbers(self) -> list[int]:
        return [line for line, _ in self.records("the table")]

    def records(self, name: str) -> Iterator[tuple[int, list[str]]]:
        """Yield line number (of the record's first line) and fields; skip empty lines.

        Raises:
            DataError: a quote is not closed, or a field is over 128 KiB; `name` is the file's.
        """
        # Line by line: a text stream would take four bytes a character at once.
        lines = (match[0] for match in _LINE.finditer(self.text))
        reader = csv.reader(lines, delimiter=self.separator, skipinitialspace=True, strict=True)
        line = self.first_line
        try:
            for record in reader:
                if record:
                    yield line, record
                line = self.first_line + reader.line_num
        except csv.Error as error:
            raise DataError(
                f"{name}, line {line}: {error}; is a quote not closed, or text not quoted?"
            ) from error


def body_of(text: str, name: str) -> Body:
    """Return the lines of a table, and how they are separated.

    A first line such as `sep=;` says it, and is left out. Else it is the one separator that cuts
    the header into several columns; where several do, the one that cuts the next line into as many;
    of those the one of the most columns, and the comma before others.

    Raises:
        DataError: the first line names another separator; `name` is the file's.
    """
    found = _SEPARATOR_LINE.match(text)
    if found is None:
        return Body(text, _separator(text, name))
    separator = found[1].replace(r"\t", "\t")
    if separator not in SEPARATORS:
        raise DataError(
            f"{name}: the first line says that columns are separated by '{printable(separator)}'; "
            "expected a comma, a semicolon or a tab"
        )
    return Body(text[found.end() :], separator, 1 + len(LINE_END.findall(found[0])))


def _separator(text: str, name: str) -> str:
    candidates = []
    for separator in SEPARATORS:
        # Of another separator's table, quotes may look wrong.
        with suppress(DataError):
            records = Body(text, separator).records(name)
            width = len(next(records, (1, []))[1])
            if width > 1:
                agrees = len(next(records, (1, []))[1]) == width
                candidates.append((not agrees, -width, separator))
    # The first of equals is taken.
    return min(candidates, key=lambda candidate: candidate[:2])[2] if candidates else ","
