"""`samplewise evaluate`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.cli.inputs import Said, Trained
    from samplewise.data.dataset import Dataset
    from samplewise.experiment.experiment import Experiment
    from samplewise.model.model import Model

PARTS = ("test", "train", "all")

Part = Annotated[
    str | None,
    typer.Option(
        help="test, train or all rows, split as in training.",
        show_default="test for a run folder, all for --data",
    ),
]


def evaluate(
    model: options.ModelPath,
    data: options.Data = None,
    classes: options.Classes = None,
    part: Part = None,
    label: options.Label = None,
    drop: options.Drop = None,
    full_scale: options.FullScale = None,
    sha256: options.Sha256 = None,
    as_json: options.AsJson = False,
) -> None:
    """Test a model: loss, accuracy, precision and recall of each class, confusion matrix."""
    from samplewise.checks import one_of
    from samplewise.cli.inputs import Said, load_trained

    chosen = one_of("part", part or ("test" if data is None else "all"), PARTS)
    trained = load_trained(model, sha256)
    said = Said(label, drop, full_scale)
    dataset = _rows(trained, data, _names(classes), chosen, said)
    if dataset.values is None:
        dataset = _with_classes_of(trained.model, dataset)
    figures = _figures(trained.model, dataset, chosen, said=full_scale is not None)
    if as_json:
        console.result_json(figures)
    elif "confusion" not in figures:
        console.table(_scores(figures))
    else:
        _print(figures, trained.model.class_names)


def _names(classes: str | None) -> tuple[str, ...] | None:
    from samplewise.experiment.config_file import KINDS

    if classes is None:
        return None
    names: tuple[str, ...] = KINDS["classes"].from_text("classes", classes)
    return names


def _rows(
    trained: Trained,
    data: str | None,
    classes: tuple[str, ...] | None,
    part: str,
    said: Said,
) -> Dataset:
    """Return the rows to test on.

    Environment variables play no part: SAMPLEWISE_SEED would change which rows were kept for
    testing. Nor do classes: the run's own rows are split first, and then chosen from.

    Args:
        trained: the model, with its run's experiment where it came in a run folder.
        data: used instead of the run's.
        classes: the classes to test on; None keeps the run's, or all.
        part: one of `PARTS`.
        said: how other data than the run's is read.
    """
    from samplewise.cli.inputs import is_folder, note_on_columns, source_options
    from samplewise.data.loading import load
    from samplewise.errors import ParameterError
    from samplewise.experiment.run import cut

    base = trained.experiment()
    if data is None:
        return _own_rows(trained, base, classes, part, said)
    if base is None and part != "all":
        raise ParameterError(
            f"part is '{part}', but only the folder of a run says how its rows were split; "
            "give the folder, or use --part all"
        )
    options = source_options(trained, said, of_files=is_folder(data))
    dataset = load(data, None, options, trained.model.columns)
    note_on_columns(trained.model, dataset.columns, dataset.name)
    if classes is None and base is not None and base.classes is not None:
        # Not all need be there: a model may be tried on rows of one class.
        classes = tuple(name for name in base.classes if name in dataset.class_names) or None
    if base is not None and part != "all":
        training, test = cut(base, dataset)
        dataset = test if part == "test" else training
    return dataset if classes is None else dataset.select(classes)


def _own_rows(
    trained: Trained,
    base: Experiment | None,
    classes: tuple[str, ...] | None,
    part: str,
    said: Said,
) -> Dataset:
    """Return rows that the model's own run kept for testing, or trained on, or all."""
    from samplewise.checks import printable
    from samplewise.data.loading import load
    from samplewise.errors import ParameterError
    from samplewise.experiment.run import cut

    if base is None:
        raise ParameterError("a model file does not say what to test on; name it with --data")
    given = [f"--{name.replace('_', '-')}" for name, text in vars(said).items() if text is not None]
    if given:
        raise ParameterError(
            f"{given[0]} goes with --data; a run's own rows are read as in training"
        )
    _check_is_here(base.data)
    options, columns = base.source_options(), trained.model.columns
    if part == "all":
        return load(base.data, classes or base.classes, options, columns)
    training, test = cut(base, load(base.data, base.classes, options, columns))
    if trained.training_fingerprint() not in (None, training.fingerprint()):
        console.warning(
            f"{printable(base.data)} has changed since this run; its test rows may have been "
            "trained on"
        )
    rows = test if part == "test" else training
    return rows if classes is None else rows.select(classes)


def _check_is_here(data: str) -> None:
    """Say more than that a file is missing: a run may have been made from another folder."""
    import os

    from samplewise.checks import printable
    from samplewise.data.loading import SOURCES
    from samplewise.errors import DataError

    if data in SOURCES or data.startswith("synthetic:") or os.path.lexists(data):
        return
    raise DataError(
        f"this run was trained on '{printable(data)}', which is not there from the current folder; "
        "name it with --data"
    )


def _with_classes_of(model: Model, dataset: Dataset) -> Dataset:
    """Return the dataset with its classes numbered as the model numbers them."""
    import numpy as np

    from samplewise.checks import option_value, printable
    from samplewise.errors import DataError

    unknown = [name for name in dataset.class_names if name not in model.class_names]
    if unknown:
        shared = [name for name in model.class_names if name in dataset.class_names]
        hint = f": choose with --classes {option_value(shared)}" if len(shared) > 1 else ""
        raise DataError(
            f"{dataset.name} has the class '{printable(unknown[0])}', which this model does not "
            f"know; it knows {printable(', '.join(model.class_names))}{hint}"
        )
    numbers = np.array([model.class_names.index(name) for name in dataset.class_names])
    return dataclasses.replace(
        dataset, labels=numbers[dataset.labels], class_names=model.class_names
    )


def _figures(model: Model, dataset: Dataset, part: str, *, said: bool) -> dict[str, Any]:
    """Return the figures of a test; `said` tells whether the user gave the dataset's white."""
    from samplewise.cli.inputs import on_model_scale
    from samplewise.experiment.scores import classification_report, defined, scores

    X = on_model_scale(
        model,
        dataset.X,
        dataset.full_scale,
        dataset.name,
        array_dtype=dataset.array_dtype,
        said=said,
    )
    found = scores(model, X, dataset.targets)
    figures = {
        "data": {"name": dataset.name, "source": dataset.source, "synthetic": dataset.synthetic},
        "part": part,
        "rows": len(dataset),
        "loss": found.loss,
        "accuracy": found.accuracy,
    }
    if found.confusion is None or found.decisions is None:
        return {**figures, "r2": defined(found.r2)}
    names = list(model.class_names)
    return {
        **figures,
        "classes": names,
        "classification_report": classification_report(dataset.labels, found.decisions, names),
        "confusion": found.confusion.tolist(),
    }


def _scores(figures: dict[str, Any]) -> list[tuple[str, str]]:
    from samplewise.experiment.scores import r2_text

    data = figures["data"]
    rows = [
        ("synthetic data" if data["synthetic"] else "data", f"{data['name']}: {data['source']}"),
        ("rows", f"{figures['rows']:,} ({figures['part']})"),
        ("loss", f"{figures['loss']:.4g}"),
    ]
    if figures["accuracy"] is not None:
        return [*rows, ("accuracy", f"{figures['accuracy']:.1%}")]
    return [*rows, ("R²", r2_text(figures["r2"]))]


def _print(figures: dict[str, Any], names: tuple[str, ...]) -> None:
    console.table(_scores(figures))
    measures = ("precision", "recall", "f1-score")
    rows = []
    for name in (*names, "macro avg", "weighted avg"):
        row = figures["classification_report"][name]
        rows.append((name, *(f"{row[m]:.4f}" for m in measures), f"{row['support']:,.0f}"))
    console.result("")
    console.table(rows, ("class", *measures, "rows"), numbers=True)
    console.result("")
    counts = zip(names, figures["confusion"], strict=True)
    rows = [(name, *(f"{count:,}" for count in row)) for name, row in counts]
    console.table(rows, ("true, predicted as", *names), numbers=True)
