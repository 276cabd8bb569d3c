"""A report from its measurements: the texts of `parts.toml`, and the blocks of both parts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from samplewise.data.statistics import statistics
from samplewise.report.document import Block, Bullets, Document, FactList, Heading, Headline
from samplewise.report.experiments import parts_data
from samplewise.report.measure import Measured, MeasuredRow, Run
from samplewise.report.wording import Spread, class_names
from samplewise.text import counted, grouped, percent, three_digits, times

Texts = dict[str, Any]


@dataclass(frozen=True)
class Content:
    """The content of the reports of one part, from its measurements.

    Args:
        facts: values that its texts name.
        body: blocks between the headlines and the differences from the published runs.
        results: its own measured values, as JSON values.
        files: names of all files besides the texts.
        note: a line on a row, once it is measured.
        header: of the terminal's table.
        cells: of a row there.
        save: writes files besides texts and pictures into a folder.
    """

    facts: Callable[[Measured[Any]], dict[str, Any]]
    body: Callable[[Measured[Any], Texts], tuple[Block, ...]]
    results: Callable[[Measured[Any]], dict[str, Any]]
    files: tuple[str, ...]
    note: Callable[[MeasuredRow[Any]], str]
    header: tuple[str, ...]
    cells: Callable[[Measured[Any], MeasuredRow[Any]], list[str]]
    save: Callable[[Measured[Any], Path], None] = lambda _measured, _folder: None


def texts(measured: Measured[Any], facts: dict[str, Any]) -> Texts:
    """Return the texts that a part and both parts have for these measurements."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined)  # noqa: S701 - plain text
    values = {**context(measured), **facts}

    def written(node: Any) -> Any:
        if isinstance(node, str):
            return environment.from_string(node).render(values)
        if isinstance(node, dict):
            return {key: written(value) for key, value in node.items()}
        items = [
            tuple(map(written, item)) if isinstance(item, list) else written(item) for item in node
        ]
        # Empty texts are left out, and rows with one.
        return [item for item in items if item and all(item)]

    own, both = measured.part.data["texts"], parts_data()["both"]
    values.update(seeded=own["seeded"], own=own["own"])
    values["here"] = written(both["here"])
    found: Texts = written({**both, **own, "conditions": own["conditions"] + both["conditions"]})
    return found


def context(measured: Measured[Any]) -> dict[str, Any]:
    """Return the values and functions that the texts of both parts name."""
    history, training = measured.chosen.first.history, measured.data.training
    at_once = measured.at_once
    return {
        "measured": measured,
        "label": measured.dataset.title,
        "names": class_names(measured.dataset),
        "published": measured.part.data["published"],
        "seed": measured.settings.training.seed,
        "dtype": measured.settings.training.dtype,
        "preprocessing": measured.data.preprocessing.name,
        "training_rows": len(training),
        "test_rows": len(measured.data.test),
        "features": training.features,
        "history": history,
        "machine": history.environment,
        "plans": ", ".join(sorted({run.plan for row in measured.rows for run in row.runs})),
        "at_once": at_once,
        "at_once_ms": None if at_once is None else Spread.of(at_once.train_ms),
        "ours_ms": sum(row.spread("train_ms").mean for row in measured.rows),
        "counted": counted,
        "grouped": grouped,
        "percent": percent,
        "three_digits": three_digits,
        "times": times,
    }


def document(measured: Measured[Any], content: Content) -> Document:
    """Return the report of these measurements."""
    written = texts(measured, content.facts(measured))
    notes = measured.notes if measured.part.data["shows_notes"] else ()
    return Document(
        title=written["title"],
        lead=written["lead"],
        warning=written["warning"],
        headlines=tuple(Headline(*line) for line in written["headlines"]),
        blocks=(
            *content.body(measured, written),
            Heading(f"What differs from {measured.part.data['called']}"),
            Bullets(tuple(written["differences"])),
            Heading("What was run"),
            FactList([*written["conditions"], *(("note", text) for text in notes)]),
            Heading("The data"),
            FactList(statistics(measured.dataset)),
            Heading("The machine"),
            FactList(written["machine"]),
        ),
    )


def run_values(run: Run, left_out: Collection[str]) -> dict[str, Any]:
    """Return a run as JSON values, without the fields that its part does not have."""
    return {name: value for name, value in asdict(run).items() if name not in left_out}
