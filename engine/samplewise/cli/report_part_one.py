"""`samplewise report --part 1`: the report's own tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from samplewise.cli import console

if TYPE_CHECKING:
    from samplewise.experiment.experiment import Experiment
    from samplewise.report.part_one.measured import AtOnce, Measured, MeasuredRow


def run(settings: Experiment, repeats: int, out: Path, *, force: bool, as_json: bool) -> None:
    """Measure, write and tell Part 1.

    Args:
        settings: as `samplewise.report.part_one.measure.measure`.
        repeats: runs of each row.
        out: the folder.
        force: replace the report that is there.
        as_json: tell all values as JSON.
    """
    from samplewise.cli.report_progress import told_of_runs
    from samplewise.io.writing import check_output_folder
    from samplewise.report.part_one import published
    from samplewise.report.part_one.measure import measure
    from samplewise.report.part_one.write import FILES, write_report

    check_output_folder(out, force=force, known=FILES)
    rows = len(published.published_rows())
    with told_of_runs(rows, repeats, _name, _note) as on_run:
        measured = measure(settings, repeats=repeats, on_run=on_run)
    write_report(measured, out, force=force)
    for text in measured.chosen.history.notes:
        console.warning(text)
    if as_json:
        _print_json(measured, out)
    else:
        _print(measured, out)


def _name(row: MeasuredRow) -> str:
    return row.published.id


def _note(row: MeasuredRow) -> None:
    from samplewise.report.part_one.published import TRAINING_ROWS
    from samplewise.report.part_one.tables import summarize
    from samplewise.report.wording import percent
    from samplewise.text import three_digits

    ours = summarize(row, TRAINING_ROWS)
    console.note(
        f"{row.published.id:<11} loss {ours.final_loss.mean:.4f}  "
        f"accuracy {percent(ours.accuracy.mean)}  {three_digits(ours.train_ms.mean)} ms"
    )


def _print(measured: Measured, out: Path) -> None:
    from samplewise.report.part_one.remarks import what_differs
    from samplewise.report.wording import runs
    from samplewise.report.write import HTML, MARKDOWN, RESULTS

    training_rows = len(measured.data.training)
    # Short enough for a terminal of 80 columns.
    header = ["row", "loss", "here", "ms", "here", "acc %", "here", "faster"]
    rows = [_cells(row, training_rows) for row in measured.rows]
    console.table(rows, header, numbers=True)
    console.result(
        f"\nPublished figures, and here the mean of {runs(measured.repeats)} on "
        f"{measured.dataset.title}, accuracy with the lowest and the highest.\n"
        "loss: of the last epoch. ms: of the training steps. faster: the speed-up, published time "
        "of a training step by ours."
    )
    if measured.at_once is not None:
        console.result(_together(measured.at_once))
    for line in what_differs(measured):
        console.result(line)
    console.result(f"written to {out}: {HTML}, {MARKDOWN}, {RESULTS} and pictures")


def _together(at_once: AtOnce) -> str:
    from samplewise.text import three_digits

    total, repeats = sum(at_once.train_ms), len(at_once.train_ms)
    return (
        f"The {at_once.networks} networks of a repeat trained together in "
        f"{three_digits(total / repeats)} ms, all {at_once.networks * repeats} in "
        f"{three_digits(total)} ms; each was trained by itself too, for its ms."
    )


def _cells(row: MeasuredRow, training_rows: int) -> list[str]:
    from samplewise.report.part_one.tables import summarize
    from samplewise.report.spread import mean_text
    from samplewise.report.wording import times
    from samplewise.text import three_digits

    theirs, ours = row.published, summarize(row, training_rows)
    return [
        theirs.id,
        f"{theirs.final_loss:.4f}",
        f"{ours.final_loss.mean:.4f}",
        three_digits(theirs.train_ms),
        three_digits(ours.train_ms.mean),
        f"{100 * theirs.accuracy:.1f}",
        mean_text(ours.accuracy.scaled(100), "{:.1f}".format),
        times(ours.speed_up),
    ]


def _print_json(measured: Measured, out: Path) -> None:
    from samplewise.report.part_one.results import results

    console.result_json({**results(measured), "folder": str(out)})
