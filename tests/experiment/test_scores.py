"""How good a model is, worked out by hand."""

import numpy as np
import pytest

from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError
from samplewise.experiment.scores import scores
from samplewise.model.model import Model
from samplewise.network import Dense, Network, loss_named

X = np.array([[0.1], [0.7], [-0.3], [1.9], [-2.2]])


def model(loss, weights, biases, dtype, names=()):
    network = Network((1,), (Dense(len(weights)),))
    parameters = network.layout.zeros(dtype)
    views = network.layout.views(parameters)
    views["0.weight"][:, 0], views["0.bias"][...] = weights, biases
    none = Preprocessing("none")
    return Model(network, loss_named(loss), parameters, names, none, None, "a test", "reference")


def logits(weights, biases, dtype):
    """Return what the network gives in its dtype, as float64."""
    W, b, rows = (np.asarray(each, dtype) for each in (weights, biases, X))
    return (rows * W + b).astype(np.float64)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_loss_of_two_classes_is_summed_up_in_float64(dtype):
    """Of a float32 model too: only its logits are float32."""
    y = np.array([0, 1, 1, 0, 1])
    z = logits([1.3], [0.2], dtype)[:, 0]
    found = scores(model("binary_cross_entropy", [1.3], [0.2], dtype, ("a", "b")), X, y)
    assert found.loss == pytest.approx(np.mean(np.log1p(np.exp(z)) - y * z), rel=1e-14)
    assert found.accuracy == np.mean((z > 0) == y) == 0.2
    assert found.confusion.tolist() == [[0, 2], [2, 1]]
    assert found.errors is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_loss_of_three_classes_is_summed_up_in_float64(dtype):
    y, weights, biases = np.array([2, 0, 1, 0, 2]), [1.3, 0.1, -0.7], [0.2, 0.3, -0.1]
    z = logits(weights, biases, dtype)
    names = ("a", "b", "c")
    found = scores(model("categorical_cross_entropy", weights, biases, dtype, names), X, y)
    each = np.log(np.exp(z).sum(axis=1)) - z[np.arange(5), y]
    assert found.loss == pytest.approx(each.mean(), rel=1e-14)
    decided = z.argmax(axis=1)
    assert found.accuracy == np.mean(decided == y) == 0.8
    # True classes go down, predicted ones across.
    assert found.confusion.tolist() == [[2, 0, 0], [0, 1, 0], [1, 0, 1]]
    np.testing.assert_allclose(found.predictions.sum(axis=1), 1, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_have_the_share_of_variance_and_no_accuracy(dtype):
    y = np.array([[0.0, 1.0], [1.0, 2.0], [-0.5, 0.5], [2.5, 0.0], [-2.0, 1.0]])
    z = logits([1.1, -0.2], [0.1, 0.9], dtype)
    found = scores(model("mean_squared_error", [1.1, -0.2], [0.1, 0.9], dtype), X, y)
    assert found.loss == pytest.approx(np.mean(np.square(z - y)), rel=1e-14)
    left, whole = np.square(z - y).sum(), np.square(y - y.mean(axis=0)).sum()
    assert found.errors.r2 == pytest.approx(1 - left / whole, rel=1e-12)
    assert found.errors.rmse == pytest.approx(np.sqrt(left / y.size), rel=1e-12)
    assert found.errors.mae == pytest.approx(np.abs(z - y).mean(), rel=1e-12)
    assert (found.accuracy, found.confusion, found.decisions) == (None, None, None)


def test_a_loss_that_overflows_names_the_size_of_the_targets():
    given = model("mean_squared_error", [1.1], [0.1], "float64")
    with pytest.raises(DataError, match=r"mean over 5 rows overflows .* up to 2e\+200; give"):
        scores(given, X, np.array([2e200, 1, 2, 3, 4]))
