"""`samplewise data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from samplewise.cli import console, options
from samplewise.cli.options import output
from samplewise.data.columns import feature_names
from samplewise.errors import DataError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.source_rows import HELD, load_source

if TYPE_CHECKING:
    from samplewise.data.dataset import Dataset

Sheet = Annotated[Path | None, output("FILE", "PNG to write a sheet of example images to.")]


@options.settings(*options.SOURCE, *HELD, "loss", config=False)
def data(
    experiment: Experiment,
    out: Sheet = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Describe a dataset, and draw a sheet of its images on request.

    Rows of --validation-data and --test-data are described, too, as training reads them.
    """
    from samplewise.cli.outputs import check_picture
    from samplewise.data.statistics import statistics

    wanted = experiment.data
    if out is not None:
        check_picture(out, force=force, source=wanted.source)
    datasets = _datasets(experiment)
    tables = {word: list(statistics(rows)) for word, rows in datasets.items()}
    if out is not None:
        _write_sheet(datasets["data"], out)
        tables["data"].append(("written to", str(out)))
    if as_json:
        figures = {
            word: {**_figures(rows), "statistics": dict(tables[word])}
            for word, rows in datasets.items()
        }
        console.result_json({**figures.pop("data"), **figures})
        return
    for place, (word, table) in enumerate(tables.items()):
        if place:
            console.result("")
            table[0] = (word.replace("_", " "), table[0][1])
        console.table(table)


def _datasets(experiment: Experiment) -> dict[str, Dataset]:
    """Return the rows of each setting that names some."""
    from samplewise.data.pixels import warn_of_scale
    from samplewise.experiment.held_rows import held_rows

    wanted = experiment.data
    dataset = load_source(experiment, wanted.classes)
    warn_of_scale(dataset)
    held = held_rows(experiment, dataset, wanted.source)
    found = zip(("data", *HELD), (dataset, held.validation, held.test), strict=True)
    return {word: rows for word, rows in found if rows is not None}


def _write_sheet(dataset: Dataset, out: Path) -> None:
    from samplewise.data.contact_sheet import contact_sheet
    from samplewise.io.writing import write_bytes

    if dataset.image_shape is None:
        raise DataError(f"{dataset.name} is a table, not images; leave out --out")
    write_bytes(out, contact_sheet(dataset))


def _figures(dataset: Dataset) -> dict[str, Any]:
    counts = dict(zip(dataset.class_names, dataset.counts().tolist(), strict=False))
    names = None if dataset.columns is None else feature_names(dataset.columns)
    return {
        "name": dataset.name,
        "source": dataset.source,
        "synthetic": dataset.synthetic,
        "rows": len(dataset),
        "features": dataset.features,
        "feature_names": names,
        "image_shape": dataset.image_shape,
        "full_scale": dataset.full_scale,
        "classes": counts if dataset.values is None else None,
        "targets": None if dataset.values is None else dataset.values.shape[1],
        "target_names": dataset.target_names,
        "fingerprint": dataset.fingerprint(),
    }
