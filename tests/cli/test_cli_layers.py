"""Layers and rules from the command line: shown, trained, written and read again."""

import json
from pathlib import Path

import numpy as np
import pytest

from samplewise.experiment.config_file import effective
from samplewise.model.model_file import load_model
from samplewise.network import Adam, Conv2D, Dense, Dropout, MaxPool2D

LAYERS = "conv 4x3 relu, pool 2, dropout 0.2, dense 8 gelu, dense 3"
NETWORK = (
    *(Conv2D(4, (3, 3), activation="relu"), MaxPool2D((2, 2), 2), Dropout(0.2)),
    *(Dense(8, "gelu"), Dense(3)),
)
ADAM = ("--optimizer", "adam", "--beta1", 0.8, "--weight-decay", 0.01, "--learning-rate", 0.003)


def test_a_convolutional_network_is_trained_tested_and_read_again(cli, images):
    ended = cli("train", "--data", images, "--layers", LAYERS, *ADAM, "--batch-size", 4)
    assert ended.code == 0
    model = load_model(Path("run/model.safetensors"))
    assert model.network.layers == NETWORK
    assert model.network.input_shape == (1, 8, 8)
    settings = effective({}, Path("run/config.toml"))
    assert settings.training.optimizer == Adam(beta1=0.8, weight_decay=0.01)
    assert cli("train", "--config", "run/config.toml", "--out", "again").code == 0
    same = (Path(folder, "model.safetensors").read_bytes() for folder in ("run", "again"))
    assert len(set(same)) == 1
    assert cli("evaluate", "run").code == 0


def test_a_run_with_dropout_follows_its_seed(cli, images):
    losses = []
    for seed, folder in ((0, "a"), (0, "b"), (1, "c")):
        given = ("--data", images, "--layers", LAYERS, "--epochs", 1)
        assert cli("train", *given, "--seed", seed, "--out", folder).code == 0
        history = json.loads(Path(folder, "history.json").read_text())
        losses.append([record["loss"] for record in history["epochs"]])
    assert losses[0] == losses[1] != losses[2]


def test_the_summary_shows_every_layer_and_the_sums(cli, images):
    ended = cli("summary", "--data", images, "--layers", LAYERS)
    assert ended.code == 0
    rows = [line.split() for line in ended.out.splitlines()]
    assert rows[2] == ["input", "1", "x", "8", "x", "8", "512"]
    assert rows[3] == ["conv", "4x3", "relu", "4", "x", "6", "x", "6", "40", "1,296", "1,152"]
    assert rows[-3][:1] == ["all"]
    figures = json.loads(cli("summary", "--data", images, "--layers", LAYERS, "--json").out)
    assert figures["parameters"] == 40 + (36 * 8 + 8) + (8 * 3 + 3)
    assert figures["multiply_adds"] == 4 * 9 * 36 + 36 * 8 + 8 * 3
    assert [np.prod(row["output_shape"]) for row in figures["layers"]] == [144, 36, 36, 8, 3]


def test_the_summary_counts_what_is_frozen(cli, images):
    options = "--data", images, "--layers", "conv 4x3 relu frozen, pool 2, dense 3"
    said = cli("summary", *options).out.splitlines()
    assert said[-1] == "111 parameters are trained, 40 are frozen."
    assert "conv 4x3 relu frozen" in said[3]
    figures = json.loads(cli("summary", *options, "--json").out)
    assert (figures["parameters"], figures["trainable_parameters"]) == (151, 111)
    assert [row["frozen"] for row in figures["layers"]] == [40, 0, 0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--layers", "dense 3 frozen"), "network: nothing to train"),
        (("--layers", "conv 4x9, dense 3"), "layer 0: the kernel of conv, 9 x 9"),
        (("--layers", "dense 4"), "layers end in 4 outputs, but loss and classes need 3"),
        (("--layers", "dense 3 relu"), "the last layer has activation 'relu'"),
        (("--layers", "dens 3"), "did you mean 'dense'"),
        (("--optimizer", "adam", "--momentum", 0.5), "adam has no momentum"),
        (("--optimizer", "adam", "--beta1", 1), "beta1: must be at least 0 and below 1, got 1.0"),
        (("--beta2", 0.5), "sgd has no beta2"),
        (("--clip-norm", 0), "clip_norm: must be a finite number above 0, got 0.0"),
        (("--loss", "huber"), "learns numbers"),
    ],
)
def test_what_does_not_fit_is_one_line(cli, images, options, said):
    ended = cli("train", "--data", images, *options)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not Path("run").exists()
