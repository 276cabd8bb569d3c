"""`samplewise data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from samplewise.cli import console, options
from samplewise.cli.options import output
from samplewise.data.columns import feature_names
from samplewise.errors import DataError
from samplewise.experiment.experiment import Experiment

if TYPE_CHECKING:
    from samplewise.data.dataset import Dataset

Sheet = Annotated[Path | None, output("FILE", "PNG to write a sheet of example images to.")]


@options.settings(*options.SOURCE, "loss", config=False)
def data(
    experiment: Experiment,
    out: Sheet = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Describe a dataset, and draw a sheet of its images on request."""
    from samplewise.cli.outputs import check_picture
    from samplewise.data.loading import load
    from samplewise.data.pixels import warn_of_scale
    from samplewise.data.statistics import statistics

    wanted = experiment.data
    if out is not None:
        check_picture(out, force=force, source=wanted.source)
    dataset = load(wanted.source, wanted.classes, experiment.source_options())
    warn_of_scale(dataset)
    rows = list(statistics(dataset))
    if out is not None:
        _write_sheet(dataset, out)
        rows.append(("written to", str(out)))
    if as_json:
        console.result_json({**_figures(dataset), "statistics": dict(rows)})
    else:
        console.table(rows)


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
