"""The reference has every public name once, and the site every page."""

import importlib
import re
from collections import Counter

import pytest
from examples import ROOT

import samplewise

PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
NAMES = [
    name
    for page in PAGES
    for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
]


def test_no_name_is_there_twice():
    assert [name for name, count in Counter(NAMES).items() if count > 1] == []


@pytest.mark.parametrize("module", ["samplewise", "samplewise.contract", "samplewise.testing"])
def test_every_public_name_is_there(module):
    found = importlib.import_module(module)
    # Constants have no docstrings.
    public = {name for name in found.__all__ if callable(getattr(found, name))}
    assert public - {name.removeprefix(f"{module}.") for name in NAMES} == set()


@pytest.mark.parametrize("name", NAMES)
def test_each_name_exists(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)
    if module == "samplewise":
        assert attribute in samplewise.__all__
