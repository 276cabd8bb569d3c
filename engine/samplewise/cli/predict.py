"""`samplewise predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.cli.inputs import Input
    from samplewise.model import Model

Given = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="An image, which is made grey and stretched to the model's size; an .npy array of as "
        "many values as the model takes; or a dataset, with --row.",
    ),
]
Row = Annotated[
    str | None, typer.Option(help="The row of a dataset, counted from 0.", show_default=False)
]
Picture = Annotated[Path | None, typer.Option(help="A PNG to draw the input and its class to.")]


def predict(
    model: options.ModelPath,
    given: Given,
    row: Row = None,
    picture: Picture = None,
    force: options.Force = False,
    sha256: options.Sha256 = None,
    as_json: options.AsJson = False,
) -> None:
    """Tell the class of one input, and the probability of every class; or the numbers."""
    from samplewise.cli.inputs import load_trained, read_input
    from samplewise.cli.outputs import check_output_file
    from samplewise.errors import ParameterError

    if picture is not None:
        check_output_file(picture, force=force, source=given)
    trained = load_trained(model, sha256).model
    found = read_input(trained, given, row)
    figures = _figures(trained, found)
    if picture is not None:
        if "class" not in figures:
            raise ParameterError("this model predicts no class to draw; leave out --picture")
        _draw(trained, found, figures, picture)
    if as_json:
        console.result_json({**figures, "picture": None if picture is None else str(picture)})
    else:
        _print(figures, picture)


def _figures(model: Model, found: Input) -> dict[str, Any]:
    from samplewise.network import ClassLoss

    if not isinstance(model.loss, ClassLoss):
        values = model.predict(found.row).reshape(-1).tolist()
        names = model.class_names or [f"output {number}" for number in range(len(values))]
        return {"input": found.name, "values": dict(zip(names, values, strict=True))}
    probabilities = model.probabilities(found.row)[0]
    return {
        "input": found.name,
        "class": model.class_names[int(probabilities.argmax())],
        "true_class": found.true_class,
        "probabilities": dict(zip(model.class_names, probabilities.tolist(), strict=True)),
    }


def _draw(model: Model, found: Input, figures: dict[str, Any], picture: Path) -> None:
    from samplewise.errors import DataError
    from samplewise.files import write_bytes
    from samplewise.plots.figures import predicted_images

    if model.image_shape is None:
        raise DataError("this model takes rows of a table, not images; leave out --picture")
    probability = figures["probabilities"][figures["class"]]
    caption = f"{figures['class']} ({probability:.1%})"
    if found.true_class is not None:
        caption += f"\ntrue class {found.true_class}"
    image = found.row.reshape(1, *model.image_shape)
    write_bytes(picture, predicted_images(image, [caption], found.name))


def _print(figures: dict[str, Any], picture: Path | None) -> None:
    if "values" in figures:
        console.table([("input", figures["input"])])
        console.result("")
        values = [(name, f"{value:.6g}") for name, value in figures["values"].items()]
        console.table(values, ("output", "value"), numbers=True)
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
