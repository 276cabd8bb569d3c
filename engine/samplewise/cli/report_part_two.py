"""`samplewise report --part 2`: what the report's authors did next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from samplewise.cli import console

if TYPE_CHECKING:
    from samplewise.experiment.experiment import Experiment
    from samplewise.report.part_two.measured import Measured, MeasuredRow


def run(settings: Experiment, repeats: int, out: Path, *, force: bool, as_json: bool) -> None:
    """Measure, write and tell Part 2.

    Args:
        settings: as `samplewise.report.part_two.measure.measure`.
        repeats: runs of each row.
        out: the folder.
        force: replace the report that is there.
        as_json: tell all values as JSON.
    """
    from samplewise.cli.report_progress import told_of_runs
    from samplewise.io.writing import check_output_folder
    from samplewise.report.part_two import rows
    from samplewise.report.part_two.measure import measure
    from samplewise.report.part_two.results import results
    from samplewise.report.part_two.write import FILES, write_report

    check_output_folder(out, force=force, known=FILES)
    with told_of_runs(len(rows.rows()), repeats, _name, _note) as on_run:
        measured = measure(settings, repeats=repeats, on_run=on_run)
    write_report(measured, out, force=force)
    for text in measured.notes:
        console.warning(text)
    if as_json:
        console.result_json({**results(measured), "folder": str(out)})
    else:
        _print(measured, out)


def _name(row: MeasuredRow) -> str:
    return row.row.id


def _note(row: MeasuredRow) -> None:
    from samplewise.report.part_two.tables import accuracy, train_ms
    from samplewise.report.wording import percent
    from samplewise.text import three_digits

    console.note(
        f"{row.row.id:<12} accuracy {percent(accuracy(row).mean)}  "
        f"{three_digits(train_ms(row).mean)} ms"
    )


def _print(measured: Measured, out: Path) -> None:
    from samplewise.report.part_two.remarks import what_differs
    from samplewise.report.part_two.single import IMAGE
    from samplewise.report.wording import runs
    from samplewise.report.write import HTML, MARKDOWN, RESULTS

    header = ["row", "test %", "here", "validation %", "training %", "ms"]
    console.table([_cells(row) for row in measured.rows], header, numbers=True)
    ours = f"one run on {measured.dataset.title}"
    if measured.repeats > 1:
        ours = (
            f"the mean of {runs(measured.repeats)} on {measured.dataset.title}, of test rows with "
            "the lowest and the highest"
        )
    console.result(f"\nAccuracies, published and here: {ours}.\nms: of the training steps.")
    for line in what_differs(measured):
        console.result(line)
    console.result(f"written to {out}: {HTML}, {MARKDOWN}, {RESULTS}, pictures, models and {IMAGE}")


def _cells(row: MeasuredRow) -> list[str]:
    from samplewise.report.part_two.tables import NONE, accuracy, train_ms
    from samplewise.report.spread import Spread, mean_text
    from samplewise.text import three_digits

    published = row.row.accuracy
    return [
        row.row.id,
        NONE if published is None else f"{100 * published:.1f}",
        mean_text(accuracy(row).scaled(100), "{:.1f}".format),
        f"{100 * Spread.of([run.validation_accuracies[-1] for run in row.runs]).mean:.1f}",
        f"{100 * Spread.of([run.accuracies[-1] for run in row.runs]).mean:.1f}",
        three_digits(train_ms(row).mean),
    ]
