"""Figures of pyplot, drawn without a screen and closed after each test."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def figures(monkeypatch):
    """Refuse `show`, and close what a test drew."""
    monkeypatch.setattr(plt, "show", lambda *_: pytest.fail("a display was shown"))
    before = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)
