"""Warnings are of samplewise's own class, and name the line of the caller's code."""

import ast
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samplewise
from samplewise.errors import SamplewiseWarning
from samplewise.io import lock

ENGINE = Path(samplewise.__file__).parent
# Those warn with scikit-learn's classes, as its users expect.
OTHERS = {"warn.py", "estimators/tasks.py", "estimators/fitted.py"}


def photos(folder):
    """Two images of different shapes, which are stretched."""
    for name, size in (("a", (8, 8)), ("b", (8, 12))):
        (folder / name).mkdir()
        Image.new("L", size).save(folder / name / "1.png")
    return folder


def free_text(folder):
    rows = "".join(f"name {k % 40},{k % 2}\n" for k in range(100))
    (folder / "t.csv").write_text(f"who,label\n{rows}")
    return folder / "t.csv"


def column_of_labels(folder):
    np.savez(folder / "t.npz", dataset=np.ones((4, 2)), labels=np.array([[0], [1], [0], [1]]))
    return folder / "t.npz"


@pytest.mark.parametrize("made", [photos, free_text, column_of_labels])
def test_warnings_of_data_are_at_the_line_that_called(tmp_path, made):
    data = made(tmp_path)
    with pytest.warns(SamplewiseWarning) as caught:
        samplewise.load_dataset(data)
    assert [(one.category, one.filename) for one in caught] == [(SamplewiseWarning, __file__)]


def test_those_of_a_context_manager_too(tmp_path, monkeypatch):
    def without_locks(_folder):
        raise lock.NoLockError(1, "no locks")

    monkeypatch.setattr(lock, "taken", without_locks)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with lock.locked(tmp_path, "two write there"):
            pass
    assert [(one.category, one.filename) for one in caught] == [(SamplewiseWarning, __file__)]


def test_no_other_module_warns_by_itself():
    found = set()
    for path in ENGINE.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if type(node) is ast.Call)
        if any(ast.unparse(call.func) == "warnings.warn" for call in calls):
            found.add(path.relative_to(ENGINE).as_posix())
    assert found == OTHERS
