"""Schedules, validation, stopping and weights on the command line."""

import csv
import json

import pytest
from test_cli_explain import lines

SMALL = ("--backend", "vectorized", "--epochs", 6, "--batch-size", 6, "--out", "run")


def trained(cli, images, *options):
    ended = cli("train", "--data", images, *SMALL, *options, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def records(folder):
    return list(csv.DictReader((folder / "run" / "history.csv").read_text().splitlines()))


def test_a_schedule_is_trained_by(cli, images, tmp_path):
    trained(cli, images, "--schedule", "step", "--every", 2, "--decay", "0.5")
    assert [row["learning_rate"] for row in records(tmp_path)] == [
        *["0.1"] * 2,
        *["0.05"] * 2,
        *["0.025"] * 2,
    ]


@pytest.mark.parametrize(
    "options",
    [
        ("constant",),
        ("exponential", "--decay", "0.8"),
        ("cosine", "--final-rate", "0.01"),
        ("one_cycle",),
        ("inverse_scaling", "--power", "1"),
        ("plateau", "--plateau-epochs", "1"),
    ],
)
def test_every_schedule_may_warm_up(cli, images, options):
    said = trained(cli, images, "--schedule", *options, "--warmup-steps", "4")
    assert said["stopped"] == "finished"


def test_validation_and_patience_keep_the_best_epoch(cli, images, tmp_path):
    options = ("--validation-fraction", 0.25, "--patience", 1, "--min-delta", 100)
    said = trained(cli, images, *options)
    assert (said["stopped"], said["best_epoch"], said["epochs"]) == ("patience", 1, 2)
    assert said["data"]["validation_rows"] == 12
    assert float(records(tmp_path)[1]["validation_loss"]) == said["final_validation_loss"]
    table = lines(cli("train", "--data", images, *SMALL, *options, "--force").out)
    why = "early, as the validation loss got no better in 1 epoch (--patience)"
    assert table["stopped"] == why
    first = records(tmp_path)[0]
    loss, accuracy = float(first["validation_loss"]), float(first["validation_accuracy"])
    assert (said["best_validation_loss"], said["best_validation_accuracy"]) == (loss, accuracy)
    figures = f"validation loss {loss:.4g} and accuracy {accuracy:.1%}"
    assert table["weights"] == f"of epoch 1, the best: {figures}"
    assert table["validation"].endswith("of 12 rows after the last epoch")


@pytest.mark.parametrize(
    ("options", "stopped"),
    [
        (("--max-steps", 10), "max_steps"),
        (("--max-seconds", "1e-9"), "max_seconds"),
        (("--target-loss", 50), "target_loss"),
        (("--target-accuracy", 1e-9), "target_accuracy"),
        (("--class-weight", "balanced", "--ema-decay", "0.5", "--keep-best"), "finished"),
        (("--class-weight", "4:1,9:3", "--monitor", "accuracy", "--keep-last"), "finished"),
    ],
)
def test_what_ended_the_run_is_said(cli, images, options, stopped):
    assert trained(cli, images, *options)["stopped"] == stopped


def test_a_rate_that_had_come_down_is_said_in_words(cli, images):
    options = ("--schedule", "plateau", "--plateau-epochs", 1, "--stop-rate", 0.1)
    table = lines(cli("train", "--data", images, *SMALL, *options, "--min-delta", 100).out)
    assert table["stopped"] == "early, as the learning rate had come down to --stop-rate"


def test_a_schedule_that_is_too_long_is_one_line(cli, images):
    ended = cli("train", "--data", images, *SMALL, "--warmup-steps", 48)
    assert ended.code != 0
    assert "warmup_steps is 48, but the run has 48 steps (6 epochs of 8)" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("measure", ["--measure", "--no-measure"])
def test_explain_plans_for_the_rows_that_are_left(cli, images, measure):
    options = ("--backend", "vectorized", "--epochs", 3, measure, "--json")
    control = ("--validation-fraction", 0.25, "--class-weight", "4:0", "--patience", 1)
    ended = cli("explain", "--data", images, *options, *control, "--schedule", "cosine")
    found = json.loads(ended.out)
    # Of 48 rows, those of class 4 count nothing, and a quarter of the rest is held out.
    assert found["rows"] in range(20, 28)
    assert "one learning rate" in found["plan"]["reason"]


def test_explain_refuses_what_train_refuses(cli, images):
    for measure in ("--measure", "--no-measure"):
        ended = cli("explain", "--data", images, "--warmup-steps", 50, "--max-steps", 50, measure)
        assert ended.code != 0
        assert "warmup_steps is 50, but the run has 50 steps" in ended.err
        ended = cli("explain", "--data", images, "--monitor", "validation_loss", measure)
        assert ended.code != 0
        assert "validation_loss must have validation rows" in ended.err
