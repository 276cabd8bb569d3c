"""A network or run that cannot be trained is refused when built, naming the layer and shapes."""

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X

from samplewise.errors import DivergenceError, SamplewiseError
from samplewise.network import AvgPool2D, Conv2D, Dense, Dropout, Network, multilayer_perceptron
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

IMAGE = (2, 5, 4)
IMAGES = Network(IMAGE, (Conv2D(3, 3), Dense(1)))


def trained(network=NETWORK, targets=LABELS, **changes):
    return train(network, X, targets, TrainingSettings.from_options(**changes))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            lambda: Network(IMAGE, (Conv2D(3, 3), Conv2D(3, (4, 2)))),
            "layer 1: the kernel of conv, 4 x 2, is larger than its input, 3 x 2",
        ),
        (
            lambda: Network(IMAGE, (AvgPool2D(6),)),
            "layer 0: the window of avg_pool, 6 x 6, is larger than its input, 5 x 4",
        ),
        (lambda: Conv2D(3, 3, stride=0), "conv: stride must be .* got 0"),
        (
            lambda: Network((40,), (Dense(8), Conv2D(3, 3))),
            r"layer 1: conv takes images .* but its input has shape \(8,\)",
        ),
        (lambda: Dropout(1), "dropout: rate must be at least 0 and below 1, got 1.0"),
        (lambda: Dense(0), "dense: units must be .* got 0"),
        (
            lambda: train(Network(IMAGE, (Dense(1),)), X, LABELS, TrainingSettings()),
            r"X has shape \(50, 4\); this network takes \(rows, 40\)",
        ),
        (
            lambda: train(NETWORK, X[0], LABELS[:1], TrainingSettings()),
            r"X has shape \(4,\); this network takes \(rows, 4\); one row is X\[None\]",
        ),
        (
            lambda: trained(loss="categorical_cross_entropy"),
            "categorical_cross_entropy needs 2 outputs or more, but the network has 1",
        ),
        (
            lambda: trained(multilayer_perceptron(4, (), 3), loss="binary_cross_entropy"),
            "binary_cross_entropy needs 1 output, but the network has 3",
        ),
        (
            lambda: trained(targets=np.eye(3)[LABELS]),
            r"targets have shape \(50, 3\); expected one-hot rows \(50, 2\)",
        ),
        (
            lambda: train(IMAGES, np.zeros((50, 5, 4, 2)), LABELS, TrainingSettings()),
            r"\(50, 5, 4, 2\); .* or \(rows, 2, 5, 4\); give X.transpose\(0, 3, 1, 2\)",
        ),
        (
            lambda: train(IMAGES, np.zeros((50, 2, 4, 5)), LABELS, TrainingSettings()),
            r"shape \(50, 2, 4, 5\); .* \(rows, 2, 5, 4\); transpose X",
        ),
        (
            lambda: Network((28, 28, 1), (Conv2D(2, 3), Dense(1))),
            r"conv, 3 x 3, is larger .* images of 28 x 28 pixels .* input_shape=\(1, 28, 28\)",
        ),
        (
            lambda: train(NETWORK, X, LABELS, TrainingSettings(), validation=X),
            "validation: must be a pair of X and targets, got ndarray",
        ),
        (
            lambda: Network(IMAGE, (Dense(4), AvgPool2D(2))),
            "avg_pool takes images .*its input has shape .4,.; put it before dense and flatten",
        ),
        (lambda: trained(momentum=1.5), "momentum: must be at least 0 and below 1, got 1.5"),
        (lambda: trained(optimizer="adam", beta1=1), "beta1: must be .* got 1.0"),
        (lambda: trained(optimizer="adam", beta2=1.0), "beta2: must be .* got 1.0"),
        (lambda: trained(optimizer="rmsprop", rho=1), "rho: must be .* got 1.0"),
        (lambda: trained(l1=-0.1), "l1: must be a finite number of at least 0, got -0.1"),
        (lambda: trained(l2=-1), "l2: must be .* got -1.0"),
        (lambda: trained(weight_decay=-1), "weight_decay: must be .* got -1.0"),
        (lambda: trained(clip_norm=0), "clip_norm: must be .* got 0.0"),
        (lambda: trained(clip_value=-1), "clip_value: must be .* got -1.0"),
        (lambda: trained(label_smoothing=1), "label_smoothing: must be .* got 1.0"),
        (
            lambda: trained(augment="shift 1"),
            "augment: rows must be images, got 4 values each",
        ),
        (lambda: trained(loss="huber", delta=0), "delta: must be .* got 0.0"),
    ],
)
def test_it_is_refused(build, said):
    with pytest.raises(SamplewiseError, match=said):
        build()


@pytest.mark.parametrize("shape", [(20,), (1, 5, 4), (5, 4)])
def test_rows_of_one_channel_come_flat_or_as_images(shape):
    network = Network((1, 5, 4), (Conv2D(3, 3), Dense(1)))
    drawn = np.random.default_rng(0).random((50, 20))
    settings = TrainingSettings(backend="vectorized", epochs=1)
    flat, shaped = (train(network, x, LABELS, settings) for x in (drawn, drawn.reshape(50, *shape)))
    assert np.array_equal(flat.parameters, shaped.parameters)


@pytest.mark.parametrize(
    ("loss", "to_scale"), [("auto", "the inputs,"), ("mean_squared_error", "inputs and targets")]
)
def test_divergence_hints_at_rate_scaling_and_clipping(loss, to_scale):
    network = multilayer_perceptron(4, (3,), 1, "relu")
    with pytest.raises(DivergenceError) as caught:
        trained(network, loss=loss, learning_rate=1e200)
    for hint in ("smaller learning_rate", to_scale, "clip_norm"):
        assert hint in str(caught.value)
