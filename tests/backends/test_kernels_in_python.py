"""Every kernel runs in Python, where coverage sees it, and computes what its machine code does."""

import numpy as np
import pytest

from samplewise.contract import RATES, WEIGHTS, Steps, TrainingState, Workload
from samplewise.network import (
    SGD,
    Adam,
    Dense,
    Network,
    aligned_zeros,
    initialize,
    loss_named,
    multilayer_perceptron,
)
from samplewise.network.layers import (
    AvgPool2D,
    Conv2D,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
)
from samplewise.network.optimizers import Adagrad, RMSprop
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.compile import calls, jit, vectors

ROWS, INPUTS, OUTPUTS = 8, 36, 3
DEEP, FLAT = multilayer_perceptron(INPUTS, (4, 3), OUTPUTS), Network(INPUTS, (Dense(OUTPUTS),))
WIDE = Network(INPUTS, (Dense(9, "relu"), Dense(5, "sigmoid"), Dense(OUTPUTS)))
IMAGES = Network(
    (1, 6, 6),
    (
        Conv2D(2, (3, 3), padding="same", activation="gelu"),
        MaxPool2D(2),
        Dropout(0.3),
        Conv2D(3, (2, 2)),
        Flatten(),
        LayerNorm(),
        Dense(4, "tanh"),
        Dense(OUTPUTS),
    ),
)
POOLED = Network((1, 6, 6), (AvgPool2D(2), Conv2D(4, (2, 2)), GlobalAvgPool(), Dense(OUTPUTS)))
TILED = Network(
    (1, 6, 6),
    (
        Conv2D(5, (2, 3), activation="relu"),
        MaxPool2D(2),
        Conv2D(17, (2, 2), padding="same", activation="relu"),
        MaxPool2D(2, 1),
        Conv2D(2, (1, 1), activation="relu"),
        MaxPool2D(1),
        Dense(OUTPUTS),
    ),
)
LIMITED = Adam(clip_value=0.1, clip_norm=0.5, l1=0.01, l2=0.01)
CASES = {
    "direct": (DEEP, SGD(), 1, "direct"),
    "direct momentum": (DEEP, SGD(momentum=0.9, nesterov=True), 1, "direct"),
    "blocked": (DEEP, SGD(l2=0.1), 1, "blocked"),
    "blocked batches": (WIDE, SGD(momentum=0.5), 4, "blocked"),
    "dual": (FLAT, SGD(), 1, "dual"),
    "dual momentum": (DEEP, SGD(momentum=0.5), 4, "dual"),
    "adam": (WIDE, LIMITED, 4, "direct"),
    "rmsprop": (DEEP, RMSprop(), 4, "direct"),
    "adagrad": (DEEP, Adagrad(), 1, "direct"),
    "images": (IMAGES, Adam(), 4, "direct"),
    "images row by row": (IMAGES, SGD(), 1, "direct"),
    "convolutions in tiles": (TILED, SGD(), 4, "direct"),
    "pooled": (POOLED, SGD(momentum=0.9), 4, "direct"),
}
LOSSES = [
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "poisson",
    "multi_label_cross_entropy",
]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((ROWS, INPUTS))
Y = np.eye(OUTPUTS)[RNG.integers(0, OUTPUTS, ROWS)]


def trained(network, optimizer, batch_size, plan, loss="categorical_cross_entropy", **fields):
    """Return parameters, losses, logits and gradient after an epoch."""
    workload = Workload(ROWS, batch_size, plan=plan, step_fields=frozenset(fields))
    program = NumbaBackend().compile(
        network, loss_named(loss), optimizer, np.dtype("float64"), workload
    )
    weights = initialize(network, "glorot_normal", np.random.default_rng(1), "float64")
    state = TrainingState(weights, aligned_zeros(optimizer.slots * len(weights), "float64"))
    losses = np.zeros(ROWS)
    steps = Steps(np.arange(ROWS), 0, ROWS, batch_size, 0.1, **fields)
    program.run_epoch(state, X, Y, steps, losses)
    logits = program.logits(state, X).copy()
    program.synchronize(state)
    _, gradient = program.gradients(state.parameters, X, Y)
    call, row = program.predictor(state.parameters, X[:1].copy())
    call()
    return state.parameters, losses, logits, gradient, row


def compare(monkeypatch, *case, **fields):
    compiled = trained(*case, **fields)
    for module in (jit, calls):
        monkeypatch.setattr(module, "compiles_nothing", lambda: True)
    for got, want in zip(trained(*case, **fields), compiled, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_a_training_in_python_is_that_of_the_machine_code(monkeypatch, case):
    compare(monkeypatch, *CASES[case])


@pytest.mark.parametrize("size_in_bytes", [16, 64])
def test_vectors_of_another_processor_compute_the_same(monkeypatch, size_in_bytes):
    """Those of SSE and AVX-512, in Python."""
    monkeypatch.setattr(vectors._InPython, "size_in_bytes", size_in_bytes)
    compare(monkeypatch, *CASES["convolutions in tiles"])


@pytest.mark.parametrize("loss", LOSSES)
def test_losses(monkeypatch, loss):
    compare(monkeypatch, DEEP, SGD(), 4, "direct", loss)


ACTIVATIONS = ["leaky_relu", "elu", "selu", "gelu_tanh", "silu", "softplus"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(monkeypatch, activation):
    network = Network(INPUTS, (Dense(4, activation), Dense(OUTPUTS)))
    compare(monkeypatch, network, SGD(), 1, "direct")


def test_weights_and_rates_of_single_steps(monkeypatch):
    fields = {WEIGHTS: np.linspace(0.5, 1.5, ROWS), RATES: np.linspace(0.1, 0.2, ROWS)}
    compare(monkeypatch, DEEP, SGD(), 1, "direct", **fields)
    monkeypatch.undo()
    compare(monkeypatch, DEEP, SGD(), 1, "blocked", **{WEIGHTS: fields[WEIGHTS]})
