"""What the handler of a signal raises comes out of calls that name whose fault an error is."""

import io
import signal
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import get_scorer

import samplewise
from samplewise.data.sources import image_file, npy_member
from samplewise.network.custom import checks
from samplewise.plugins import Offer, loaded_backend
from samplewise.testing.ladder import RUNGS, climb
from samplewise.training.blame import check_unchanged
from samplewise_backends.numba_cpu import availability

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="a signal of Unix")


class OutError(Exception):
    """Raised by the handler, as a limit of time is."""


@pytest.fixture(autouse=True)
def _handler():
    def handle(number, frame):
        raise OutError

    before = signal.signal(signal.SIGUSR1, handle)
    yield
    signal.signal(signal.SIGUSR1, before)


def interrupted(*_args, **_options):
    signal.raise_signal(signal.SIGUSR1)


class ArrayLike:
    __array__ = interrupted


def test_of_converting_an_array():
    with pytest.raises(OutError):
        samplewise.train(
            samplewise.multilayer_perceptron(1, (), 1),
            ArrayLike(),
            [0, 1],
            samplewise.TrainingSettings(epochs=1),
        )


def test_of_functions_of_a_user():
    with pytest.raises(OutError):
        checks.numbers("f", interrupted, (1,), np.ones(1))


def test_of_a_comparison_of_weights():
    def at_its_first_call(frame, event, called):
        if event == "c_call":
            sys.setprofile(before)
            interrupted()

    def compare():
        sys.setprofile(at_its_first_call)
        check_unchanged("some", weights, weights)

    before, weights = sys.getprofile(), np.ones(3)
    with pytest.raises(OutError):
        compare()


def test_of_reading_an_image(monkeypatch):
    file = io.BytesIO()
    Image.new("L", (2, 2)).save(file, "PNG")
    monkeypatch.setattr(image_file, "_prepare", interrupted)
    with pytest.raises(OutError):
        image_file.read_grey(file.getvalue(), "a.png")


def test_of_headers_of_arrays(monkeypatch):
    monkeypatch.setattr(np.lib.format, "read_array_header_1_0", interrupted)
    with pytest.raises(OutError):
        npy_member._parse_header(b"", (1, 0), "a.npy")


def test_of_loading_a_plugin(monkeypatch):
    class EntryPoint:
        load = interrupted

    offer = Offer("interrupted", "some", "1", EntryPoint())
    monkeypatch.setattr("samplewise.plugins.offers", lambda: {"interrupted": offer})
    with pytest.raises(OutError):
        loaded_backend("interrupted")


def test_of_kernels_that_are_tried(monkeypatch):
    monkeypatch.setattr(availability, "_error_of_trial", interrupted)
    with pytest.raises(OutError):
        availability.why_unavailable()


def test_of_a_check_of_a_backend(monkeypatch):
    rung = next(iter(RUNGS))
    monkeypatch.setitem(RUNGS, rung, (interrupted, None))
    with pytest.raises(OutError):
        climb(None, rung, None)


def test_of_fits_that_are_trained_together():
    calls = []

    def score(*arguments):
        calls.append(1)
        if len(calls) == 1:
            interrupted()
        return get_scorer("accuracy")(*arguments)

    estimator = samplewise.MLPClassifier(
        (2,), max_iter=1, early_stopping=True, monitor=score, random_state=0
    )
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    with pytest.raises(OutError):
        samplewise.SweepSearchCV(estimator, {"alpha": [0.1, 0.2]}, cv=2).fit(X, y)
    assert calls == [1]
