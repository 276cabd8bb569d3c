"""Every kernel runs in Python, where coverage sees it, and computes what its machine code does."""

import inspect

import numpy as np
import pytest

from samplewise.contract import RATES, WEIGHTS, PlanSpec, Steps, TrainingState, Workload
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
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels import thin_rows
from samplewise_backends.numba_cpu.kernels.products import (
    DUAL,
    GRAM,
    LOOPS,
    TILED,
    UPDATE,
    VALUES,
    WHOLE,
    first_product,
)
from samplewise_backends.numba_cpu.plans import prediction, routines
from samplewise_backends.numba_cpu.plans import thin as thin_plan
from samplewise_backends.numba_cpu.plans.arrays import readable_beyond
from samplewise_backends.numba_cpu.plans.routines import describe_product

ROWS, INPUTS, OUTPUTS = 8, 36, 3
# More than a sub-block of the recurrence has.
MANY_ROWS = 24
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
# Batches of 8 take products of more than `LOOPS_UP_TO` multiply-adds.
BROAD = Network(INPUTS, (Dense(20, "tanh"), Dense(30, "relu"), Dense(OUTPUTS)))
# Inputs of whole vectors of any processor, and units of two blocks and one more.
TWO_BLOCKS = Network(48, (Dense(13, "tanh"), Dense(OUTPUTS)))
BINARY = Network(INPUTS, (Dense(5, "sigmoid"), Dense(1)))
POOLED = Network((1, 6, 6), (AvgPool2D(2), Conv2D(4, (2, 2)), GlobalAvgPool(), Dense(OUTPUTS)))
STRIDED = Network((2, 7, 6), (Conv2D(3, (3, 2), stride=2), Flatten(), Dense(OUTPUTS)))
FUSED = Network(
    (1, 8, 8),
    (
        Conv2D(2, (3, 3), activation="relu"),
        MaxPool2D(2),
        Conv2D(3, (2, 2), padding="same", activation="relu"),
        MaxPool2D((3, 2), stride=1),
        Flatten(),
        Dense(OUTPUTS),
    ),
)
IN_TILES = Network(
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
PAIRED = Network(
    (1, 6, 13),
    (
        Conv2D(2, (3, 3), activation="relu"),
        MaxPool2D(2),
        Conv2D(5, (1, 3), activation="relu"),
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
    "adam, epsilon hat": (DEEP, Adam(epsilon=0.01, epsilon_hat=True), 4, "direct"),
    "rate in velocity": (DEEP, SGD(momentum=0.9, rate_in_velocity=True), 4, "direct"),
    "rmsprop": (DEEP, RMSprop(), 4, "direct"),
    "adagrad": (DEEP, Adagrad(), 1, "direct"),
    "thin": (WIDE, SGD(momentum=0.9, nesterov=True), 5, "direct:thin"),
    "thin adam": (DEEP, Adam(l1=0.01, clip_value=0.1), 3, "direct:thin"),
    "thin, norm": (WIDE, LIMITED, 5, "direct:thin"),
    "thin, norm of two blocks": (TWO_BLOCKS, LIMITED, 5, "direct:thin"),
    "thin poisson": (DEEP, SGD(), 5, "direct:thin", "poisson"),
    "thin binary": (BINARY, SGD(), 5, "direct:thin", "binary_cross_entropy"),
    "stepped tiles": (TWO_BLOCKS, SGD(), 5, "direct:thin"),
    "stepped tiles, momentum": (TWO_BLOCKS, SGD(momentum=0.9), 5, "direct:thin"),
    "stepped tiles, adam": (TWO_BLOCKS, Adam(), 5, "direct:thin"),
    "stepped tiles, nesterov": (TWO_BLOCKS, SGD(momentum=0.9, nesterov=True), 5, "direct:thin"),
    "abreast": (DEEP, SGD(l2=0.1), 1, "direct:abreast"),
    "abreast, momentum": (DEEP, SGD(momentum=0.9, nesterov=True), 1, "direct:abreast"),
    "abreast poisson": (DEEP, SGD(momentum=0.9), 1, "direct:abreast", "poisson"),
    "abreast binary": (BINARY, SGD(), 1, "direct:abreast", "binary_cross_entropy"),
    "images": (IMAGES, Adam(), 4, "direct"),
    "images row by row": (IMAGES, SGD(), 1, "direct"),
    "convolutions in tiles": (IN_TILES, SGD(), 4, "direct"),
    "two windows in a vector": (PAIRED, SGD(), 4, "direct"),
    "pooled": (POOLED, SGD(momentum=0.9), 4, "direct"),
    "strided": (STRIDED, SGD(l2=0.1), 4, "direct"),
    "fused": (FUSED, Adam(), 2, "direct"),
    "in tiles": (BROAD, SGD(l2=0.1), 8, "direct"),
    "in tiles, momentum": (BROAD, SGD(momentum=0.9), 8, "direct"),
    "in tiles, adam": (BROAD, LIMITED, 8, "direct"),
    "small batches": (DEEP, SGD(l2=0.1), 4, "direct"),
}
MANY_ROWS_CASES = {
    "sub-blocks": (DEEP, SGD(), 1, "blocked:24:whole+tiled"),
    "sub-blocks, l2": (DEEP, SGD(l2=0.1), 2, "blocked:24:tiled+whole"),
    "sub-blocks, momentum": (WIDE, SGD(momentum=0.9), 4, "blocked:24:loops+loops"),
    "dual": (DEEP, SGD(momentum=0.9), 1, "dual:24:tiled"),
    "dual, fading momentum": (DEEP, SGD(momentum=0.01), 1, "dual:5:whole"),
    "dual, fading momentum, batches": (WIDE, SGD(momentum=1e-4), 2, "dual:4:tiled"),
}
LOSSES = [
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "poisson",
    "multi_label_cross_entropy",
]
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, OUTPUTS, MANY_ROWS)


def trained(
    network, optimizer, batch_size, plan, loss="categorical_cross_entropy", rows=ROWS, **fields
):
    """Return parameters, losses, logits and gradient after an epoch."""
    X = np.random.default_rng(2).standard_normal((rows, network.inputs))
    Y = np.eye(max(network.outputs, 2))[LABELS[:rows] % max(network.outputs, 2)]
    Y = np.ascontiguousarray(Y[:, -network.outputs :])
    spec = PlanSpec.parse("plan", plan)
    workload = Workload(rows, batch_size, step_fields=frozenset(fields), **spec.fields())
    program = NumbaBackend().compile(
        network, loss_named(loss), optimizer, np.dtype("float64"), workload
    )
    weights = initialize(network, "glorot_normal", np.random.default_rng(1), "float64")
    state = TrainingState(weights, aligned_zeros(optimizer.slots * len(weights), "float64"))
    losses = np.zeros(rows)
    steps = Steps(np.arange(rows), 0, rows, batch_size, 0.1, **fields)
    program.run_epoch(state, X, Y, steps, losses)
    logits = program.logits(state, X).copy()
    program.synchronize(state)
    _, gradient = program.gradients(state.parameters, X, Y)
    call, row = program.predictor(state.parameters, X[:1].copy())
    call()
    return state.parameters, losses, logits, gradient, row


def in_python(monkeypatch):
    for module in (jit, calls):
        monkeypatch.setattr(module, "compiles_nothing", lambda: True)
    # A call that is kept stays what it was when it was made.
    monkeypatch.setattr(prediction, "_described", inspect.unwrap(prediction._described))


def compare(monkeypatch, *case, **fields):
    compiled = trained(*case, **fields)
    in_python(monkeypatch)
    for got, want in zip(trained(*case, **fields), compiled, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_a_training_in_python_is_that_of_the_machine_code(monkeypatch, case):
    compare(monkeypatch, *CASES[case])


def test_predictions_are_python_s_too(monkeypatch):
    program = NumbaBackend().compile(DEEP, loss_named("mean_squared_error"), SGD(), np.dtype("f8"))
    rows = DEEP.layout.zeros("float64"), np.zeros((1, INPUTS))
    assert not isinstance(program.predictor(*rows)[0], Call)
    in_python(monkeypatch)
    assert isinstance(program.predictor(*rows)[0], Call)


def test_a_call_that_was_made_in_python_stays_there(monkeypatch):
    a, b, z = np.ones((1, 1)), np.full((1, 1), 2.0), np.zeros(8)
    in_python(monkeypatch)
    given = Call(first_product, a.dtype)
    describe_product(given, 1)
    given.set(product=VALUES, way=LOOPS, rows=1, inner=1, units=1, a=a, b=b, z=z, ld=8)
    monkeypatch.undo()
    given.prepared()()
    assert z[0] == 2


@pytest.mark.parametrize("case", ["in tiles", "in tiles, momentum", "in tiles, adam"])
def test_processors_with_short_vectors_take_blas(monkeypatch, case):
    monkeypatch.setattr(routines, "WIDE_ENOUGH", 1024)
    compare(monkeypatch, *CASES[case])


@pytest.mark.parametrize("case", MANY_ROWS_CASES)
def test_blocks_of_many_rows(monkeypatch, case):
    compare(monkeypatch, *MANY_ROWS_CASES[case], rows=MANY_ROWS)


def test_a_loss_of_one_output(monkeypatch):
    compare(monkeypatch, BINARY, SGD(), 1, "direct", "binary_cross_entropy")


WAYS = {"whole": WHOLE, "tiled": TILED, "loops": LOOPS}


def product(kind, way, X, B, z, ld):
    """Return the output of one product of the first layer; z holds what it is added to."""
    room, z = readable_beyond(B.shape, B.dtype), z.copy()
    room[...] = B
    B = room
    given = Call(first_product, X.dtype)
    units = B.shape[1] if kind == DUAL else B.shape[0]
    describe_product(given, max(units, len(X)))
    given.set(product=kind, way=way, rows=len(X), inner=X.shape[1], units=units)
    given.set(a=X, b=B, z=z, ld=ld)
    given()
    return B, z


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("inner", [9, 3])
@pytest.mark.parametrize("kind", [VALUES, UPDATE, DUAL, GRAM])
def test_products(monkeypatch, kind, way, inner):
    rng, rows, units = np.random.default_rng(4), 67, 6
    X = rng.standard_normal((rows, inner))
    B = rng.standard_normal((inner, units) if kind == DUAL else (units, inner))
    ld = rows if kind == GRAM else 8
    z = rng.standard_normal(rows * ld)
    compiled = product(kind, WAYS[way], X, B, z, ld)
    in_python(monkeypatch)
    for got, want in zip(product(kind, WAYS[way], X, B, z, ld), compiled, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", ["convolutions in tiles", "thin", "stepped tiles, adam"])
@pytest.mark.parametrize("size_in_bytes", [16, 64])
def test_vectors_of_another_processor_compute_the_same(monkeypatch, size_in_bytes, case):
    """Those of SSE and AVX-512, in Python."""
    monkeypatch.setattr(vectors._InPython, "size_in_bytes", size_in_bytes)
    compare(monkeypatch, *CASES[case])


def test_rows_of_data_far_away_are_the_same_rows(monkeypatch):
    near = trained(*CASES["thin"])
    in_python(monkeypatch)
    monkeypatch.setattr(thin_rows, "FAR", 0)
    for got, want in zip(trained(*CASES["thin"]), near, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_inputs_that_are_taken_in_parts(monkeypatch):
    parts = {"ROWS": 1, "FEW_UNITS": 1, "NEAR": 1, "PART": 1, "FEWEST_INPUTS": INPUTS // 2 - 2}
    for name, value in parts.items():
        monkeypatch.setattr(thin_plan, name, value)
    compare(monkeypatch, *CASES["thin"])


def test_weights_and_decisions_of_a_batch_in_the_lanes(monkeypatch):
    fields, found = {WEIGHTS: np.linspace(0.5, 1.5, ROWS)}, np.full((2, ROWS), -1)
    for decisions in found:
        trained(WIDE, SGD(), 5, "direct:thin", **fields, decisions=decisions)
        in_python(monkeypatch)
    np.testing.assert_array_equal(*found)
    assert (found >= 0).all()
    monkeypatch.undo()
    compare(monkeypatch, WIDE, SGD(), 5, "direct:thin", **fields)


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


@pytest.mark.parametrize("plan", ["direct", "direct:thin"])
def test_penalties_of_single_steps(monkeypatch, plan):
    found, l2 = np.full((2, 2), np.nan), np.array([0.1, 0.2])
    for penalties in found:
        trained(WIDE, SGD(), 4, plan, l2=l2, penalties=penalties)
        in_python(monkeypatch)
    np.testing.assert_allclose(*found, rtol=1e-9)
