"""A model answers the same from every thread, copy and process, whatever the caller set."""

import copy
import dataclasses
import pickle
import threading

import numpy as np
import pytest

from limits import joined
from samplewise.data.columns import Column
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ParameterError
from samplewise.model.model import Model
from samplewise.network import initialize, loss_named, multilayer_perceptron
from samplewise.streams import Streams
from samplewise.threads import limited
from samplewise_backends.numba_cpu.planner import threads as planner_threads

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 40))
BACKENDS = ("reference", "vectorized", "numba_cpu")


def model(backend, dtype="float64", activation="sigmoid", scale=1.0):
    network = multilayer_perceptron(40, (60,), 3, activation)
    parameters = initialize(network, "glorot_normal", Streams(0).of_run("init"), dtype)
    return Model(
        network=network,
        loss=loss_named("categorical_cross_entropy"),
        parameters=parameters * np.dtype(dtype).type(scale),
        class_names=("a", "b", "c"),
        preprocessing=Preprocessing("none"),
        image_shape=None,
        trained_on="drawn",
        backend=backend,
    )


SIZE = model("vectorized").network.layout.size
NOT_FINITE = np.zeros(SIZE)
NOT_FINITE[7] = np.nan
WRONG = {
    "short": {"parameters": np.zeros(SIZE - 1)},
    "two dimensions": {"parameters": np.zeros((1, SIZE))},
    "whole numbers": {"parameters": np.zeros(SIZE, int)},
    "float16": {"parameters": np.zeros(SIZE, np.float16)},
    "NaN": {"parameters": NOT_FINITE},
    "a list": {"parameters": [0.0] * SIZE},
    "two names": {"class_names": ("a", "b")},
    "a name in one text": {"class_names": "abc"},
    "names in an array": {"class_names": np.array(["a", "b", "c"])},
    "a short mean": {"preprocessing": Preprocessing("standardize", None, np.ones(3), np.ones(40))},
    "no deviation": {"preprocessing": Preprocessing("standardize", None, np.ones(40))},
    "not fitted": {"preprocessing": Preprocessing("auto")},
    "no white": {"preprocessing": Preprocessing("scale", 0.0)},
    "a white that is not known": {"preprocessing": Preprocessing("scale")},
    "one mean for all": {"preprocessing": Preprocessing("standardize", None, 1.0, 2.0)},
    "no finite mean": {
        "preprocessing": Preprocessing("standardize", None, [np.inf] * 40, [1] * 40)
    },
    "an image in an array": {"image_shape": np.array([8, 5])},
    "an image without height": {"image_shape": (0, 40)},
    "an image with channels": {"image_shape": (1, 8, 5)},
    "a backend": {"backend": np.zeros(2)},
    "columns": {"columns": (Column("age"), Column("height"))},
    "names as columns": {"columns": ("age",) * 40},
    "white": {"full_scale": np.nan},
    "fit": {"fit": "squeeze"},
    "dtype": {"array_dtype": np.uint8},
    "source": {"trained_on": None},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_part_that_does_not_fit_is_named_when_the_model_is_made(name):
    ((part, wrong),) = WRONG[name].items()
    with pytest.raises(ParameterError, match=f"^{part}: .*must be .*, got "):
        dataclasses.replace(model("vectorized"), **{part: wrong})


def test_a_parameter_that_is_not_finite_is_named_with_its_place():
    with pytest.raises(ParameterError, match="got nan at 7; make them by"):
        dataclasses.replace(model("vectorized"), parameters=NOT_FINITE)


def test_a_single_output_has_one_name_where_it_is_a_number_and_two_where_it_decides():
    network = multilayer_perceptron(2, (), 1)
    given = network, loss_named("mean_squared_error"), network.layout.zeros("float64")
    rest = Preprocessing("none"), None, "drawn"
    assert Model(*given, ("price",), *rest).class_names == ("price",)
    for loss, names, wanted in (
        (given[1], ("low", "high"), "1 text, one for each output"),
        (loss_named("binary_cross_entropy"), ("high",), "2 texts, one for each class"),
    ):
        with pytest.raises(ParameterError, match=f"^class_names: must be empty, or {wanted}, got"):
            Model(network, loss, given[2], names, *rest)


@pytest.mark.parametrize("shape", [[8, 5], (np.int64(8), np.int64(5))])
def test_an_image_shape_of_other_whole_numbers_is_taken(shape):
    assert dataclasses.replace(model("vectorized"), image_shape=shape).image_shape == shape


def test_parameters_whose_sum_overflows_are_finite():
    large = np.full(SIZE, 1e308)
    assert dataclasses.replace(model("vectorized"), parameters=large).parameters is large


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_layout_of_rows_does_not_count(backend):
    one, frozen = model(backend), X.copy()
    frozen.flags.writeable = False
    wanted = one.probabilities(X)
    for rows in (frozen, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.tolist()):
        np.testing.assert_array_equal(one.probabilities(rows), wanted)


def test_rows_are_finite_where_their_sum_is_not():
    one = model("numba_cpu", scale=0.0)
    assert np.isfinite(one.probabilities(np.full((2, 40), 1e308))).all()
    for wrong in (np.nan, np.inf):
        rows = X.copy()
        rows[7, 3] = wrong
        with pytest.raises(DataError, match="row 7"):
            one.probabilities(rows)


def test_a_backend_cannot_change_the_rows_of_the_caller(monkeypatch):
    one = model("vectorized")
    monkeypatch.setattr(type(one._program), "predict", lambda _, __, rows: rows.fill(0))
    with pytest.raises(ValueError, match="read-only"):
        one.probabilities(X)


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_may_share_a_model(backend):
    shared = model(backend)
    rounds = 3 if backend == "reference" else 50
    wrong = []

    def predict(start):
        rows = X[start : start + 50 + start // 10]
        want = model("reference").logits(rows)
        right = [np.allclose(shared.logits(rows), want) for _ in range(rounds)]
        wrong.extend([start] * right.count(False))

    threads = [threading.Thread(target=predict, args=(start,)) for start in range(0, 240, 40)]
    for thread in threads:
        thread.start()
    joined(*threads)
    assert wrong == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_used_model_can_be_copied_and_pickled(backend):
    used = model(backend)
    want = used.probabilities(X)
    for twin in (pickle.loads(pickle.dumps(used)), copy.deepcopy(used), copy.copy(used)):
        np.testing.assert_array_equal(twin.probabilities(X), want)


def test_a_pickle_holds_the_description_only():
    used = model("vectorized")
    before = len(pickle.dumps(used))
    used.predict(X)
    assert len(pickle.dumps(used)) == before


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_callers_floating_point_settings_do_not_matter(backend, dtype):
    saturated = model(backend, dtype, scale=1e4)
    rows = X.copy()
    rows[0] = 1e-300
    want = saturated.predict(rows)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(saturated.predict(rows), want)


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_that_overflow_the_logits_are_refused_not_classified(backend):
    rows = X.copy()
    rows[7] = 1e300
    with pytest.raises(DataError, match=r"logits of row 7 \(counted from 0\) overflow float64"):
        model(backend, activation="relu", scale=1e150).predict(rows)


def test_half_a_probability_is_the_first_class():
    network = multilayer_perceptron(1, (), 1)
    loss, zeros = loss_named("binary_cross_entropy"), network.layout.zeros("float64")
    tied = Model(network, loss, zeros, ("a", "b"), Preprocessing("none"), None, "nothing")
    assert tied.predict([[1.0]]).tolist() == [0]


def test_float32_weights_see_rows_preprocessed_in_float64():
    offset = 1e9 + X
    shifted = Preprocessing("standardize", mean=np.full(40, 1e9), deviation=np.ones(40))
    plain = model("reference", "float32")
    far = dataclasses.replace(plain, preprocessing=shifted)
    np.testing.assert_allclose(far.logits(offset), plain.logits(X), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_one_row_gets_the_bits_that_its_logits_have(backend, dtype):
    used = model(backend, dtype)
    for row in range(3):
        x = X[row : row + 1]
        wanted = used.loss.predictions(used.logits(x))
        assert used.probabilities(x).tobytes() == wanted.tobytes()
        assert used.predict(x) == wanted.argmax(axis=1)


def test_one_row_may_be_of_any_numbers_and_stays_as_it_is():
    used = model("vectorized")
    wanted = used.probabilities(np.rint(X[:1]))
    for kind in (np.int64, np.float32, np.float64):
        x = np.rint(X[:1]).astype(kind)
        x.flags.writeable = False
        np.testing.assert_array_equal(used.probabilities(x), wanted)
    np.testing.assert_array_equal(used.probabilities(np.rint(X).T[:, :1].T), wanted)


def test_answers_for_one_row_stay_as_they_are():
    used = model("vectorized")
    first = used.probabilities(X[:1])
    kept = first.copy()
    used.probabilities(X[1:2])
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_one_row_that_is_not_finite_is_refused_by_its_place(fault):
    row = X[:1].copy()
    row[0, 1] = fault
    with pytest.raises(DataError, match=r"X: 1 value is NaN or inf, the first in row 0, column 1"):
        model("vectorized").probabilities(row)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
def test_rows_shared_out_over_threads_have_the_bits_of_one(backend, dtype, monkeypatch):
    monkeypatch.setattr(planner_threads, "HAND_OVER_NS", 0.0)
    used, begun = model(backend, dtype), []
    many = np.tile(X, (5, 1))[:1441]
    many[:, 0] = np.arange(len(many)) / len(many)
    with limited(1):
        alone = used.logits(many)
    # Only now, as compiling may start a thread that announces it.
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: (begun.append(self), start(self)))
    # Calls before and after keep buffers of other sizes.
    used.predict(X[:3], threads=3)
    for threads in (2, 3, 1):
        assert used.logits(many, threads=threads).tobytes() == alone.tobytes()
    assert len(begun) == (3 if backend == "numba_cpu" else 0)
    np.testing.assert_array_equal(used.predict(many, threads=2), alone.argmax(axis=1))
    np.testing.assert_array_equal(used.probabilities(many, threads=2), used.loss.predictions(alone))


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_threads_of_a_prediction_must_be_a_whole_number(threads):
    with pytest.raises(ParameterError, match="threads: must be a whole number"):
        model("vectorized").predict(X, threads=threads)


def test_few_rows_are_not_worth_a_thread(monkeypatch):
    def refuse(thread):
        pytest.fail("a thread was started")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    model("numba_cpu").predict(X, threads=2)
