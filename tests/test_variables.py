"""Environment variables: a misspelt one, or a misspelt word in one, is a warning."""

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from samplewise import Dense, Network, TrainingSettings, registry, train, variables
from samplewise.errors import SamplewiseWarning
from samplewise.experiment.config_file import WORDS
from samplewise.plugins import offers
from samplewise.variables import PREFIX, VARIABLES, warn_of_variables
from samplewise_backends.numba_cpu.compile.settings import KERNELS, compiles_in_memory

SOURCES = [Path(__file__).parents[1] / root for root in ("engine", "backends", "benchmarks")]


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.setattr(variables, "_warned", set())
    for variable in os.environ:
        if variable.startswith(PREFIX):
            monkeypatch.delenv(variable)
    registry._look_at_variables.cache_clear()
    yield
    registry._look_at_variables.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("KERNEL", "jit", "SAMPLEWISE_KERNEL sets nothing; did you mean SAMPLEWISE_KERNELS?"),
        ("BACKND", "reference", "did you mean SAMPLEWISE_BACKEND?"),
        ("CACHEDIR", "x", "did you mean SAMPLEWISE_CACHE_DIR?"),
        ("KERNELS", "jti", "must be one of auto, jit, got 'jti'; did you mean 'jit'?"),
    ],
)
def test_a_misspelt_variable_is_a_warning_once(name, value, message, monkeypatch):
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.warns(SamplewiseWarning, match=re.escape(message) + "$"):
        warn_of_variables()
    warn_of_variables(WORDS, offers)


@pytest.mark.parametrize("name", ["EPOCS", "LR"])
def test_an_option_is_likely_only_where_options_are_read(name, monkeypatch):
    monkeypatch.setenv(PREFIX + name, "3")
    warn_of_variables()
    with pytest.warns(SamplewiseWarning, match="did you mean"):
        warn_of_variables(WORDS, offers)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TEST_FILE", "did you mean SAMPLEWISE_TEST_DATA?"),
        ("QQQ", "variables are named as the options, such as SAMPLEWISE_EPOCHS"),
    ],
)
def test_every_unknown_variable_is_a_warning_where_options_are_read(name, hint, monkeypatch):
    monkeypatch.setenv(PREFIX + name, "x.csv")
    warn_of_variables()
    with pytest.warns(SamplewiseWarning, match=re.escape(f"{PREFIX}{name} sets nothing; {hint}")):
        warn_of_variables(WORDS, offers)
    warn_of_variables(WORDS, offers)


@pytest.mark.parametrize("name", [*VARIABLES, "DEVICE", "SEED", "REFERENCE_THREADS"])
def test_a_variable_of_ours_or_of_a_backend_is_no_warning(name, monkeypatch):
    words = VARIABLES.get(name, ())
    monkeypatch.setenv(PREFIX + name, words[-1] if words else "3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_variables()
        warn_of_variables(WORDS, offers)


@pytest.mark.parametrize("name", ["MODEL", "VERSION", "OTHER"])
def test_a_variable_that_is_not_like_ours_may_be_of_another_package_in_python(name, monkeypatch):
    monkeypatch.setenv(PREFIX + name, "3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_variables()


def test_a_training_warns_once(monkeypatch):
    monkeypatch.setenv("SAMPLEWISE_BACKND", "reference")
    network, settings = Network((2,), (Dense(1),)), TrainingSettings(epochs=1, backend="vectorized")
    with pytest.warns(SamplewiseWarning, match="BACKND"):
        train(network, np.eye(2), np.array([0, 1]), settings)
    train(network, np.eye(2), np.array([0, 1]), settings)


def test_every_variable_is_known():
    """Those that the sources name, but for options in examples."""
    texts = [path.read_text(encoding="utf-8") for root in SOURCES for path in root.rglob("*.py")]
    named = {name for text in texts for name in re.findall(rf"{PREFIX}([A-Z_]*[A-Z])", text)}
    assert {name for name in named if name.lower() not in WORDS} == set(VARIABLES) - {"BACKEND"}


@pytest.mark.parametrize("word", [*VARIABLES["KERNELS"], ""])
def test_the_words_of_a_variable_are_those_that_its_reader_takes(word, monkeypatch):
    monkeypatch.setenv(KERNELS, word)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_variables()
    assert compiles_in_memory() == (word == "jit")
