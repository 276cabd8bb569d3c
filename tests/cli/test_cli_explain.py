import json
from pathlib import Path

import pytest

from samplewise.contract import PLANS

FAST = ("--epochs", 3, "--backend", "numba_cpu")


def lines(text):
    """Return what the table says, by the first column."""
    found = {}
    for line in text.splitlines():
        name, _, said = line.strip().partition("  ")
        if said:
            found[name] = said.strip()
    return found


def test_the_plan_is_said_with_its_reason_and_compared_with_what_it_took(cli, images):
    ended = cli("explain", "--data", images, *FAST)
    assert ended.code == 0
    said = lines(ended.out)
    assert "64-10-3" in said["network"]
    assert said["work"].startswith("3 epochs of ")
    assert said["plan"].split(",")[0] in PLANS
    assert said["why"]
    assert said["predicted"].endswith("ms an epoch")
    assert "times the prediction" in said["measured"]
    others = [name for name in said if name.startswith("if ")]
    assert len(others) == len(PLANS) - 1


def test_nothing_is_written(cli, images, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert cli("explain", "--data", images, *FAST).code == 0
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_can_be_asked_for(cli, images, plan):
    ended = cli("explain", "--data", images, *FAST, "--plan", plan, "--no-measure", "--json")
    figures = json.loads(ended.out)
    assert figures["plan"]["name"] == plan
    assert "asked for" in figures["plan"]["reason"]
    assert figures["measured"] is None


def test_json_holds_the_prediction_and_the_measurement(cli, images):
    figures = json.loads(cli("explain", "--data", images, *FAST, "--json").out)
    assert set(figures["plan"]["alternatives"]) == set(PLANS)
    assert figures["plan"]["epoch_ms"] > 0
    assert figures["measured"]["epoch_ms"] > 0
    assert figures["settings"]["epochs"] == 3


def test_settings_come_from_the_file_and_the_flags(cli, images, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(f'data = "{images.as_posix()}"\nhidden = [5]\nmomentum = 0.5\nepochs = 9\n')
    said = lines(cli("explain", "--config", path, *FAST, "--no-measure").out)
    assert "64-5-3" in said["network"]
    assert said["work"].startswith("3 epochs of ")
    assert said["work"].endswith("momentum 0.5")


def test_a_backend_without_a_planner_says_its_one_way(cli, images):
    ended = cli("explain", "--data", images, "--backend", "reference", "--epochs", 2)
    said = lines(ended.out)
    assert said["plan"] == "direct"
    assert "predicted" not in said


def test_a_plan_that_a_backend_lacks_is_refused(cli, images):
    ended = cli("explain", "--data", images, "--backend", "reference", "--plan", "dual")
    assert ended.code != 0
    assert "dual" in ended.err
    assert "Traceback" not in ended.err


def test_what_an_epoch_took_is_the_mean_over_all_epochs(cli, images):
    figures = json.loads(cli("explain", "--data", images, *FAST, "--json").out)["measured"]
    whole = figures["first_ms"] + 2 * figures["later_ms"] + figures["synchronize_ms"]
    assert figures["epoch_ms"] == pytest.approx(whole / 3)


def test_a_block_comes_from_the_flag_the_environment_or_the_file(cli, images, monkeypatch):
    Path("ours.toml").write_text('plan = "blocked:16"\n')
    arguments = "explain", "--data", images, *FAST, "--no-measure", "--config", "ours.toml"

    def block(*more):
        return json.loads(cli(*arguments, "--json", *more).out)["plan"]["block"]

    assert block() == 16
    monkeypatch.setenv("SAMPLEWISE_PLAN", "blocked:32")
    assert block() == 32
    assert block("--plan", "dual:24:whole") == 24
    said = lines(cli(*arguments, "--plan", "dual:24:whole").out)
    assert said["plan"] == "dual, blocks of 24 rows; --plan dual:24:whole repeats it"


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("blockd", "plan: must be one of auto, direct, blocked, dual, got 'blockd'"),
        ("direct:64", "plan is 'direct:64', but only blocked and dual take a block of rows"),
        ("blocked:64:fast", "got 'fast'; use blocked:64 or auto"),
    ],
)
def test_a_plan_that_there_is_not_is_one_line(cli, images, plan, message):
    ended = cli("explain", "--data", images, *FAST, "--plan", plan, "--no-measure")
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
