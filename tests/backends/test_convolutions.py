"""Convolutions and poolings of the compiled backend, on shapes that no tile of registers fits."""

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Steps, TrainingState, Workload
from samplewise.errors import ParameterError
from samplewise.network import SGD, Adam, Dense, Network, aligned_zeros, initialize, loss_named
from samplewise.network.layers import (
    AvgPool2D,
    Conv2D,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
)

LOSS = loss_named("mean_squared_error")
ROWS = 3
# Of the float64 and float32 differences from the reference, relative to the largest value.
ALLOWED = {"float64": 1e-12, "float32": 2e-5}


def relu(filters, kernel, *options):
    return Conv2D(filters, kernel, *options, activation="relu")


def trained(name, network, X, dtype="float64", optimizer=SGD(), batch_size=2, constant=False):  # noqa: B008 - frozen
    """Return logits and gradient, then parameters, losses and logits after two epochs.

    constant: begin with weights of 0 in the first layer, whose outputs are its bias then.
    """
    rng = np.random.default_rng(5)
    Y = rng.standard_normal((len(X), network.outputs)).astype(dtype)
    X = np.ascontiguousarray(X.reshape(len(X), -1), dtype)
    backend, workload = registry.load(name), Workload(len(X), batch_size)
    program = backend.compile(network, LOSS, optimizer, np.dtype(dtype), workload)
    parameters = aligned_zeros(network.layout.size, dtype)
    parameters[:] = initialize(network, "glorot_normal", rng, dtype)
    if constant:
        views = network.layout.views(parameters)
        views["0.weight"][...], views["0.bias"][...] = 0, 0.5
    state = TrainingState(parameters, aligned_zeros(optimizer.slots * len(parameters), dtype))
    losses = np.zeros(len(X), dtype)
    with np.errstate(all="ignore"):
        before = program.logits(state, X).copy()
        _, gradient = program.gradients(state.parameters, X, Y)
        steps = Steps(np.arange(len(X)), 0, len(X), batch_size, 0.01, dropout_key=3)
        for _ in range(2):
            program.run_epoch(state, X, Y, steps, losses)
        program.synchronize(state)
        after = program.logits(state, X).copy()
    return before, gradient.copy(), state.parameters, losses, after


def assert_agrees(network, X, dtype="float64", **options):
    got = trained("numba_cpu", network, X, dtype, **options)
    want = trained("reference", network, X, dtype, **options)
    for ours, theirs in zip(got, want, strict=True):
        allowed = ALLOWED[dtype] * max(1, np.abs(theirs).max())
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=allowed)


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal((ROWS, *shape))


BODIES = {
    "one pixel": ((1, 1, 1), (relu(3, (1, 1)), MaxPool2D(1))),
    "kernel as large as the image": ((2, 5, 3), (relu(9, (5, 3)),)),
    "prime sizes": ((3, 13, 11), (relu(7, (3, 5)), MaxPool2D(2), relu(5, (2, 3)))),
    "a row and a column that no pool reads": ((2, 8, 6), (relu(17, (2, 2)), MaxPool2D(2))),
    "pools that overlap": ((2, 7, 6), (relu(4, (2, 2)), MaxPool2D(2, 1))),
    "pools with gaps": ((2, 9, 9), (relu(4, (2, 2)), MaxPool2D(2, 3))),
    "wide pools": ((1, 9, 8), (relu(12, (2, 1)), MaxPool2D((3, 2), 2))),
    "one channel, filters of three vectors": ((1, 8, 9), (relu(33, (3, 3)), MaxPool2D(2))),
    "filters that end in a second vector": (
        (2, 5, 5),
        (relu(15, (2, 2)), relu(31, (1, 1)), relu(63, (1, 1)), MaxPool2D(2)),
    ),
    "one channel within": ((2, 9, 9), (relu(1, (2, 2)), relu(8, (3, 2)), MaxPool2D(2))),
    "same": ((3, 6, 7), (relu(8, (3, 3), 1, "same"), MaxPool2D(2), relu(16, (5, 4), 1, "same"))),
    "same with a stride": ((2, 7, 5), (relu(16, (3, 3), 2, "same"), relu(9, (2, 2), 3, "same"))),
    "a stride before a pool": ((1, 13, 12), (relu(8, (3, 3), 2), MaxPool2D(2))),
    "strides before other pools": (
        (2, 13, 12),
        (relu(3, (2, 2), 2), MaxPool2D((3, 2), 1), relu(4, (1, 1), 2), MaxPool2D((2, 1), 1)),
    ),
    "two windows in a vector": ((1, 12, 13), (relu(4, (3, 3)), MaxPool2D(2), relu(9, (2, 2)))),
    "two windows in a vector, the last alone": ((1, 9, 12), (relu(3, (2, 3)), MaxPool2D(2))),
    "two windows in a vector, five taps wide": ((1, 8, 17), (relu(2, (5, 5)), MaxPool2D(2))),
    "two windows in a vector of an image with zeros around": (
        (1, 9, 9),
        (relu(4, (3, 3), 1, "same"), MaxPool2D(2), relu(8, (3, 3), 1, "same")),
    ),
    "two windows in a vector, a stride apart": ((1, 9, 14), (relu(4, (3, 3), 2), MaxPool2D(2, 1))),
    "two windows in a vector, two channels": ((2, 6, 8), (relu(4, (3, 3)), MaxPool2D(2, 1))),
    "two windows in a float32 vector": ((1, 11, 20), (relu(8, (3, 3)), MaxPool2D(2))),
    "three taps at once": (
        (2, 11, 16),
        (relu(9, (2, 3)), relu(20, (3, 3)), MaxPool2D(2), relu(5, (1, 3))),
    ),
    "three taps at once, pools that overlap": ((2, 7, 9), (relu(6, (3, 3)), MaxPool2D(2, 1))),
    "pools alone": ((5, 7, 6), (MaxPool2D((2, 3), 2), AvgPool2D(2, 1), Conv2D(3, (1, 1)))),
    "channels that return first": (
        (2, 6, 6),
        (relu(5, (2, 2)), LayerNorm(), Dropout(0.3), relu(6, (2, 2)), AvgPool2D(2)),
    ),
    "other activations": (
        (3, 5, 5),
        (Conv2D(10, (2, 2), activation="gelu"), Conv2D(4, (2, 2), activation="tanh")),
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("body", BODIES)
def test_any_shape_is_that_of_the_reference(body, dtype):
    shape, layers = BODIES[body]
    for end in ((Flatten(), Dense(3)), (GlobalAvgPool(),)):
        assert_agrees(Network(shape, (*layers, *end)), images(*shape), dtype)


def drawn_network(rng):
    """Return a small network on images, or None where its layers do not fit."""
    shape = tuple(int(n) for n in (rng.integers(1, 6), rng.integers(1, 12), rng.integers(1, 15)))
    layers = []
    for _ in range(rng.integers(1, 4)):
        height, width, step = (int(n) for n in rng.integers(1, 4, 3))
        kind = rng.integers(6)
        if kind < 4:
            filters, padding = int(rng.integers(1, 20)), ("valid", "same")[rng.integers(2)]
            layers.append(relu(filters, (height, width), step, padding))
        if kind in {2, 3, 4}:
            layers.append(MaxPool2D(2) if rng.integers(2) else MaxPool2D((height, width), step))
        elif kind == 5:
            layers.append(AvgPool2D((height, width), step))
    try:
        return Network(shape, (*layers, Flatten(), Dense(2)))
    except ParameterError:
        return None


def test_sixty_drawn_networks_are_those_of_the_reference():
    rng, count = np.random.default_rng(8), 0
    while count < 60:
        network = drawn_network(rng)
        if network is None:
            continue
        optimizer = (SGD(), SGD(0.9), Adam())[count % 3]
        X = images(*network.input_shape, seed=count)
        # Halves give equal values in a window.
        X = np.round(2 * X) / 2 if count % 2 else X
        assert_agrees(network, X, optimizer=optimizer, batch_size=1 + count % 3)
        count += 1


@pytest.mark.parametrize("pool", [MaxPool2D(2), MaxPool2D((3, 2), 1)], ids=str)
def test_of_equal_values_the_first_is_chosen(pool):
    network = Network((1, 6, 6), (relu(2, (2, 2)), pool, Flatten(), Dense(2)))
    assert_agrees(network, images(1, 6, 6), constant=True)
    network = Network((2, 6, 6), (relu(2, (2, 2)), relu(9, (2, 2)), pool, Flatten(), Dense(2)))
    assert_agrees(network, images(2, 6, 6), constant=True)
    network = Network((2, 6, 6), (Conv2D(2, (2, 2)), pool, Flatten(), Dense(2)))
    assert_agrees(network, images(2, 6, 6), constant=True)


@pytest.mark.parametrize("pool", [MaxPool2D(2), MaxPool2D((3, 2), 1)], ids=str)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_wherever_equal_values_lie_the_first_is_chosen(pool, channels, activation):
    """Small whole numbers have exact sums, which are equal in any order."""
    network = Network((channels, 8, 12), (Conv2D(2, (2, 2), activation=activation), pool))
    rng, gradients = np.random.default_rng(0), []
    X, Y = rng.integers(0, 2, (4, network.inputs)) * 1.0, np.zeros((4, network.outputs))
    parameters = rng.integers(-1, 2, network.layout.size) * 1.0
    for name in ("numba_cpu", "reference"):
        program = registry.load(name).compile(network, LOSS, SGD(), X.dtype)
        gradients.append(program.gradients(parameters, X, Y)[1])
    np.testing.assert_allclose(*gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(4, 4), (5, 5)])
def test_a_network_may_end_in_a_pooled_convolution(size):
    """Its ReLU is that of the last row of the kernels, which the loss does not see."""
    network = Network((2, *size), (relu(3, (2, 2)), relu(3, (2, 2)), MaxPool2D(2)))
    assert_agrees(network, images(2, *size))


SPECIAL = {
    "pool in registers, masks": ((1, 6, 6), (relu(2, (3, 3)), MaxPool2D(2))),
    "two windows in a vector": ((1, 6, 13), (relu(2, (3, 3)), MaxPool2D(2))),
    "pool in registers, lists": ((2, 6, 6), (relu(2, (3, 3)), MaxPool2D(2))),
    "pool of all outputs": ((2, 6, 6), (relu(2, (3, 3)), MaxPool2D((2, 3), 1))),
    "no pool": ((2, 6, 6), (Conv2D(3, (3, 2), 2),)),
    "pool alone": ((2, 6, 6), (Conv2D(2, (1, 1)), MaxPool2D(3))),
    "mean": ((2, 6, 6), (Conv2D(2, (1, 1)), AvgPool2D(3))),
}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("body", SPECIAL)
def test_no_kernel_hides_a_nan_or_an_infinity(body, value):
    shape, layers = SPECIAL[body]
    network = Network(shape, (*layers, Flatten(), Dense(2)))
    X = images(*shape)
    for pixel in (0, 7, 14, 21):
        X.reshape(ROWS, -1)[1, pixel] = value
        got, want = (trained(name, network, X, batch_size=1) for name in ("numba_cpu", "reference"))
        np.testing.assert_array_equal(np.isfinite(got[0]), np.isfinite(want[0]))
        # Not all parameters: backward, places without dz are left out.
        for k in (3, 4):
            assert not np.isfinite(got[k][~np.isfinite(want[k])]).any()
        assert np.isfinite(got[1]).all() == np.isfinite(want[1]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("body", SPECIAL)
def test_a_pixel_that_is_not_finite_reaches_the_outputs_that_read_it_alone(body, value):
    shape, layers = SPECIAL[body]
    network = Network(shape, layers)
    X = np.repeat(images(*shape)[:1].reshape(1, -1), network.inputs, axis=0)
    np.fill_diagonal(X, value)
    parameters, found = initialize(network, "glorot_normal", np.random.default_rng(0), X.dtype), []
    for name in ("numba_cpu", "reference"):
        program = registry.load(name).compile(network, LOSS, SGD(), X.dtype)
        with np.errstate(all="ignore"):
            found.append(program.predict(parameters, X))
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize("body", SPECIAL)
def test_the_logits_of_an_image_know_nothing_of_the_next_one(body):
    """A vector that reaches beyond an image must not carry into its results what it reads there."""
    shape, layers = SPECIAL[body]
    network = Network(shape, (*layers, Flatten(), Dense(2)))
    X = np.ascontiguousarray(images(*shape).reshape(ROWS, -1))
    workload = Workload(ROWS, ROWS)
    program = registry.load("numba_cpu").compile(
        network, LOSS, SGD(), np.dtype("float64"), workload
    )
    parameters = initialize(network, "glorot_normal", np.random.default_rng(0), "float64")
    state = TrainingState(parameters, aligned_zeros(0, "float64"))
    clean = program.logits(state, X).copy()
    X[1] = np.nan
    found = program.logits(state, X)
    np.testing.assert_array_equal(found[::2], clean[::2])
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize(
    "layers",
    [
        (relu(1, (1, 1)), MaxPool2D(2, 4)),
        (relu(1, (1, 1), 5), MaxPool2D((2, 1), 1)),
        (Conv2D(1, (1, 1)), MaxPool2D(1, 5)),
    ],
    ids=["masks", "lists", "a pool alone"],
)
def test_an_image_may_have_more_pixels_than_float32_can_count(layers):
    width = 3_400_000
    network = Network((1, 6, width), layers)
    X, Y = np.zeros((1, 6, width), "float32"), np.zeros((1, network.outputs), "float32")
    column = 5 * 670_001
    assert int(np.float32(5 * width + column)) != 5 * width + column
    X[0, 5, column] = 2
    parameters = np.zeros(network.layout.size, "float32")
    network.layout.views(parameters)["0.weight"][...] = 1
    program = registry.load("numba_cpu").compile(network, LOSS, SGD(), X.dtype)
    _, gradient = program.gradients(parameters, X.reshape(1, -1), Y)
    # Of one pixel alone: its value times the gradient of what it adds to.
    found = network.layout.views(gradient)
    assert found["0.weight"].item() == 2 * found["0.bias"].item() > 0
