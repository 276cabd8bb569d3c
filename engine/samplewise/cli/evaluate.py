"""`samplewise evaluate`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.checks import one_of, printable
from samplewise.cli import console, options
from samplewise.cli.options import option
from samplewise.data.columns import composed, places
from samplewise.errors import DataError, ParameterError
from samplewise.options.kinds import names

if TYPE_CHECKING:
    from samplewise.cli.trained import TrainedModel
    from samplewise.data.dataset import Dataset
    from samplewise.experiment.experiment import Experiment
    from samplewise.experiment.scores import Scores
    from samplewise.model.model import Model

PARTS = ("test", "train", "all")
WORDS = ("data", *options.READING)
Given = Annotated[
    str | None,
    typer.Argument(
        metavar="INPUT",
        show_default=False,
        help="Labelled rows to test on, as --data.  [default: those that the run kept for testing]",
    ),
]
Classes = Annotated[
    str | None,
    option(
        "NAMES",
        "Classes to test on, as in 4,9; a name with a comma in double quotes.  "
        "[default: the run's]",
        panel="Data",
    ),
]

Part = Annotated[
    str | None,
    option(
        "NAME",
        "Rows to test on, split as in training.  [choices: test, train, all; default: test "
        "for a run folder, all for INPUT or --data]",
    ),
]


@options.given(*WORDS, defaults=dict.fromkeys(WORDS, "the run's"), classes=Classes)
def evaluate(
    given: dict[str, Any],
    model: options.ModelPath,
    source: Given = None,
    part: Part = None,
    sha256: options.Sha256 = None,
    as_json: options.AsJson = False,
) -> None:
    """Test a model: loss, accuracy, precision and recall of each class, confusion matrix.

    Of a model of numbers: loss, root mean squared error, mean absolute error and R².
    """
    from samplewise.cli.trained import load_trained, on_model_scale
    from samplewise.data.class_indices import with_class_names

    options.take_source(given, source)
    chosen = one_of("part", part or ("all" if "data" in given else "test"), PARTS)
    if "classes" in given:
        # One is enough to test on.
        given["classes"] = names(lambda _, found: found).from_text("classes", given["classes"])
    trained = load_trained(model, sha256)
    dataset = _rows(trained, given, chosen)
    if dataset.values is None:
        dataset = with_class_names(dataset, trained.model.class_names, "this model")
    X = on_model_scale(trained.model, dataset, dataset.name, said="full_scale" in given)
    dataset = replace(dataset, X=X)
    is_own = not {"data", "classes"} & given.keys()
    if is_own and chosen == "test" and trained.has_changed("test", dataset):
        console.warning(
            f"the test rows in {dataset.name} have changed since this run; these figures are not "
            "of the rows that it was tested on"
        )
    figures = _figures(trained.model, dataset, chosen)
    if as_json:
        console.result_json(figures)
    else:
        console.table(_scores(figures, trained.model.loss.name))
        if "confusion" in figures:
            _print_classes(figures, trained.model)
        elif "outputs" in figures:
            _print_outputs(figures["outputs"])


def _rows(trained: TrainedModel, given: Mapping[str, Any], part: str) -> Dataset:
    """Return the rows to test on.

    Environment variables play no part: SAMPLEWISE_SEED would change which rows were kept for
    testing. Nor do classes: the run's own rows are split first, and then chosen from.

    Args:
        trained: the model, with its run's experiment where it came in a run folder.
        given: `data`, used instead of the run's, and how it is read; `classes` to test on, else
            the run's, or all.
        part: one of `PARTS`.
    """
    from samplewise.experiment.prepared import cut

    base, data, classes = trained.experiment(), given.get("data"), given.get("classes")
    if data is None:
        return _own_rows(trained, base, given, part)
    if base is None and part != "all":
        raise ParameterError(
            f"part is '{part}', but only the folder of a run says how its rows were split; "
            "give the folder, or use --part all"
        )
    if base is not None and base.data.test_data is not None and part != "all":
        raise ParameterError(
            f"part is '{part}', but this run has its test rows from test_data, and split none off; "
            "leave out --data, or use --part all"
        )
    dataset = _read(trained, given, data)
    classes = classes or _classes_here(base, dataset)
    if base is not None and part != "all":
        training, test = cut(base, dataset)
        dataset = test if part == "test" else training
    return dataset if classes is None else dataset.select(classes)


def _read(trained: TrainedModel, given: Mapping[str, Any], source: str) -> Dataset:
    """Return the rows of a source as the model needs them."""
    from samplewise.cli.trained import note_on_columns, source_options
    from samplewise.data.loading import load

    how = source_options(trained, given, source)
    dataset = load(source, None, how, trained.model.columns)
    note_on_columns(trained.model, dataset.columns, dataset.name)
    return dataset


def _classes_here(base: Experiment | None, dataset: Dataset) -> tuple[str, ...] | None:
    """Return the run's classes of which there are rows, None for all: a model may know more."""
    if base is None or base.data.classes is None:
        return None
    here = places(dataset.class_names)
    return tuple(name for name in base.data.classes if composed(name) in here) or None


def _own_rows(
    trained: TrainedModel, base: Experiment | None, given: Mapping[str, Any], part: str
) -> Dataset:
    """Return rows that the model's own run kept for testing, or trained on, or all."""
    from samplewise.experiment.prepared import cut, uncut
    from samplewise.experiment.source_rows import load_source

    if base is None:
        raise ParameterError(
            "a model file does not name its test data; name them, as in evaluate MODEL INPUT"
        )
    reading = [f"--{word.replace('_', '-')}" for word in options.READING if word in given]
    if reading:
        raise ParameterError(
            f"{reading[0]} needs INPUT or --data; the rows of a run are read as in training"
        )
    source, classes = base.data.source, given.get("classes")
    test_source = base.data.test_data
    if test_source is not None and part == "test":
        _check_is_here(test_source, "tested")
        rows = _read(trained, given, test_source)
        classes = classes or _classes_here(base, rows)
        return rows if classes is None else rows.select(classes)
    _check_is_here(source, "trained")
    columns = trained.model.columns
    if part == "all":
        return load_source(base, classes or base.data.classes, columns)
    dataset = load_source(base, base.data.classes, columns)
    # With rows of their own to test on, all of these were trained on.
    training, test = cut(base, dataset) if test_source is None else (uncut(base, dataset), None)
    if trained.has_changed("training", training):
        trained_on = "its test rows may have been" if test_source is None else "other rows were"
        console.warning(f"{printable(source)} has changed since this run; {trained_on} trained on")
    rows = test if test is not None and part == "test" else training
    return rows if classes is None else rows.select(classes)


def _check_is_here(data: str, done: str) -> None:
    """Say more than that a file is missing: a run may have been made from another folder."""
    from samplewise.data.loading import SOURCES

    if data in SOURCES or data.startswith("synthetic:") or os.path.lexists(data):
        return
    raise DataError(
        f"this run was {done} on '{printable(data)}', which does not exist in the current folder; "
        "name it with --data"
    )


def _figures(model: Model, dataset: Dataset, part: str) -> dict[str, Any]:
    """Return the figures of a test on rows with white where the model has it."""
    from samplewise.experiment.scores import classification_report, scores

    found = scores(model, dataset.X, dataset.targets)
    figures = {
        "data": {"name": dataset.name, "source": dataset.source, "synthetic": dataset.synthetic},
        "part": part,
        "rows": len(dataset),
        "loss": found.loss,
        "accuracy": found.accuracy,
    }
    if found.errors is not None:
        return {**figures, **found.errors.figures(), **_of_each_output(model, dataset, found)}
    if found.confusion is None or found.decisions is None:
        return figures
    names = list(model.class_names)
    return {
        **figures,
        "classes": names,
        "classification_report": classification_report(dataset.labels, found.decisions, names),
        "confusion": found.confusion.tolist(),
    }


def _of_each_output(model: Model, dataset: Dataset, found: Scores) -> dict[str, Any]:
    """Return the errors of each output, by its name, where there are several."""
    from samplewise.experiment.scores import Errors

    columns = zip(model.output_names, dataset.targets.T, found.predictions.T, strict=True)
    outputs = {name: Errors.of(true, predicted).figures() for name, true, predicted in columns}
    return {"outputs": outputs} if len(outputs) > 1 else {}


def _scores(figures: dict[str, Any], loss: str) -> list[tuple[str, str]]:
    from samplewise.experiment.scores import error_texts

    data = figures["data"]
    rows = [
        ("synthetic data" if data["synthetic"] else "data", f"{data['name']}: {data['source']}"),
        ("rows", f"{figures['rows']:,} ({figures['part']})"),
        ("loss", f"{figures['loss']:.4g} ({loss})"),
    ]
    if figures["accuracy"] is not None:
        return [*rows, ("accuracy", f"{figures['accuracy']:.1%}")]
    return [*rows, *error_texts(figures).items()]


def _print_outputs(outputs: dict[str, Any]) -> None:
    from samplewise.experiment.scores import error_texts

    texts = {name: error_texts(figures) for name, figures in outputs.items()}
    console.result("")
    rows = [(name, *of_one.values()) for name, of_one in texts.items()]
    console.table(rows, ("output", *next(iter(texts.values()))), numbers=True)


def _print_classes(figures: dict[str, Any], model: Model) -> None:
    names = model.class_names
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
