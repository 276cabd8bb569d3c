"""Runnable examples: a Python file becomes blocks of text and code, with output and pictures.

A file begins with a docstring in Markdown, whose first line is the title. A line `# %%` ends a
block of code; the comment lines after it are the text before the next one.
"""

import ast
import contextlib
import io
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

MARK = "# %%"


@dataclass
class Block:
    """A piece of text, the code below it, and the traces of that code.

    Args:
        text: Markdown.
        code: Python; may be empty.
        first_line: of the code in its file.
        output: printed text.
        pictures: PNG bytes, one for each figure.
    """

    text: str
    code: str
    first_line: int
    output: str = ""
    pictures: list[bytes] = field(default_factory=list)


def read(path: Path) -> list[Block]:
    """Return the blocks of an example, not yet run; the first has the docstring as its text."""
    source = path.read_text(encoding="utf-8")
    docstring = ast.parse(source).body[0]
    lines = source.splitlines()
    starts = [index for index, line in enumerate(lines) if line.strip() == MARK]
    edges = [docstring.end_lineno, *starts, len(lines)]
    blocks = [Block(ast.get_docstring(ast.parse(source)), "", 1)]
    for start, end in pairwise(edges):
        first = start + (start in starts)
        text = []
        while start in starts and first < end and lines[first].startswith("#"):
            text.append(lines[first].removeprefix("#").removeprefix(" "))
            first += 1
        code = "\n".join(lines[first:end])
        blocks.append(Block("\n".join(text), code.rstrip(), first + 1))
    return [block for block in blocks if block.text or block.code]


def run(path: Path) -> list[Block]:
    """Run an example in this process, and return its blocks with output and pictures."""
    import matplotlib as mpl

    mpl.use("Agg")
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    blocks = read(path)
    for block in blocks:
        # Empty lines give errors the line numbers of the file.
        code = "\n" * (block.first_line - 1) + block.code
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, str(path), "exec"), names)  # noqa: S102
        block.output, block.pictures = printed.getvalue(), _pictures()
    return blocks


def _pictures() -> list[bytes]:
    """Return the open figures of pyplot as PNG, and close them."""
    import matplotlib.pyplot as plt

    found = []
    for number in plt.get_fignums():
        drawn = io.BytesIO()
        plt.figure(number).savefig(drawn, format="png", dpi=110, bbox_inches="tight")
        found.append(drawn.getvalue())
    plt.close("all")
    return found
