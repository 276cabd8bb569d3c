"""What a sweep was and what it was begun with, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samplewise.report.document import Block, FactList, Heading, Paragraph
from samplewise.sweep.definition_file import SWEEP
from samplewise.sweep.results import SweepResult


def facts(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the words of a sweep with their values, as texts."""
    found = [*definition["settings"].items(), *definition["space"].items()]
    others = [
        (name, value) for name, value in definition.items() if name not in ("settings", "space")
    ]
    return [(name, as_text(value)) for name, value in (*found, *others) if value is not None]


def origin(result: SweepResult) -> list[Block]:
    """Return what else a reader needs to repeat the sweep: rows, versions, machine."""
    found = result.environment
    if not found:
        return []
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    lines = [
        ("rows", f"SHA-256 {result.data_fingerprint}"),
        ("versions", versions),
        ("processor", found["processor"]),
        ("platform", found["platform"]),
    ]
    words = f"{SWEEP} in this folder repeats it: samplewise sweep {SWEEP} --out again."
    return [Heading("Begun with"), FactList(lines), Paragraph(words, quiet=True)]


def as_text(value: Any) -> str:
    """Return a value of a setting for a page."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_entry, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name} {as_text(one)}" for name, one in value.items())
    return str(value)


def _entry(value: Any) -> str:
    """Return an entry of a list; the layers of one network stay together."""
    return f"[{as_text(value)}]" if isinstance(value, list) else as_text(value)
