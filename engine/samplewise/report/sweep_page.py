"""The page of a sweep: its best candidates, pictures of the factors, and the failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from samplewise.experiment.config_file import write_config
from samplewise.io.reading import is_there
from samplewise.io.writing import write_bytes, write_text
from samplewise.report import html
from samplewise.report.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Document,
    FactList,
    Heading,
    Headline,
    Paragraph,
    Picture,
    Pictures,
    Table,
    TableRow,
)
from samplewise.report.sweep_facts import as_text, facts, origin
from samplewise.sweep.candidates import DONE, FAILED, GREATER_IS_BETTER, PAUSED, Candidate
from samplewise.sweep.definition import Sweep
from samplewise.sweep.definition_file import SWEEP, write_sweep
from samplewise.sweep.results import SweepResult
from samplewise.sweep.space import Range
from samplewise.sweep.trials import named
from samplewise.text import counted, grouped, rounded

PAGE, TRIALS, PARQUET, BEST = "sweep.html", "trials.csv", "trials.parquet", "best.toml"
SHOWN_CANDIDATES, SHOWN_FAILURES = 50, 20
# Of a heat map in each direction, and factors that are drawn by themselves.
_MOST_VALUES, _MOST_FACTORS = 24, 6
# Of the picture of all factors; more would hide one another.
_MOST_LINES = 200
# Pixels of a picture to a rem of the page.
_PIXELS_A_REM = 22


def write_page(result: SweepResult, folder: Path, metric: str | None = None) -> None:
    """Write table, page, best configuration and definition of a sweep into its folder.

    Each is whole or absent. A definition that is there stays, with its comments.

    Raises:
        ParameterError: the metric is unknown.
        OutputError: the disk is full, or the folder is gone.
    """
    write_text(folder / TRIALS, result.to_csv())
    best = result.best(metric)
    if best is not None:
        write_text(folder / BEST, write_config(result.experiment(best)))
    if not is_there(folder / SWEEP):
        write_text(folder / SWEEP, write_sweep(result.sweep))
    write_text(folder / PAGE, html.render(document(result, metric)))


def write_parquet(result: SweepResult, folder: Path) -> None:
    """Write the table of a sweep into its folder as a Parquet file, whole or not at all.

    Raises:
        ParameterError: pandas or pyarrow is not installed.
        OutputError: the disk is full, or the folder is gone.
    """
    write_bytes(folder / PARQUET, result.to_parquet())


def document(result: SweepResult, metric: str | None = None) -> Document:
    """Return the page of a sweep before it is rendered."""
    metric = metric or result.default_metric
    candidates = result.candidates(metric)
    best = result.best(metric)
    status = [row["status"] for row in result.rows]
    failed = [row for row in result.rows if row["status"] == FAILED]
    seeds = len(result.sweep.seeds)
    return Document(
        title="A sweep over " + ", ".join(result.sweep.factors),
        lead=f"{counted(len(candidates), 'candidate')}, each with {counted(seeds, 'seed')}, "
        f"compared by {result.sweep.in_words(metric)}.",
        warning="",
        headlines=(
            Headline(
                "best candidate", "none yet" if best is None else f"{best.number}", _why(best)
            ),
            Headline(metric, _mean(best), "mean over its seeds"),
            Headline("trials", grouped(status.count(DONE)), _others(status)),
        ),
        blocks=(
            *_ranking(result.sweep.factors, candidates, best, metric),
            *_pictures(result, candidates, metric),
            *_failures(failed),
            Heading("The sweep"),
            FactList(facts(result.sweep.definition)),
            *origin(result),
        ),
    )


def _others(status: Sequence[str]) -> str:
    """Return how many trials there are, and how many of them failed or stay in their rungs."""
    words = f"of {grouped(len(status))}; {grouped(status.count(FAILED))} failed"
    paused = status.count(PAUSED)
    if paused:
        words += f", {grouped(paused)} paused at a rung, with figures in {TRIALS}"
    return words


def _why(best: Candidate | None) -> str:
    if best is None:
        return "no candidate has all its trials"
    return f"{named(best.values)}; {best.distinction}"


def _mean(one: Candidate | None) -> str:
    return "" if one is None or one.mean is None else rounded(one.mean, 4)


def _ranking(
    factors: Sequence[str], candidates: Sequence[Candidate], best: Candidate | None, metric: str
) -> list[Block]:
    columns = (*factors, metric, "parameters", "epochs", "done", "failed")
    rows = [
        TableRow(
            f"{one.number}, best" if one == best else str(one.number),
            (
                *(Cell(as_text(value)) for value in one.values.values()),
                Cell(_mean(one), "" if one.margin is None else f"± {rounded(one.margin, 2)}"),
                Cell("" if one.parameters is None else grouped(one.parameters)),
                Cell("" if one.epochs is None else f"{one.epochs:g}"),
                Cell(str(one.seeds)),
                Cell(str(one.failed)),
            ),
        )
        for one in candidates[:SHOWN_CANDIDATES]
    ]
    better = "greater" if GREATER_IS_BETTER[metric] else "smaller"
    words = (
        f"Best first ({better} is better); candidates with a failed, paused or missing trial "
        "are last."
    )
    if any(one.margin is not None for one in candidates):
        words += " The small figures are Student's 95 % intervals of the mean over the seeds."
    if metric.startswith("test"):
        words += (
            " The test rows chose the best one here, so that its figure is too good; hold rows out "
            "with validation_fraction, or name some by validation_data, to choose by them."
        )
    if len(candidates) > SHOWN_CANDIDATES:
        words += (
            f" The first {SHOWN_CANDIDATES} of {grouped(len(candidates))}; all are in {TRIALS}."
        )
    table = Table("candidate", tuple(Column(n, accent=n == metric) for n in columns), tuple(rows))
    return [Heading("Candidates"), Paragraph(words, quiet=True), table]


def _pictures(result: SweepResult, candidates: Sequence[Candidate], metric: str) -> list[Block]:
    """Draw the best mean at each value of a factor, whatever the others are."""
    from samplewise.plots.sweeps import against_factor, heat_map

    measured = [one for one in candidates if one.mean is not None and one.is_whole]
    pictures = []
    for word in result.sweep.factors[:_MOST_FACTORS]:
        numbers = [_number(one.values[word]) for one in measured]
        # The first candidate of a number is its best.
        pairs = [*zip(numbers, measured, strict=True)]
        points = sorted({x: one for x, one in reversed(pairs) if x is not None}.items())
        if None in numbers or len(points) < 2:
            continue
        means = [one.mean or 0.0 for _, one in points]
        margins = [one.margin or 0.0 for _, one in points]
        title = f"{metric} against {word}"
        png = against_factor([x for x, _ in points], means, margins, (word, metric), title)
        caption = f"At each {word}, the best candidate"
        caption += ", with its 95 % interval over the seeds." if any(margins) else "."
        pictures.append(_picture(f"{word}.png", png, title, caption))
    grids = [word for word in result.sweep.factors if _is_grid(result.sweep, measured, word)][:2]
    if len(grids) == 2:
        means, rows, columns = _cells(measured, grids)
        title = f"{metric} against {grids[0]} and {grids[1]}"
        better = GREATER_IS_BETTER[metric]
        axes = (grids[0], rows), (grids[1], columns)
        png = heat_map(means, *axes, metric, title, greater_is_better=better)
        caption = (
            "In each cell the mean over the seeds of the best candidate; the darker, the better."
        )
        pictures.append(_picture("heat_map.png", png, title, caption))
    pictures += _parallel(result.sweep.factors[:_MOST_FACTORS], measured, metric)
    return [Heading("Factors"), Pictures(tuple(pictures))] if pictures else []


def _parallel(
    factors: Sequence[str], candidates: Sequence[Candidate], metric: str
) -> list[Picture]:
    """Draw every candidate across all factors, where there are several."""
    from samplewise.plots.sweeps import parallel_coordinates

    if len(factors) < 2 or len(candidates) < 3:
        return []
    # In the order of the sweep, so that texts stand on their axes in that order.
    shown = sorted(candidates[:_MOST_LINES], key=lambda one: one.number)
    columns: dict[str, Sequence[float | str]] = {}
    for word in factors:
        numbers = [_number(one.values[word]) for one in shown]
        found = [number for number in numbers if number is not None]
        texts = [as_text(one.values[word]) for one in shown]
        columns[word] = found if len(found) == len(shown) else texts
    columns[metric] = [one.mean or 0.0 for one in shown]
    title = f"{metric} across all factors"
    better = GREATER_IS_BETTER[metric]
    png = parallel_coordinates(columns, title, greater_is_better=better)
    caption = "A line for each candidate, the darkest for the best."
    if len(shown) < len(candidates):
        caption = f"A line for each of the best {len(shown)} candidates, the darkest for the best."
    return [_picture("parallel.png", png, title, caption)]


def _picture(file: str, png: bytes, title: str, caption: str) -> Picture:
    """Return a picture of the page, at one scale with all others, so that letters are as large."""
    pixels = int.from_bytes(png[16:20])  # the width, as a PNG begins
    return Picture(file, png, title, caption, width=max(1, pixels // _PIXELS_A_REM))


def _number(value: Any) -> float | None:
    """Return a value as a number; one layer is its width. None for texts and several layers."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return float(value) if isinstance(value, int | float) else None


def _is_grid(sweep: Sweep, candidates: Sequence[Candidate], word: str) -> bool:
    # Values drawn from a range have a cell each.
    if isinstance(sweep.space.factors[word], Range):
        return False
    return 2 <= len({as_text(one.values[word]) for one in candidates}) <= _MOST_VALUES


def _cells(
    candidates: Sequence[Candidate], words: Sequence[str]
) -> tuple[Any, list[str], list[str]]:
    in_order = sorted(candidates, key=lambda one: one.number)
    names = [list(dict.fromkeys(as_text(one.values[word]) for one in in_order)) for word in words]
    means = np.full((len(names[0]), len(names[1])), np.nan)
    for one in reversed(candidates):
        row, column = (names[i].index(as_text(one.values[word])) for i, word in enumerate(words))
        means[row, column] = one.mean
    return means, names[0], names[1]


def _failures(failed: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not failed:
        return []
    lines = [
        f"candidate {row['candidate']}, seed {row['seed']}: {row['reason']}"
        for row in failed[:SHOWN_FAILURES]
    ]
    if len(failed) > SHOWN_FAILURES:
        lines.append(f"and {grouped(len(failed) - SHOWN_FAILURES)} more in {TRIALS}")
    again = Paragraph("They are repeated with --retry-failed.", quiet=True)
    return [Heading("Failures"), Bullets(tuple(lines)), again]
