"""Activations, losses and optimizers that an installed package brings."""

import subprocess
import sys

import numpy as np
import pytest

from samplewise import Experiment, Sweep, TrainingSettings, registered, run_sweep
from samplewise.errors import ParameterError
from samplewise.network import OPTIMIZERS
from samplewise.network.activations import CUSTOM
from samplewise.network.losses import LOSSES

MODULE = """
import numpy as np
import samplewise


def register():
    samplewise.register_activation(
        "of_a_package", lambda z: 2 * np.maximum(z, 0), lambda z: 2.0 * (z > 0)
    )
    samplewise.register_loss(
        "loss_of_a_package", lambda z, y: 0.5 * ((z - y) ** 2).sum(1), lambda z, y: z - y
    )
    samplewise.register_optimizer("optimizer_of_a_package", lambda g, v, t: (g, v))


def broken():
    raise OSError("no licence")
"""
WORDS = {
    "activation": "of_a_package",
    "loss": "loss_of_a_package",
    "optimizer": "optimizer_of_a_package",
}
ENTRIES = "[samplewise.functions]\nall = functions_of_a_package:register\n"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package into a folder of the path, in this process and in those it starts."""
    folder = tmp_path / "site"
    information = folder / "functions_of_a_package-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "functions_of_a_package.py").write_text(MODULE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\n")
    (information / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(registered, "_called", {})
    yield information
    sys.modules.pop("functions_of_a_package", None)
    for table, name in zip((CUSTOM, LOSSES, OPTIMIZERS), WORDS.values(), strict=True):
        table.pop(name, None)


@pytest.fixture
def table(tmp_path):
    rows = np.random.default_rng(0).standard_normal((20, 2)).tolist()
    path = tmp_path / "t.csv"
    path.write_text("a,target\n" + "\n".join(f"{a},{b}" for a, b in rows))
    return str(path)


@pytest.mark.parametrize("kind", WORDS)
def test_a_name_of_a_package_is_known(installed, kind):
    options = Experiment.from_options(**{kind: WORDS[kind]}).to_options()
    assert options[kind] == WORDS[kind]


def test_options_beside_the_name_are_kept(installed):
    with pytest.raises(ParameterError, match="optimizer_of_a_package has no momentum"):
        TrainingSettings.from_options(optimizer=WORDS["optimizer"], momentum=0.9)


def test_the_command_line_and_a_sweep_on_processes(installed, table, tmp_path):
    words = {"data": table, "hidden": (3,), "epochs": 1} | WORDS
    flags = [f"--{name}={value}" for name, value in (words | {"hidden": 3}).items()]
    main = "import sys; from samplewise.cli.app import main; sys.exit(main())"
    command = [sys.executable, "-c", main, "train", *flags, "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    space = {"batch_size": [1, 2], "schedule": ["constant", "cosine"]}
    found = run_sweep(Sweep(space, words), tmp_path / "sweep", n_jobs=2)
    assert [row["status"] for row in found.rows] == ["done"] * 4


def test_a_package_that_registers_nothing_is_named(installed):
    (installed / "entry_points.txt").write_text(ENTRIES.replace(":register", ":broken"))
    for _ in range(2):
        with pytest.raises(
            ParameterError,
            match="their-package: functions_of_a_package:broken registered nothing: OSError: no l",
        ):
            Experiment.from_options(activation="of_a_package")
