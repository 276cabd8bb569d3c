"""The loop at its edges: what it undoes, what a part of an epoch counts, what backends do wrong."""

import dataclasses
import functools
import json
import signal

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, StopAfter, X

from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise import registry
from samplewise.errors import ContractError, DataError, DivergenceError, SomeDivergedError
from samplewise.network import Dense, Network, multilayer_perceptron
from samplewise.registry import Choice
from samplewise.training import batches
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "reference", "epochs": 2, **changes})


def train_on(monkeypatch, program, **changes):
    """Train on the reference with a fault."""
    backend = FaultyBackend("faulty", program)
    monkeypatch.setattr(registry, "resolve", lambda *_: Choice(backend, "chosen by the test"))
    return train(NETWORK, X, LABELS, settings(**changes))


def test_a_stop_inside_the_last_epoch_is_an_interruption(monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 10)
    history = train(NETWORK, X, LABELS, settings(epochs=1), stop=StopAfter(2)).history
    assert [record.samples for record in history.epochs] == [20]
    assert history.stopped == "interrupted"


def test_a_part_of_an_epoch_has_the_loss_and_the_rate_of_its_own_samples(monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 10)
    (part,) = train(NETWORK, X, LABELS, settings(), stop=StopAfter(2)).history.epochs
    (alone,) = train(NETWORK, X[:20], LABELS[:20], settings(epochs=1)).history.epochs
    assert part.loss == alone.loss
    assert part.samples_per_s == pytest.approx(20 / part.train_ms * 1e3)


def test_the_mean_loss_is_summed_in_float64():
    class Recorded(FaultyReference):
        def run_epoch(self, state, X, Y, steps, losses):
            super().run_epoch(state, X, Y, steps, losses)
            seen.append(losses.copy())

    seen = []
    with pytest.MonkeyPatch.context() as patch:
        history = train_on(patch, Recorded, dtype="float32", epochs=1).history
    assert history.losses == [float(np.mean(seen[0].astype(np.float64)))]


class StepRecorder(FaultyReference):
    seen: list[int] = []  # noqa: RUF012

    def run_epoch(self, state, X, Y, steps, losses):
        self.seen.append(state.step)
        super().run_epoch(state, X, Y, steps, losses)


def test_the_engine_counts_the_updates_made(monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 28)
    monkeypatch.setattr(StepRecorder, "seen", [])
    train_on(monkeypatch, StepRecorder, batch_size=7)
    assert StepRecorder.seen == [0, 4, 8, 12]


class LosesItsMind(FaultyReference):
    """Writes `value` as the loss of sample 33, or as a weight in the chunk that holds it."""

    where = "loss"

    def run_epoch(self, state, X, Y, steps, losses):
        super().run_epoch(state, X, Y, steps, losses)
        if steps.start <= 33 < steps.stop:
            target = losses if self.where == "loss" else state.parameters
            target[33 if self.where == "loss" else 0] = np.inf


@pytest.mark.parametrize(("where", "sample"), [("loss", 34), ("weight", 40)])
def test_a_bad_chunk_is_named_by_sample_and_row_and_undone(monkeypatch, where, sample):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 10)
    monkeypatch.setattr(LosesItsMind, "where", where)
    order = batches.Orders(50, 0).of_epoch(1)
    message = rf"in epoch 1 at sample {sample} of 50 \(row {order[sample - 1]}\)"
    with pytest.raises(DivergenceError, match=message) as caught:
        train_on(monkeypatch, LosesItsMind, shuffle=True)
    monkeypatch.undo()
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 10)
    kept = train(NETWORK, X, LABELS, settings(shuffle=True), stop=StopAfter(3)).parameters
    assert caught.value.parameters == pytest.approx(kept, rel=1e-12)


class ForgetsALoss(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        super().run_epoch(state, X, Y, steps, losses.copy())


class ForgetsALossLater(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        super().run_epoch(state, X, Y, steps, losses.copy() if state.step else losses)


class Raises(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        raise ValueError("no such thing")


class CannotWarmUp(FaultyReference):
    def warm_up(self):
        raise OSError("no compiler")


class WrongLogits(FaultyReference):
    def predict(self, parameters, X):
        return super().predict(parameters, X)[:, 0]


class WritesToX(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        X[0, 0] = 7


class ReplacesParameters(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        super().run_epoch(state, X, Y, steps, losses)
        state.parameters = state.parameters[:-1]


class ChangesWeightsInTheEnd(FaultyReference):
    def synchronize(self, state):
        state.parameters[0] += 1


class OutOfMemory(FaultyReference):
    def warm_up(self):
        raise MemoryError


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        (ForgetsALoss, DivergenceError, "the loss became nan"),
        (ForgetsALossLater, DivergenceError, "the loss became nan in epoch 2"),
        (Raises, ContractError, "backend 'faulty' raised ValueError: no such thing"),
        (CannotWarmUp, ContractError, "backend 'faulty' raised OSError: no compiler"),
        (WrongLogits, ContractError, r"logits of shape \(50,\); expected \(50, 1\)"),
        (WritesToX, ContractError, "read-only"),
        (ReplacesParameters, ContractError, r"left parameters of shape \(63,\) .* in place"),
        (ChangesWeightsInTheEnd, ContractError, "'faulty' changed weights after the network's"),
        (OutOfMemory, MemoryError, None),
    ],
)
def test_what_a_backend_does_wrong_is_named(monkeypatch, program, error, message):
    with pytest.raises(error, match=message):
        train_on(monkeypatch, program)


class OutError(Exception):
    """Raised by a handler, as a limit of time is."""


class Handlers:
    def method(self, number, frame):
        raise OutError

    def __call__(self, number, frame):
        self.out()

    def out(self):
        raise OutError


def function(number, frame):
    raise OutError


def with_any(*args, **kwargs):
    raise OutError


def that_resets_itself(number, frame):
    signal.signal(number, signal.SIG_DFL)
    raise OutError


class IsInterrupted(FaultyReference):
    def run_epoch(self, state, X, Y, steps, losses):
        signal.raise_signal(signal.SIGUSR1)
        super().run_epoch(state, X, Y, steps, losses)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="a signal of Unix")
@pytest.mark.parametrize(
    "handler",
    [
        function,
        with_any,
        that_resets_itself,
        Handlers().method,
        Handlers(),
        functools.partial(with_any, "first"),
        lambda number, frame: function(number, None),
    ],
)
def test_what_the_handler_of_a_signal_raises_is_no_fault_of_the_backend(monkeypatch, handler):
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(OutError):
            train_on(monkeypatch, IsInterrupted)
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="a signal of Unix")
def test_a_fault_of_the_backend_is_named_where_signals_have_handlers(monkeypatch):
    class RaisesAfterASignal(IsInterrupted):
        def run_epoch(self, state, X, Y, steps, losses):
            super().run_epoch(state, X, Y, steps, losses)
            raise ValueError("no such thing")

    handled = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: handled.append(number))
    try:
        with pytest.raises(ContractError, match="'faulty' raised ValueError: no such thing"):
            train_on(monkeypatch, RaisesAfterASignal)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert handled == [signal.SIGUSR1]


def test_losses_whose_sum_overflows_are_a_divergence():
    rows, labels = np.ones((50, 1)), np.arange(50) % 2
    chosen = settings(learning_rate=1.2e308, init="zeros")
    with pytest.raises(DivergenceError, match="the mean loss became inf in epoch 1"):
        train(Network((1,), (Dense(1),)), rows, labels, chosen)


def test_a_validation_loss_that_overflows_is_named_as_such():
    rows, targets = np.ones((4, 1)), np.ones(4)
    chosen = settings(learning_rate=1e-3, loss="mean_squared_error")
    with pytest.raises(DivergenceError, match="the mean validation loss became inf in epoch 1"):
        train(Network((1,), (Dense(1),)), rows, targets, chosen, validation=(rows, targets * 1e200))


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adagrad"])
@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
def test_squares_of_gradients_that_overflow_are_a_divergence(optimizer, backend):
    """The weights stay finite then, and would never move again."""
    options = {"optimizer": optimizer, "dtype": "float32", "loss": "mean_squared_error"}
    chosen = settings(**options, backend=backend, batch_size=4)
    network, rows = multilayer_perceptron(1, (), 1), np.array([[1e10], [2e10], [-1e10], [3]])
    message = "the optimizer's state is not finite .*; scale the inputs and targets, or limit gradi"
    with pytest.raises(DivergenceError, match=message) as caught:
        train(network, rows, [1e12, 2, 3, 4], chosen)
    assert np.isfinite(caught.value.parameters).all()
    with pytest.raises(SomeDivergedError, match=f"2 of 2 networks .* network 0: {message}"):
        train_many([network] * 2, rows, [1e12, 2, 3, 4], [chosen, chosen])
    # Finite numbers whose own squares overflow are none.
    state = train(network, rows / 1e3, [1e12, 2, 3, 4], chosen).state.optimizer_state
    assert state.max() > 1e20


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("largest", [0.5, 1e4, 1e30], ids=["short", "long", "below the limit"])
@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
def test_the_length_of_gradients_whose_squares_overflow_is_limited(backend, largest, batch_size):
    """As in float64, where they do not."""
    network, rows = multilayer_perceptron(1, (), 1), np.array([[3e19], [6e19], [-4e19], [1e19]])
    options = {"clip_norm": largest, "loss": "mean_absolute_error", "learning_rate": 1e-3}
    options |= {"backend": backend, "batch_size": batch_size, "epochs": 1}
    wide, narrow = (
        train(network, rows, [1.0, 2, -1, 0], settings(**options, dtype=dtype)).parameters
        for dtype in ("float64", "float32")
    )
    # Steps of single rows go to and fro: of what they cancel, the rounding is left.
    longest = 1e-3 * min(largest, 6e19)
    np.testing.assert_allclose(narrow, wide, rtol=1e-5, atol=1e-7 * longest)
    assert np.abs(wide).max() > 1e-4


class Overflows(FaultyReference):
    def predict(self, parameters, X):
        return np.full((len(X), 1), np.nan)


def test_logits_that_overflow_are_a_divergence_not_class_0(monkeypatch):
    with pytest.raises(DivergenceError, match="logits overflowed after epoch 1") as caught:
        train_on(monkeypatch, Overflows)
    assert np.isfinite(caught.value.parameters).all()


def test_a_program_is_warmed_up_before_the_clock_starts(monkeypatch):
    class WarmedUp(FaultyReference):
        def warm_up(self):
            calls.append("warm up")

        def run_epoch(self, state, X, Y, steps, losses):
            calls.append("run")
            super().run_epoch(state, X, Y, steps, losses)

    calls = []
    train_on(monkeypatch, WarmedUp, epochs=1)
    assert calls == ["warm up", "run"]


def test_any_reason_of_a_callback_stops_training():
    class Finished(Callback):
        def on_epoch_end(self, record):
            return "finished"

    history = train(NETWORK, X, LABELS, settings(epochs=5), callbacks=[Finished()]).history
    assert len(history.epochs) == 1


def test_an_error_in_a_callback_reaches_the_caller_as_it_is():
    class Fails(Callback):
        def on_epoch_end(self, record):
            raise LookupError("of the callback")

    with pytest.raises(LookupError, match="of the callback"):
        train(NETWORK, X, LABELS, settings(), callbacks=[Fails()])


def test_bits_are_promised_for_one_thread_only():
    assert not train(NETWORK, X, LABELS, settings(threads=2)).history.deterministic


def test_a_batch_of_all_rows_needs_no_note():
    assert train(NETWORK, X, LABELS, settings(batch_size=50)).history.notes == []


def test_the_fingerprint_tells_rows_and_labels_apart():
    prints = {
        train(NETWORK, rows, labels, settings(epochs=1)).history.data_fingerprint
        for rows, labels in ((X, LABELS), (X, 1 - LABELS), (X + 1, LABELS))
    }
    assert len(prints) == 3


@pytest.mark.parametrize(("outputs", "loss"), [(1, "binary"), (2, "categorical")])
def test_auto_takes_the_loss_that_fits_the_outputs(outputs, loss):
    history = train(multilayer_perceptron(4, (3,), outputs), X, LABELS, settings()).history
    assert history.settings["loss"] == f"{loss}_cross_entropy"


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_numpy_s_numbers_serve_as_python_s(backend):
    chosen = settings(backend=backend, dtype="float32", batch_size=5)
    given = dataclasses.replace(
        chosen, learning_rate=np.float64(0.1), epochs=np.int64(2), batch_size=np.int32(5)
    )
    network = multilayer_perceptron(np.int64(4), (np.int64(3),), 1)
    result = train(network, X, LABELS, given)
    plain = train(NETWORK, X, LABELS, chosen)
    np.testing.assert_array_equal(result.parameters, plain.parameters)
    assert json.loads(result.history.to_json())["settings"]["epochs"] == 2


ROUNDED = np.round(X * 3)
FORMS = {
    "F order": np.asfortranarray(ROUNDED),
    "strided": np.repeat(ROUNDED, 2, axis=1)[:, ::2],
    "backwards": ROUNDED[::-1].copy()[::-1],
    "big-endian": ROUNDED.astype(">f8"),
    "int8": ROUNDED.astype("i1"),
    "float16": ROUNDED.astype("f2"),
    "lists": ROUNDED.tolist(),
    "image": ROUNDED.reshape(50, 2, 2),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_numbers_trains_the_same_network(form):
    want = train(NETWORK, ROUNDED, LABELS, settings()).parameters
    got = train(NETWORK, FORMS[form], LABELS.astype(np.uint8), settings()).parameters
    np.testing.assert_array_equal(got, want)


def test_bools_are_numbers_and_labels():
    flags = X > 0
    got = train(NETWORK, flags, LABELS.astype(bool), settings()).parameters
    want = train(NETWORK, flags.astype(float), LABELS, settings()).parameters
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ([[1, 2, 3, 4], [1, 2]], [0, 1], "X: cannot be made an array"),
        (X[:2], [[0], [1, 1]], "targets: cannot be made an array"),
        (X, np.ma.masked_array(LABELS, mask=LABELS == 1), "targets: got a masked array"),
    ],
)
def test_what_is_no_plain_array_is_refused(rows, labels, message):
    with pytest.raises(DataError, match=message):
        train(NETWORK, rows, labels, settings())
