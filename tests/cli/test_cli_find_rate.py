"""`samplewise find-rate`."""

import json
from pathlib import Path

import numpy as np
import pytest


def test_it_suggests_a_rate_and_draws_the_sweep(cli, images):
    ended = cli("find-rate", "--data", images, "--backend", "vectorized", "--out", "rate.png")
    assert ended.code == 0, ended.err
    assert "--learning-rate" in ended.out
    assert Path("rate.png").read_bytes().startswith(b"\x89PNG")
    again = cli("find-rate", "--data", images, "--out", "rate.png")
    assert again.code == 2
    assert "exists already" in again.err


def test_it_gives_the_sweep_as_json(cli, images):
    arguments = ("--lowest", "1e-4", "--highest", "0.1", "--augment", "shift 1", "--json")
    found = json.loads(cli("find-rate", "--data", images, *arguments).out)
    assert found["rates"][0] == pytest.approx(1e-4)
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert found["suggestion"] > 0
    assert found["picture"] is None


def test_it_trains_on_the_training_rows_only(cli, images):
    arguments = ("--data", images, "--backend", "vectorized", "--json")
    own = json.loads(cli("find-rate", *arguments).out)
    held = ("--validation-data", "held.npz")
    rng = np.random.default_rng(0)
    for name in ("held.npz", "test.npz"):
        X = rng.integers(256, size=(9, 8, 8), dtype=np.uint8)
        np.savez(name, dataset=X, labels=["4"] * 9)
    ended = cli("find-rate", *arguments, *held)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["losses"] == own["losses"]
    whole = json.loads(cli("find-rate", *arguments, *held, "--test-data", "test.npz").out)
    assert len(whole["losses"]) > len(own["losses"])
    missing = cli("find-rate", "--data", images, "--validation-data", "none.npz")
    assert "validation_data: cannot read none.npz" in missing.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--lowest", "x"), "lowest: must be a number such as 0.1, got 'x'"),
        (("--lowest", "1", "--highest", "0.5"), "must be below highest"),
        (("--batch-size", "40"), "use a smaller batch_size"),
        (("--augment", "shift 8"), "the sides of an image, 8 x 8, got 8; use a smaller shift"),
        (("--augment", "shfit 1"), "did you mean 'shift'? (given by --augment)"),
    ],
)
def test_what_cannot_be_is_one_line(cli, images, arguments, message):
    ended = cli("find-rate", "--data", images, *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1


def test_rows_of_a_table_are_not_augmented(cli):
    ended = cli("train", "--data", "iris", "--augment", "shift 1")
    assert ended.code == 2
    assert "augment: rows must be images, got 4 values each" in ended.err
    assert not Path("run").exists()


def test_a_run_with_augmentation_can_be_repeated_from_its_configuration(cli, images):
    words = "shift 1, rotate 10, noise 0.05"
    given = ("--data", images, "--augment", words, "--epochs", 2, "--out", "run")
    assert cli("train", *given).code == 0
    assert cli("train", "--config", "run/config.toml", "--out", "again").code == 0
    first, second = (Path(folder, "model.safetensors").read_bytes() for folder in ("run", "again"))
    assert first == second
