"""The library's log: silent until it is set up, and then a line a record."""

import logging
import subprocess
import sys

import numpy as np
import pytest

import samplewise
from samplewise.errors import ParameterError
from samplewise.logging import announce, is_set_up, logger, to_stderr

NETWORK = samplewise.multilayer_perceptron(2, (2,), 1)


@pytest.fixture
def alone():
    """Leave the logger as in a process of its own: pytest sets logging up as a test begins."""
    before = list(logger.handlers), logger.level, logger.propagate

    def take():
        logger.handlers[:], logger.propagate = [logging.NullHandler()], False

    yield take
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def train():
    settings = samplewise.TrainingSettings(backend="vectorized", epochs=1)
    samplewise.train(NETWORK, np.eye(2), [0, 1], settings)


def test_training_says_nothing_unasked_and_its_plan_at_debug(alone, capsys):
    alone()
    train()
    assert capsys.readouterr().err == ""
    to_stderr("debug")
    train()
    line = "samplewise: vectorized trains by direct: blocks would"
    assert capsys.readouterr().err.startswith(line)


def test_the_level_is_a_number_or_a_name(alone, capsys):
    alone()
    to_stderr()
    logger.debug("hidden")
    logger.info("shown")
    assert to_stderr(logging.ERROR) is to_stderr("Error")
    logger.info("hidden")
    assert capsys.readouterr().err == "samplewise: shown\n"


@pytest.mark.parametrize("level", ["loud", None, -1, 1.5])
def test_a_level_that_does_not_exist_is_refused(alone, level):
    alone()
    with pytest.raises(ParameterError, match="level: must be"):
        to_stderr(level)
    assert not is_set_up()


def test_a_handler_that_may_show_records_is_logging_set_up(alone, capsys):
    alone()
    assert not is_set_up()
    announce("on %s", "stderr")
    handler = to_stderr()
    assert is_set_up()
    logger.removeHandler(handler)
    logger.propagate = True  # to pytest's handlers
    assert is_set_up()
    assert capsys.readouterr().err == "samplewise: on stderr\n"


def test_a_stderr_that_is_gone_ends_nothing(alone, monkeypatch):
    alone()
    monkeypatch.setattr(sys, "stderr", None)
    to_stderr()
    logger.info("lost")


def test_it_is_an_attribute_of_the_package():
    code = (
        "import logging, samplewise\n"
        "samplewise.logging.to_stderr()\n"
        "logging.getLogger('samplewise').warning('shown')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr == "samplewise: shown\n"


def test_a_star_import_leaves_it_out():
    names = {"logging": logging}
    exec("from samplewise import *", names)
    assert names["logging"] is logging
    assert names["train"] is samplewise.train
