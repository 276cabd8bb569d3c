"""An option is one field: it is in Python, TOML, the environment, the command line and its help."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import samplewise
from samplewise.cli import options
from samplewise.experiment.config_file import WORDS
from samplewise.experiment.experiment import Experiment

FIELD = (
    "    learning_rate: float = option(0.1, number(positive_number), "
    '"learning rate eta, above 0")\n'
)
ADDED = (
    '    cool_down: int = option(3, whole(maximum=9), "epochs to cool down", panel="Schedule")\n'
)
EVERYWHERE = """
import json, os, sys
from pathlib import Path
from samplewise import Experiment, TrainingSettings
from samplewise.cli.app import main
from samplewise.experiment.config_file import effective, write_config

os.environ.pop("SAMPLEWISE_COOL_DOWN", None)
Path("six.toml").write_text("cool-down = 6\\n")
found = {
    "default": TrainingSettings().cool_down,
    "python": TrainingSettings(cool_down=4).cool_down,
    "flat": Experiment.from_options(cool_down=5).training.cool_down,
    "toml": effective({}, Path("six.toml")).training.cool_down,
    "written": "cool_down = 3" in write_config(Experiment()),
    "flag": effective({"cool_down": "8"}, Path("six.toml")).training.cool_down,
}
os.environ["SAMPLEWISE_COOL_DOWN"] = "7"
found["environment"] = effective({}, Path("six.toml")).training.cool_down
print(json.dumps(found))
main(["train", "--help"])
sys.exit(main(["train", "--cool-down", "10"]))
"""


@pytest.fixture
def with_an_option(tmp_path):
    """A copy of the engine in which the training settings have one more field."""
    copy = tmp_path / "engine" / "samplewise"
    shutil.copytree(Path(samplewise.__file__).parent, copy)
    module = copy / "training" / "settings" / "training_settings.py"
    text = module.read_text(encoding="utf-8")
    assert text.count(FIELD) == 1
    module.write_text(text.replace(FIELD, FIELD + ADDED), encoding="utf-8")
    return copy.parent


def test_a_field_is_an_option_everywhere(with_an_option, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", EVERYWHERE],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(with_an_option)},
        check=False,
        timeout=120,
    )
    found, _, shown = done.stdout.partition("\n")
    assert json.loads(found) == {
        "default": 3,
        "python": 4,
        "flat": 5,
        "toml": 6,
        "written": True,
        "flag": 8,
        "environment": 7,
    }
    panel = shown.partition("Schedule:")[2].partition("Stopping:")[0]
    line = next(line for line in panel.splitlines() if "--cool-down" in line)
    assert line.split(None, 2)[1:] == ["INTEGER", "Epochs to cool down.  [default: 3]"]
    assert done.returncode == 2
    wrong = "cool_down: must be a whole number from 1 to 9, got 10"
    assert done.stderr == f"error: {wrong} (given by --cool-down)\n"


def test_help_shows_types_choices_defaults_and_panels(cli):
    shown = " ".join(cli("train", "--help").out.split())
    assert "--epochs INTEGER Passes over the training rows. [default: 10]" in shown
    assert "--learning-rate FLOAT" in shown
    assert "--optimizer NAME" in shown
    assert "[choices: sgd, adam, rmsprop, adagrad; default: sgd]" in shown
    assert "[default: 1e-08; adagrad 1e-10]" in shown
    panels = ("Data", "Network", "Training", "Optimizer", "Schedule", "Stopping", "Output")
    places = [shown.index(f" {panel}: --") for panel in panels]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("command", "default"),
    [
        ("report", "4,9 in part 1, all in part 2"),
        ("evaluate", "the run's"),
        ("predict", "the run's"),
    ],
)
def test_help_shows_the_default_that_a_command_has_of_its_own(cli, command, default):
    assert f"default: {default}]" in " ".join(cli(command, "--help").out.split())


@pytest.mark.parametrize("command", ["train", "explain", "find-rate", "summary", "data", "report"])
def test_every_setting_that_a_command_takes_has_its_help(cli, command):
    shown = " ".join(cli(command, "--help").out.split())
    taken = [word for word in WORDS.values() if f" --{word.name.replace('_', '-')} " in shown]
    assert len(taken) >= 8
    # A line of help may end after a hyphen.
    whole = shown.replace("- ", "-")
    for word in taken:
        assert word.help[1:] in whole, word.name


def test_train_takes_every_setting(cli):
    shown = cli("train", "--help").out
    assert set(Experiment().to_options()) == set(WORDS)
    for word in WORDS:
        assert f"--{word.replace('_', '-')} " in shown


def test_a_command_keeps_its_name_and_only_its_own_parameters_beside_the_settings():
    @options.settings("epochs", config=False)
    def greet(experiment, who: str = "you") -> None:
        """Greet."""
        found.append((experiment.training.epochs, who))

    found = []
    greet(epochs="3", who="me")
    assert found == [(3, "me")]
    assert (greet.__name__, greet.__doc__) == ("greet", "Greet.")
