"""A predictor answers for one row what its model does, bit for bit, and refuses the same rows."""

import copy
import dataclasses
import pickle
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from limits import joined
from samplewise import registry
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, SamplewiseError
from samplewise.model.model import Model
from samplewise.network import (
    SGD,
    Dense,
    Network,
    initialize,
    loss_named,
    multilayer_perceptron,
)
from samplewise.streams import Streams

PAGE = Path(__file__).parents[1] / "docs" / "ONE_ROW_AT_A_TIME.md"
BACKENDS = ("reference", "vectorized", "numba_cpu")
DTYPES = ("float64", "float32")
FEATURES = 40
PIXELS = np.random.default_rng(0).integers(0, 256, (6, FEATURES)).astype(np.uint8)
STEPS = {
    "none": Preprocessing("none"),
    "scale": Preprocessing("scale", full_scale=255.0),
    "standardize images": Preprocessing("standardize"),
    "standardize a table": Preprocessing(
        "standardize",
        mean=np.linspace(100, 150, FEATURES),
        deviation=np.linspace(20, 90, FEATURES),
    ),
}
TOO_LARGE_FOR_FLOAT32 = 1e39


def model(backend=None, dtype="float64", hidden=(9,), outputs=1, step="scale", scale=1.0):
    network = multilayer_perceptron(FEATURES, hidden, outputs, "tanh")
    kind = "binary" if outputs == 1 else "categorical"
    stream = Streams(1).of_run("init")
    return Model(
        network=network,
        loss=loss_named(f"{kind}_cross_entropy"),
        parameters=initialize(network, "glorot_normal", stream, dtype)
        * np.dtype(dtype).type(scale),
        class_names=tuple("abcdefghijklmnopqrstuvwxyz"[: max(outputs, 2)]),
        preprocessing=STEPS[step],
        image_shape=None,
        trained_on="drawn",
        backend=backend,
    )


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("hidden", [(), (9,), (8, 20, 5)])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_it_answers_as_the_model_does(backend, dtype, hidden, outputs, step):
    asked = model(backend, dtype, hidden, outputs, step)
    predictor = asked.predictor()
    for row in (*PIXELS, *PIXELS.astype(np.float64), *PIXELS.astype(np.float32)):
        wanted = asked.loss.predictions(asked.logits(row[np.newaxis]))[0]
        got = predictor(row)
        assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_array_equal(got, wanted)
        assert predictor.predict(row) == asked.predict(row[np.newaxis])[0]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_takes_preprocessed_rows_where_it_is_told_to(dtype, step):
    asked = model(dtype=dtype, step=step)
    predictor = asked.predictor(preprocessed=True)
    for raw, row in zip(PIXELS, STEPS[step].apply(PIXELS), strict=True):
        np.testing.assert_array_equal(predictor(row), asked.predictor()(raw))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["binary_cross_entropy", "categorical_cross_entropy"])
def test_a_row_of_logits_gets_the_bits_that_many_rows_get(name, dtype):
    loss = loss_named(name)
    huge = [-1000.0, -745.0, -89.0, -40.0, -1e-8, -0.0, 0.0, 0.5, 37.0, 88.8, 710.0, 1000.0]
    for outputs in (1,) if name.startswith("binary") else (2, 3, 12):
        for shift in range(len(huge)):
            Z = np.array([np.roll(huge, shift)[:outputs]], dtype)
            got = loss.row_probabilities(Z)
            assert got.dtype == dtype
            np.testing.assert_array_equal(got, loss.probabilities(Z)[0])


@pytest.mark.parametrize("outputs", [1, 3])
def test_its_answers_stay_as_they_are(outputs):
    predictor = model(outputs=outputs).predictor()
    first = predictor(PIXELS[0])
    kept = first.copy()
    assert (predictor(PIXELS[1]) != kept).all()
    np.testing.assert_array_equal(first, kept)


def test_rows_of_any_form_are_taken_and_left_as_they_are():
    predictor, row = model().predictor(), PIXELS[0]
    wanted = predictor(row)
    apart = np.repeat(row.astype(np.float64), 2)[::2]
    apart.flags.writeable = False
    for form in (row.tolist(), tuple(row), apart, row.astype(">i4"), row.astype(np.longdouble)):
        predictor(PIXELS[1])
        np.testing.assert_array_equal(predictor(form), wanted)
    np.testing.assert_array_equal(apart, row)


def test_an_image_may_keep_its_shape():
    flat = model()
    shaped = dataclasses.replace(flat, network=Network((5, 8), flat.network.layers))
    predictor = shaped.predictor()
    for x in (PIXELS[0], PIXELS[0].reshape(5, 8)):
        np.testing.assert_array_equal(predictor(x), flat.predictor()(PIXELS[0]))


def changed(value, dtype="float64"):
    row = PIXELS[0].astype(dtype)
    row[3] = value
    return row


REFUSED = [
    (PIXELS[0][:-1], r"x has shape \(39,\); expected one row, \(40,\)"),
    (PIXELS[:1], r"x has shape \(1, 40\); .* give one row at a time"),
    (PIXELS[0].reshape(5, 8), r"x has shape \(5, 8\)"),
    (7.0, r"x has shape \(\)"),
    ([[1.0], [2.0, 3.0]], "x: cannot be made an array"),
    (np.ma.masked_array(PIXELS[0], PIXELS[0] > 9), "x: got a masked array"),
    (PIXELS[0].astype(str), "X: expected numbers, got text, such as"),
    (PIXELS[0].astype(complex), "X: expected numbers, got complex128"),
    (np.array([None, *PIXELS[0, 1:]]), "x: a missing value"),
    (changed(np.nan), "X: 1 value is NaN or inf, the first in row 0, column 3"),
    (changed(np.inf), "X: 1 value is NaN or inf, the first in row 0, column 3"),
    (changed(-np.inf, np.float32), "X: 1 value is NaN or inf, the first in row 0, column 3"),
    (changed(np.nan).tolist(), "X: 1 value is NaN or inf, the first in row 0, column 3"),
    (changed(np.finfo(np.longdouble).max, np.longdouble), "X as float64: 1 value is NaN or inf"),
]


@pytest.mark.parametrize("preprocessed", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("row", "message"), REFUSED)
def test_a_row_that_does_not_fit_is_refused_and_the_next_one_answered(
    row, message, dtype, preprocessed
):
    predictor = model("vectorized", dtype).predictor(preprocessed=preprocessed)
    wanted = predictor(PIXELS[1])
    if preprocessed:
        # Such a row is brought to the model's dtype at once.
        message = message.replace("as float64", f"as {dtype}")
    with pytest.raises(DataError, match=message):
        predictor(row)
    with pytest.raises(DataError, match=message):
        predictor.predict(row)
    np.testing.assert_array_equal(predictor(PIXELS[1]), wanted)


class ZeroForNan(type(loss_named("mean_squared_error"))):
    def predictions(self, logits):
        return np.nan_to_num(logits)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_link_that_hides_nan_does_not_hide_a_row_that_is_refused(backend):
    predictor = dataclasses.replace(model(backend), loss=ZeroForNan(), class_names=()).predictor()
    assert predictor(PIXELS[1]).shape == (1,)
    with pytest.raises(DataError, match="X: 1 value is NaN or inf"):
        predictor(changed(np.inf))


@pytest.mark.parametrize("preprocessed", [False, True])
def test_a_value_too_large_for_float32_is_refused(preprocessed):
    predictor = model("vectorized", "float32", step="none").predictor(preprocessed=preprocessed)
    with pytest.raises(DataError, match="X as float32: 1 value is NaN or inf"):
        predictor(changed(TOO_LARGE_FOR_FLOAT32))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_that_overflows_in_preprocessing_is_refused_as_by_the_model(dtype):
    narrow = Preprocessing("standardize", mean=np.zeros(FEATURES), deviation=np.full(FEATURES, 0.1))
    asked = dataclasses.replace(model("vectorized", dtype), preprocessing=narrow)
    row = changed(1e308)
    for ask in (asked.predictor(), lambda x: asked.probabilities(x[np.newaxis])):
        with pytest.raises(DataError, match="X: 1 value is NaN or inf, the first in row 0, col"):
            ask(row)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("backend", BACKENDS)
def test_logits_that_overflow_are_refused_not_classified(backend, outputs):
    predictor = model(backend, hidden=(), outputs=outputs, step="none", scale=1e200).predictor()
    row = np.where(np.arange(FEATURES) % 2, 1e200, -1e200)
    with pytest.raises(DataError, match="x: its logits overflow float64; preprocess x as for"):
        predictor(row)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_callers_floating_point_settings_do_not_matter(backend, dtype):
    asked = model(backend, dtype, outputs=3, scale=1e4)
    wanted = asked.predictor()(changed(1e-300))
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(asked.predictor()(changed(1e-300)), wanted)
        assert np.geterr()["under"] == "raise"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_used_predictor_can_be_copied_and_pickled(backend):
    used = model(backend).predictor()
    wanted = used(PIXELS[0])
    for twin in (pickle.loads(pickle.dumps(used)), copy.deepcopy(used), copy.copy(used)):
        twin(PIXELS[1])
        np.testing.assert_array_equal(twin(PIXELS[0]), wanted)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_thread_has_its_own_of_the_same_model(backend):
    shared = model(backend, hidden=(300,), outputs=3)
    wanted = [shared.probabilities(row[np.newaxis])[0] for row in PIXELS[:2]]
    wrong, start = [], threading.Barrier(2, timeout=60)

    def predict(index):
        predictor = shared.predictor()
        start.wait()
        right = [np.array_equal(predictor(PIXELS[index]), wanted[index]) for _ in range(500)]
        wrong.extend([index] * right.count(False))

    threads = [threading.Thread(target=predict, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    joined(*threads)
    assert wrong == []


class AsksWhileItIsAsked:
    def __init__(self, predictor):
        self.predictor = predictor

    def __array__(self, dtype=None, copy=None):
        return self.predictor(PIXELS[0])


def test_a_call_during_a_call_is_an_error_not_a_wrong_answer():
    predictor = model("vectorized").predictor()
    wanted = predictor(PIXELS[0])
    with pytest.raises(SamplewiseError, match="make one for each thread with Model.predictor"):
        predictor(AsksWhileItIsAsked(predictor))
    np.testing.assert_array_equal(predictor(PIXELS[0]), wanted)


class Breaks:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("out of paper")


def test_the_errors_of_others_are_the_cause():
    with pytest.raises(DataError, match="x: a Breaks cannot be made an array") as caught:
        model("vectorized").predictor()(Breaks())
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_predicts_a_few_rows_in_place(backend, dtype, rows):
    network = Network((FEATURES,), (Dense(7, "relu"), Dense(4)))
    settings = network, loss_named("categorical_cross_entropy"), SGD(), np.dtype(dtype)
    program = registry.load(backend).compile(*settings)
    stream = Streams(2).of_run("init")
    parameters = initialize(network, "glorot_normal", stream, dtype)
    parameters.flags.writeable = False
    X = np.zeros((rows, FEATURES), dtype)
    call, logits = program.predictor(parameters, X)
    for values in (PIXELS[:rows], PIXELS[6 - rows :]):
        X[...] = values / 255
        call()
        np.testing.assert_array_equal(logits, program.predict(parameters, X))
        np.testing.assert_array_equal(X, (values / 255).astype(dtype))


def test_the_page_s_example_runs_as_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(example, {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] in {"4", "9"} for line in lines] == [True] * 3


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("loss", ["mean_squared_error", "poisson", "multi_label_cross_entropy"])
def test_numbers_are_predicted_a_row_at_a_time_as_by_the_model(loss, outputs, backend):
    network = multilayer_perceptron(3, (4,), outputs)
    weights = initialize(network, "glorot_normal", Streams(1).of_run("init"), "float64")
    step = Preprocessing("none")
    made = Model(network, loss_named(loss), weights, (), step, None, "drawn", backend)
    predictor, rows = made.predictor(), np.arange(12.0).reshape(4, 3) - 5
    kept = [predictor(row) for row in rows]
    for row, own, want in zip(rows, kept, made.predict(rows), strict=True):
        np.testing.assert_allclose(own, np.atleast_1d(want), rtol=1e-12)
        answer = predictor.predict(row)
        assert isinstance(answer, float if outputs == 1 else np.ndarray)
        np.testing.assert_array_equal(answer, own if outputs == 2 else own[0])
    if loss == "poisson":
        with pytest.raises(DataError, match="logits overflow"):
            Model(network, made.loss, weights * 1e5, (), step, None, "x", backend).predictor()(
                rows[0]
            )
