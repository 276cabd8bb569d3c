import os
from typing import NamedTuple

import numpy as np
import pytest

from samplewise.cli.app import main


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Work in a new folder, without the settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("SAMPLEWISE_") and name != "SAMPLEWISE_CACHE_DIR":
            monkeypatch.delenv(name)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cli(capsys):
    """Run a command in this process."""

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """60 images of 8 x 8 in the classes 4, 7 and 9, the brighter the later."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 100, (60, 64)) + 70 * (np.arange(60) % 3)[:, None]
    path = tmp_path_factory.mktemp("images") / "images.npz"
    np.savez(path, dataset=X.astype(np.uint8), labels=np.array(["4", "7", "9"])[np.arange(60) % 3])
    return path


@pytest.fixture(scope="session")
def trained(images, tmp_path_factory):
    """The folder of a run on the classes 4 and 9."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    arguments = ["--data", images, "--classes", "4,9", "--backend", "vectorized", "--out", folder]
    assert main(["train", *map(str, arguments)]) == 0
    return folder


@pytest.fixture(scope="session")
def trained_on_table(tmp_path_factory):
    """The folder of a run on a table of measurements."""
    folder = tmp_path_factory.mktemp("runs") / "table"
    arguments = ["--data", "iris", "--backend", "vectorized", "--out", folder]
    assert main(["train", *map(str, arguments)]) == 0
    return folder
