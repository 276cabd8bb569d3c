"""`samplewise predict`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.checks import printable
from samplewise.cli import console, options
from samplewise.cli.options import option, output, switch
from samplewise.cli.worst_rows import captions, taken, worst_number, worst_rows
from samplewise.errors import DataError, ParameterError
from samplewise.io import strict_json
from samplewise.network import ClassLoss
from samplewise.text import six_digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samplewise.cli.prediction_table import Predictions
    from samplewise.cli.trained import TrainedModel
    from samplewise.data.inputs import Inputs
    from samplewise.model.model import Model

Given = Annotated[
    str | None,
    typer.Argument(
        metavar="INPUT",
        show_default=False,
        help="Rows to predict, labelled or not: a .csv, .npz or .npy file, a folder of images or "
        "a dataset's name. Or one image, or one row as an .npy array. As --data.",
    ),
]
Row = Annotated[
    str | None, option("INTEGER", "The one row to predict, counted from 0.  [default: all rows]")
]
Worst = Annotated[
    str | None,
    option(
        "INTEGER",
        "So many labelled rows, those furthest from the truth first: by the probability of the "
        "true class, or the error of a number.  [default: all rows, as they come]",
    ),
]
Picture = Annotated[
    Path | None,
    output(
        "FILE", "PNG to draw the one input, or those of --worst, and the class to.", "--picture"
    ),
]
AsCsv = Annotated[
    bool, switch("--csv", "Print the predictions as CSV on stdout.", panel=options.OUTPUT)
]
Out = Annotated[Path | None, output("FILE", "A .csv or .json file to write the predictions to.")]
CSV, JSON = ".csv", ".json"
WORDS = ("data", *options.READING)


@options.given(*WORDS, defaults={**dict.fromkeys(WORDS, "the run's"), "data": "INPUT"})
def predict(
    said: dict[str, Any],
    model: options.ModelPath,
    source: Given = None,
    row: Row = None,
    worst: Worst = None,
    picture: Picture = None,
    out: Out = None,
    force: options.Force = False,
    sha256: options.Sha256 = None,
    as_csv: AsCsv = False,
    as_json: options.AsJson = False,
) -> None:
    """Predict the class of every row and the probability of every class, or numbers."""
    from samplewise.cli.trained import load_trained

    options.take_source(said, source)
    if "data" not in said:
        raise ParameterError("INPUT: is missing; name the rows to predict, or give --data")
    given = said.pop("data")
    _check_outputs(given, (picture, out), force=force, as_csv=as_csv, as_json=as_json)
    if worst is not None and row is not None:
        raise ParameterError("--row and --worst both choose rows; leave one out")
    number = None if worst is None else worst_number(worst, drawn=picture is not None)
    trained = load_trained(model, sha256)
    inputs, keys, is_one = _inputs(trained, given, said, row)
    if is_one and number is None and not as_csv and out is None:
        _tell(trained.model, inputs, picture, as_json=as_json)
        return
    if picture is not None and number is None:
        raise ParameterError(
            "--picture draws one input; choose it with --row, and leave out --csv and --out; or "
            "several with --worst"
        )
    from samplewise.cli.prediction_table import predictions

    found = predictions(trained.model, inputs, keys)
    if number is not None:
        found = _worst(trained.model, inputs, found, number, picture)
    _write(found, out, as_csv=as_csv, as_json=as_json)


def _check_outputs(
    given: str, files: tuple[Path | None, ...], *, force: bool, as_csv: bool, as_json: bool
) -> None:
    from samplewise.cli.outputs import check_output_file, check_picture

    if as_csv and as_json:
        raise ParameterError("--csv and --json both print on stdout; choose one")
    picture, out = files
    if out is not None and out.suffix.lower() not in (CSV, JSON):
        raise ParameterError(
            f"--out: must end in {CSV} or {JSON}, which sets the format, got '{printable(out)}'"
        )
    if out is not None:
        check_output_file(out, force=force, source=given)
    if picture is not None:
        check_picture(picture, force=force, source=given)


def _inputs(
    trained: TrainedModel, given: str, said: dict[str, Any], row: str | None
) -> tuple[Inputs, list[int] | None, bool]:
    """Return what to predict, the numbers of its rows, and whether it is one input.

    Args:
        trained: to predict with.
        given: a path or name of one input, or of rows.
        said: how it is read.
        row: the one row to take; None takes all.

    Raises:
        DataError, ParameterError: it cannot be read, or has no such row.
    """
    from samplewise.cli.inputs import read_one, read_rows

    one = read_one(trained, given, said)
    if one is None:
        rows = read_rows(trained, given, said)
        return (rows, None, False) if row is None else (*_row(rows, row), True)
    if row is not None:
        raise ParameterError(f"--row needs an input with rows, but {printable(given)} is one input")
    return one, None, True


def _worst(
    model: Model, inputs: Inputs, found: Predictions, number: int, picture: Path | None
) -> Predictions:
    """Return the predictions furthest from the truth, and draw their inputs to a picture."""
    rows = worst_rows(found, number)
    found = taken(found, rows)
    if picture is not None:
        # Before the captions, which are of classes.
        _check_draws(model)
        _draw(model, inputs.rows.X[rows], *captions(found), found.name, picture)
        console.note(f"written to {picture}")
    return found


def _row(inputs: Inputs, row: str) -> tuple[Inputs, list[int]]:
    """Return the one row that --row chooses, and its number."""
    from samplewise.cli.inputs import row_number

    index = row_number(row, len(inputs))
    one, files, classes = slice(index, index + 1), inputs.files, inputs.classes
    chosen = replace(
        inputs,
        name=f"row {index} of {inputs.name}" if files is None else files[index],
        rows=replace(inputs.rows, X=inputs.rows.X[one]),
        files=None,
        classes=None if classes is None or classes[index] is None else classes[one],
        values=None if inputs.values is None else inputs.values[one],
    )
    return chosen, [index]


def _write(found: Predictions, out: Path | None, *, as_csv: bool, as_json: bool) -> None:
    from samplewise.cli import prediction_table as table
    from samplewise.io.writing import write_text

    if out is not None:
        as_text = table.csv_of(found)
        if out.suffix.lower() == JSON:
            as_text = strict_json.text_of(table.json_of(found)) + "\n"
        write_text(out, as_text)
    if as_csv:
        console.result(table.csv_of(found).rstrip("\n"))
    elif as_json:
        console.result_json(table.json_of(found))
    elif out is not None:
        console.table([("rows", f"{len(found.keys):,}"), ("written to", str(out))])
    else:
        table.show(found)


def _tell(model: Model, one: Inputs, picture: Path | None, *, as_json: bool) -> None:
    if picture is not None:
        _check_draws(model)
    figures = _figures(model, one)
    if picture is not None:
        _draw(model, one.rows.X, [_caption(figures)], None, one.name, picture)
    if as_json:
        console.result_json({**figures, "picture": None if picture is None else str(picture)})
    else:
        _print(figures, picture)


def _figures(model: Model, found: Inputs) -> dict[str, Any]:
    if not isinstance(model.loss, ClassLoss):
        values = model.predict(found.rows.X).reshape(-1).tolist()
        names = model.output_names
        figures = {"input": found.name, "values": dict(zip(names, values, strict=True))}
        true = [] if found.values is None else found.values.reshape(-1).tolist()
        if not true or any(map(math.isnan, true)):
            return figures
        return {**figures, "true_values": dict(zip(names, true, strict=True))}
    probabilities = model.probabilities(found.rows.X)[0]
    return {
        "input": found.name,
        "class": model.class_names[int(probabilities.argmax())],
        "true_class": None if found.classes is None else found.classes[0],
        "probabilities": dict(zip(model.class_names, probabilities.tolist(), strict=True)),
    }


def _caption(figures: dict[str, Any]) -> str:
    """Return the text below the picture of one input."""
    probability = figures["probabilities"][figures["class"]]
    caption = f"{figures['class']} ({probability:.1%})"
    if figures["true_class"] is not None:
        caption += f"\ntrue class {figures['true_class']}"
    return caption


def _check_draws(model: Model) -> tuple[int, int]:
    """Return the height and width of a model's images, whose classes can be drawn.

    Raises:
        DataError, ParameterError: it takes no images, or predicts no classes.
    """
    if not isinstance(model.loss, ClassLoss):
        raise ParameterError("this model predicts no class to draw; leave out --picture")
    if model.image_shape is None:
        raise DataError("this model takes rows of a table, not images; leave out --picture")
    return model.image_shape


def _draw(
    model: Model,
    rows: NDArray[Any],
    captions: list[str],
    wrong: list[bool] | None,
    name: str,
    picture: Path,
) -> None:
    from samplewise.io.writing import write_bytes
    from samplewise.plots.figures import predicted_images

    images = rows.reshape(-1, *_check_draws(model))
    write_bytes(picture, predicted_images(images, captions, name, wrong))


def _print(figures: dict[str, Any], picture: Path | None) -> None:
    if "values" in figures:
        console.table([("input", figures["input"])])
        console.result("")
        columns = [figures[key] for key in ("values", "true_values") if key in figures]
        rows = [(name, *(six_digits(column[name]) for column in columns)) for name in columns[0]]
        header = ("output", "value", "true value")
        console.table(rows, header[: 1 + len(columns)], numbers=True)
        return
    rows = [("input", figures["input"]), ("class", figures["class"])]
    if figures["true_class"] is not None:
        rows.append(("true class", figures["true_class"]))
    if picture is not None:
        rows.append(("written to", str(picture)))
    console.table(rows)
    console.result("")
    probabilities = figures["probabilities"].items()
    rows = [(name, f"{probability:.4f}") for name, probability in probabilities]
    console.table(rows, ("class", "probability"), numbers=True)
