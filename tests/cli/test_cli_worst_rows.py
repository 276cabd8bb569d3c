"""`samplewise predict --worst`: the rows furthest from the truth, by name, as a picture too."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samplewise.cli.app import main

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="session")
def prices(tmp_path_factory):
    """The folder of a run that learnt y = x to a certain degree."""
    folder = tmp_path_factory.mktemp("prices")
    lines = [f"{x},{x}" for x in range(40)]
    (folder / "t.csv").write_text("\n".join(["x,price", *lines]) + "\n")
    learn = ["--loss", "mean_squared_error", "--label", "price", "--backend", "vectorized"]
    arguments = ["--data", folder / "t.csv", *learn, "--standardize-targets"]
    assert main(["train", *map(str, arguments), "--out", str(folder / "run")]) == 0
    return folder / "run"


def rows(ended):
    assert ended.code == 0, ended.err
    return list(csv.DictReader(io.StringIO(ended.out)))


def test_the_least_probable_true_class_comes_first(cli, trained, images):
    everything = rows(cli("predict", trained, images, "--csv"))
    # The model does not know the class 7.
    known = [row for row in everything if row["true_class"] != "7"]
    far = {row["row"]: 1 - float(row[f"probability_{row['true_class']}"]) for row in known}
    worst = rows(cli("predict", trained, images, "--worst", 5, "--csv"))
    assert [row["row"] for row in worst] == sorted(far, key=far.get, reverse=True)[:5]
    assert all(row in everything for row in worst)
    assert len(rows(cli("predict", trained, images, "--worst", 10_000, "--csv"))) == 40


def test_rows_without_a_class_are_left_out(cli, trained):
    for name in ("4/right.png", "4/wrong.png", "9/right.png"):
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        bright = name in ("4/wrong.png", "9/right.png")
        Image.new("L", (8, 8), 190 if bright else 40).save(Path("photos", name))
    ended = cli("predict", trained, "photos", "--worst", 1, "--json", "--picture", "worst.png")
    assert [row["file"] for row in json.loads(ended.out)["rows"]] == ["4/wrong.png"]
    assert ended.err == "written to worst.png\n"
    assert Path("worst.png").read_bytes().startswith(PNG)
    ended = cli("predict", trained, "photos/4", "--worst", 1)
    assert (ended.code, ended.out) == (2, "")
    assert "--worst needs rows with a class that the model knows; 4 has none" in ended.err


def test_numbers_by_their_error(cli, prices):
    Path("known.csv").write_text("x,price\n3,3\n4,-500\n6,90\n")
    worst = rows(cli("predict", prices, "known.csv", "--worst", 2, "--csv"))
    assert [row["row"] for row in worst] == ["1", "2"]
    np.savez("x.npz", dataset=np.zeros((3, 1)))
    ended = cli("predict", prices, "x.npz", "--worst", 2)
    assert "--worst needs rows with their true numbers; x has none" in ended.err
    ended = cli("predict", prices, "known.csv", "--worst", 2, "--picture", "p.png")
    assert "predicts no class to draw" in ended.err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--worst", 0], "--worst: must be a whole number of at least 1, got 0"),
        (["--worst", "many"], "--worst: must be a whole number, got 'many'"),
        (["--worst", 1, "--row", 1], "--row and --worst both choose rows"),
        (["--worst", 101, "--picture", "p.png"], "draws at most 100 rows, got 101"),
    ],
)
def test_what_does_not_fit_is_refused(cli, trained, images, given, message):
    ended = cli("predict", trained, images, *given)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
