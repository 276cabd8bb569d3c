"""Models of standardized targets predict in the data's units, in their file and elsewhere, too."""

import dataclasses
import pickle

import numpy as np
import pytest

import samplewise
from model_files import joined, made, parts, refused, with_metadata, with_tensor
from samplewise import Dense, GlobalAvgPool, LayerNorm, Network, TrainingSettings, train, transfer
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ParameterError
from samplewise.experiment.scores import scores
from samplewise.model.model import logits_of_each
from samplewise.model.model_file import load_model, save_model
from samplewise.model.unscaled import unscaled
from samplewise.network import loss_named

X = np.random.default_rng(0).standard_normal((20, 4))
MEAN, DEVIATION = np.array([1000.0, -3.0]), np.array([50.0, 0.25])
STEP = Preprocessing("standardize", mean=MEAN, deviation=DEVIATION)
NETWORK = Network((4,), (Dense(5, "tanh"), Dense(2)))
DTYPES = ("float64", "float32")


def model(dtype="float64", network=NETWORK, **changes):
    """A model of two numbers whose targets were standardized."""
    parameters = network.layout.zeros(dtype)
    for view in network.layout.views(parameters).values():
        view[...] = np.random.default_rng(1).standard_normal(view.shape)
    fields = {
        "network": network,
        "loss": loss_named("mean_squared_error"),
        "parameters": parameters,
        "class_names": (),
        "preprocessing": Preprocessing("none"),
        "image_shape": None,
        "backend": "reference",
        "target_preprocessing": STEP,
    }
    return made(**{**fields, **changes})


def plain(given):
    return dataclasses.replace(given, target_preprocessing=Preprocessing("none"))


def in_units(given, rows=X):
    return plain(given).predict(rows).astype(np.float64) * DEVIATION + MEAN


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_prediction_is_in_the_units_of_the_data(dtype):
    given = model(dtype)
    wanted = in_units(given).astype(dtype)
    for found in (given.predict(X), given.logits(X), logits_of_each([given] * 2, X)[1]):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, wanted)
    for asked in (given, pickle.loads(pickle.dumps(given))):
        predictor = asked.predictor()
        copied = pickle.loads(pickle.dumps(predictor))
        for row, numbers in zip(X, wanted, strict=True):
            np.testing.assert_array_equal(asked.predict(row[np.newaxis])[0], numbers)
            np.testing.assert_array_equal(predictor(row), numbers)
            np.testing.assert_array_equal(copied(row), numbers)


def test_scores_are_in_the_units_of_the_data():
    given = model()
    found = scores(given, X, in_units(given) + 2)
    assert found.loss == pytest.approx(4)
    np.testing.assert_allclose(found.predictions, in_units(given))


def test_predictions_that_overflow_in_the_units_are_refused():
    large = Preprocessing("standardize", mean=MEAN, deviation=DEVIATION * 1e38)
    with pytest.raises(DataError, match="overflow float32"):
        model("float32", target_preprocessing=large).predict(X * 100)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_file_keeps_mean_and_deviation_to_the_bit(path, dtype):
    given = model(dtype)
    save_model(given, path)
    found = load_model(path)
    np.testing.assert_array_equal(found.target_preprocessing.mean, MEAN)
    np.testing.assert_array_equal(found.target_preprocessing.deviation, DEVIATION)
    again = dataclasses.replace(found, backend=given.backend)
    np.testing.assert_array_equal(again.predict(X), given.predict(X))


def test_a_file_without_standardized_targets_is_that_of_older_versions(path):
    save_model(plain(model()), path)
    header, _ = parts(path.read_bytes())
    assert '"format":2' in header["__metadata__"]["samplewise"]
    assert "target" not in str(header)
    assert load_model(path).target_preprocessing.name == "none"
    save_model(model(), path)
    assert '"format":3' in str(parts(path.read_bytes())[0])


STANDARDIZE = {"name": "standardize", "full_scale": None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_preprocessing": ...}, "lacks target_preprocessing"),
        (
            {"target_preprocessing": None},
            "target_preprocessing: must be a table of name and full_scale.* got None",
        ),
        (
            {"target_preprocessing": {"name": "scale", "full_scale": 2.0}},
            "name of target_preprocessing: must be one of standardize, none, got 'scale'",
        ),
        (
            {"target_preprocessing": {"name": "none", "full_scale": None}},
            "should not have the tensors target_preprocessing.deviation",
        ),
        ({"loss": "poisson"}, "target_preprocessing: needs a loss of numbers .* got poisson"),
        ({"format": 2}, "has unknown target_preprocessing"),
    ],
)
def test_a_damaged_description_is_refused(path, changes, message):
    save_model(model(), path)
    refused(path, with_metadata(path.read_bytes(), **changes), message)


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        ("mean", np.nan, "'target_preprocessing.mean' of .* holds NaN or infinity"),
        ("deviation", 0.0, "'target_preprocessing.deviation' of .* must be above 0"),
        ("deviation", -1.0, "'target_preprocessing.deviation' of .* must be above 0"),
    ],
)
def test_damaged_tensors_are_refused(path, tensor, value, message):
    save_model(model(), path)
    header, data = parts(path.read_bytes())
    start = header[f"target_preprocessing.{tensor}"]["data_offsets"][0]
    raw = data[:start] + np.float64(value).tobytes() + data[start + 8 :]
    refused(path, joined(header, raw), message)
    shaped = with_tensor(path.read_bytes(), f"target_preprocessing.{tensor}", shape=[1, 2])
    refused(path, shaped, "but the description says float64 \\(2,\\)")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_preprocessing": "standardize"}, "target_preprocessing: must be"),
        (
            {"target_preprocessing": Preprocessing("scale", 2.0)},
            "name must be one of standardize, none",
        ),
        ({"target_preprocessing": Preprocessing("standardize")}, "mean must be an array of 2"),
        (
            {"target_preprocessing": Preprocessing("standardize", None, [1.0], [1.0])},
            "mean must be an array of 2 finite numbers, one for each output",
        ),
        ({"loss": loss_named("poisson")}, "target_preprocessing: needs a loss .*, got poisson"),
    ],
)
def test_a_step_that_does_not_fit_is_refused_when_the_model_is_made(changes, message):
    with pytest.raises(ParameterError, match=message):
        model(**changes)


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-12), ("float32", 1e-5)])
def test_weights_for_other_libraries_give_the_units_of_the_data(path, dtype, rtol):
    given = model(dtype)
    state = samplewise.to_torch(given)
    hidden = np.tanh(X @ state["0.weight"].T + state["0.bias"])
    found = hidden @ state["2.weight"].T + state["2.bias"]
    np.testing.assert_allclose(found, in_units(given), rtol=rtol)
    samplewise.save_torch(given, path)
    for again in (samplewise.from_torch(state, given), samplewise.from_torch(path, given)):
        np.testing.assert_allclose(again.predict(X), in_units(given), rtol=rtol)
    np.testing.assert_allclose(samplewise.to_sklearn(given).predict(X), in_units(given), rtol=rtol)
    np.testing.assert_array_equal(given.parameters, model(dtype).parameters)


def test_a_last_layer_without_weights_cannot_take_the_units_in():
    network = Network((1, 2, 2), (samplewise.Conv2D(2, 1), GlobalAvgPool()))
    given = model(network=network)
    np.testing.assert_allclose(given.predict(X), in_units(given))
    with pytest.raises(
        ParameterError, match="to_torch: needs a dense last layer.* got 'global_avg"
    ):
        samplewise.to_torch(given)
    with pytest.raises(ParameterError, match="initial: needs a dense last layer"):
        begun(given, network)


def test_a_last_layer_with_an_activation_cannot_take_the_units_in():
    given = model(network=Network((4,), (Dense(5, "tanh"), Dense(2, "tanh"))))
    np.testing.assert_allclose(given.predict(X), in_units(given))
    with pytest.raises(ParameterError, match="to_torch: needs a dense last .* got 'dense 2 tanh'"):
        samplewise.to_torch(given)


def test_weights_that_overflow_in_the_units_are_refused():
    large = Preprocessing("standardize", mean=MEAN, deviation=DEVIATION * 1e40)
    with pytest.raises(ParameterError, match="to_torch: the weights of the last layer must be"):
        samplewise.to_torch(model("float32", target_preprocessing=large))


@pytest.mark.parametrize("factor", [1.0, 2.0])
@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_the_units_of_other_targets_can_be_taken_in(factor, shift):
    given = model()
    other = Preprocessing("standardize", mean=MEAN + shift, deviation=DEVIATION * factor)
    with np.errstate(all="raise"):
        found = unscaled(given, "here", other)
    assert found.target_preprocessing.name == "none"
    np.testing.assert_allclose(other.restore(found.predict(X)), in_units(given))


def test_weights_that_underflow_in_the_units_become_zero():
    tiny = Preprocessing("standardize", mean=MEAN, deviation=DEVIATION * 1e-300)
    with np.errstate(all="raise"):
        found = unscaled(model("float32", target_preprocessing=tiny), "here")
    np.testing.assert_array_equal(found.predict(X), np.resize(MEAN, (len(X), 2)))


def begun(initial, network=NETWORK):
    """A model after one step too small to move it."""
    settings = TrainingSettings(
        loss="mean_squared_error", learning_rate=1e-12, epochs=1, backend="reference"
    )
    return train(network, X, in_units(initial) / 100, settings, initial=initial).model()


def test_training_begins_with_the_predictions_of_the_model():
    given = model()
    np.testing.assert_allclose(begun(given).predict(X), in_units(given), rtol=1e-6)


def test_a_transfer_has_the_units_where_it_takes_the_last_layer():
    given = model()
    whole = transfer(given, NETWORK, layers=2)
    np.testing.assert_allclose(whole.predict(X), in_units(given))
    for network, layers in ((NETWORK, 1), (Network((4,), (Dense(5, "tanh"), LayerNorm())), 1)):
        found = transfer(given, network, layers=layers)
        assert found.target_preprocessing.name == "none"
        np.testing.assert_array_equal(
            found.network.layout.views(found.parameters)["0.weight"],
            given.network.layout.views(given.parameters)["0.weight"],
        )
