"""Compiling that takes long, and a backend that is slower, are announced; both can be silenced."""

import logging
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import samplewise
from samplewise import registry
from samplewise.cli import app
from samplewise.network.custom import CUSTOM_ACTIVATIONS, register_activation
from samplewise.training import compile_notice

LINE = "compiling kernels of slow, about 12 s (once; kept for later runs)"


@pytest.fixture
def logger(monkeypatch):
    """The library's logger where nobody has set up logging; pytest itself does."""
    logger = logging.getLogger("samplewise")
    monkeypatch.setattr(samplewise.logging, "is_set_up", lambda: False)
    yield logger
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def compile_long(monkeypatch):
    """Compile with a backend of such members, until the notice is given."""

    def compile_until_announced(**members):
        said = threading.Event()
        announce = compile_notice.announce

        def announced(backend):
            announce(backend)
            said.set()

        with monkeypatch.context() as patch:
            patch.setattr(compile_notice, "QUIET_S", 0.01)
            patch.setattr(compile_notice, "announce", announced)
            with compile_notice.announced(SimpleNamespace(name="slow", **members)):
                assert said.wait(20)

    return compile_until_announced


def test_compiling_that_takes_long_is_announced(capsys, logger, compile_long):
    compile_long(compile_time="about 12 s", keeps_compiled=True)
    assert capsys.readouterr().err == f"samplewise: {LINE}\n"
    compile_long()
    assert capsys.readouterr().err == "samplewise: compiling kernels of slow\n"


def test_where_no_thread_is_to_be_had_training_goes_on_without_a_notice(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    network = samplewise.multilayer_perceptron(4, (3,), 1)
    settings = samplewise.TrainingSettings(epochs=2)
    result = samplewise.train(network, np.eye(4), np.arange(4) % 2, settings)
    assert len(result.history.losses) == 2


def test_compiling_that_is_quick_or_fails_is_not(monkeypatch):
    def never(backend):
        raise AssertionError(backend)

    monkeypatch.setattr(compile_notice, "QUIET_S", 1000)
    monkeypatch.setattr(compile_notice, "announce", never)
    before = set(threading.enumerate())

    def added():
        return set(threading.enumerate()) - before

    with compile_notice.announced(SimpleNamespace(name="quick")):
        assert len(added()) == 1
    with pytest.raises(OSError, match="x"), compile_notice.announced(SimpleNamespace(name="b")):
        raise OSError("x")
    deadline = time.monotonic() + 20
    while added() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not added()


def test_the_level_of_the_logger_silences_the_line(capsys, logger, compile_long):
    logger.setLevel(logging.WARNING)
    compile_long()
    assert capsys.readouterr().err == ""


def test_set_up_logging_gets_a_record_instead(capsys, caplog, compile_long):
    with caplog.at_level(logging.INFO, "samplewise"):
        compile_long(compile_time="about 12 s", keeps_compiled=True)
    assert caplog.messages == [LINE]
    assert capsys.readouterr().err == ""


def test_the_command_line_shows_the_line_once(capsys, compile_long):
    with app._logged():
        compile_long()
    assert capsys.readouterr().err == "compiling kernels of slow\n"
    assert not any(type(one) is app._Notes for one in logging.getLogger("samplewise").handlers)


def test_a_faster_backend_that_cannot_run_here_is_announced_once(capsys, logger, monkeypatch):
    found = registry.loaded_backend
    broken = {"numba_cpu": RuntimeError("numba is broken")}
    monkeypatch.setattr(registry, "loaded_backend", lambda name: broken.get(name) or found(name))
    compile_notice._announce_once.cache_clear()
    network, X = samplewise.multilayer_perceptron(2, 2, 1), [[0, 1], [1, 0]]
    for settings in (samplewise.TrainingSettings(epochs=1), samplewise.TrainingSettings(seed=1)):
        assert samplewise.train(network, X, [0, 1], settings).history.backend == "vectorized"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("samplewise: backend 'numba_cpu' of samplewise is unavailable: ")
    assert line.endswith(
        "numba is broken; available: reference, vectorized; vectorized trains, and takes longer"
    )


def test_a_backend_that_lacks_something_or_was_named_announces_nothing(capsys, logger):
    compile_notice._announce_once.cache_clear()
    register_activation("doubled", lambda z: 2 * z, lambda z: np.full_like(z, 2))
    network, X = samplewise.multilayer_perceptron(2, 2, 1, "doubled"), [[0, 1], [1, 0]]
    for backend in ("vectorized", None):
        settings = samplewise.TrainingSettings(epochs=1, backend=backend)
        assert samplewise.train(network, X, [0, 1], settings).history.backend == "vectorized"
    del CUSTOM_ACTIVATIONS.table["doubled"]
    assert capsys.readouterr().err == ""
