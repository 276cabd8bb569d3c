"""The examples of a document: its fenced blocks, and the commands within its sentences."""

import re
import shlex
import tomllib
from pathlib import Path

from sybil import Document, Region
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *("README.md", "CONTRIBUTING.md", "benchmarks/README.md"),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))),
]
PROGRAMS = "samplewise|make|python|pip|pytest|asv"
# Between single backticks, on one line.
INLINE = re.compile(rf"(?<!`)`((?:{PROGRAMS}) [^`\n]+)`(?!`)")
FENCE = re.compile(r"^ *```(.*)$", re.MULTILINE)
# A block without a fence, or behind a prompt, would not be found.
UNFENCED = re.compile(rf"^(?:    |\t)\$? *(?:{PROGRAMS}) .*$", re.MULTILINE)


def commands_of(text):
    """Return the commands of a shell's lines, each as its words."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def _toml(example):
    """Read a block; leave one that describes a sweep as the file that later commands name."""
    if "space" in tomllib.loads(example.parsed):
        Path("sweep.toml").write_text(example.parsed, encoding="utf-8")


OTHER_BLOCKS = PythonCodeBlockParser(), CodeBlockParser("toml", _toml)


def parsed(name, run, *, also=OTHER_BLOCKS):
    """Return a document of the repository, whose commands are given to `run`, each as its words."""

    def run_all(example):
        for words in commands_of(example.parsed):
            run(words)

    def inline(document):
        for found in INLINE.finditer(document.text):
            yield Region(found.start(), found.end(), found[1], run_all)

    return Document.parse(str(ROOT / name), CodeBlockParser("sh", run_all), inline, *also)


def all_commands():
    """Return every command of every document."""
    found = []
    for name in DOCUMENTS:
        for example in parsed(name, found.append, also=()):
            example.evaluate()
    return found
