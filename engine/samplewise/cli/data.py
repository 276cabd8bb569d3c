"""`samplewise data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.data.dataset import Dataset

Sheet = Annotated[
    Path | None, typer.Option("--out", help="A PNG to write a sheet of example images to.")
]


def data(
    data: options.Data = None,
    classes: options.Classes = None,
    label: options.Label = None,
    drop: options.Drop = None,
    image_size: options.ImageSize = None,
    fit: options.Fit = None,
    full_scale: options.FullScale = None,
    loss: options.Loss = None,
    out: Sheet = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Describe a dataset, and draw a sheet of its images on request."""
    # The first line, so that these are the options and nothing else.
    given = dict(locals())
    from samplewise.cli.outputs import check_output_file
    from samplewise.data.loading import load
    from samplewise.data.pixels import warn_of_scale
    from samplewise.data.statistics import statistics
    from samplewise.experiment.config_file import KINDS, effective

    wanted = effective({field: given.get(field) for field in KINDS}, None)
    if out is not None:
        check_output_file(out, force=force, source=wanted.data)
    dataset = load(wanted.data, wanted.classes, wanted.source_options())
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
    from samplewise.errors import DataError
    from samplewise.io.writing import write_bytes

    if dataset.image_shape is None:
        raise DataError(f"{dataset.name} is a table, not images; leave out --out")
    write_bytes(out, contact_sheet(dataset))


def _figures(dataset: Dataset) -> dict[str, Any]:
    from samplewise.data.columns import feature_names

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
        "fingerprint": dataset.fingerprint(),
    }
