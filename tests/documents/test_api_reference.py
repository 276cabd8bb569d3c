"""The reference has every public class and function once."""

import importlib
import re
from collections import Counter

import pytest
from examples import ROOT

PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
NAMES = [
    name
    for page in PAGES
    for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
]


def named(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_nothing_is_there_twice():
    counts = Counter(id(named(name)) for name in NAMES)
    assert [name for name in NAMES if counts[id(named(name))] > 1] == []


@pytest.mark.parametrize("module", ["samplewise", "samplewise.contract", "samplewise.testing"])
def test_every_public_name_is_there(module):
    found = importlib.import_module(module)
    described = {id(named(name)) for name in NAMES}
    # Constants have no docstrings.
    public = [name for name in found.__all__ if callable(getattr(found, name))]
    assert [name for name in public if id(getattr(found, name)) not in described] == []


def test_public_names_are_described_by_their_public_home():
    public = set(importlib.import_module("samplewise").__all__)
    inner = [name for name in NAMES if name.rpartition(".")[2] in public]
    assert [name for name in inner if name.count(".") > 1] == []
