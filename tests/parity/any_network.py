"""Networks of every layer, and data for every loss."""

import dataclasses
import itertools
from functools import cache
from typing import Any

import numpy as np

from samplewise import registry
from samplewise.contract import RATES, WEIGHTS, Steps, TrainingState, Workload
from samplewise.network import (
    SGD,
    Adagrad,
    Adam,
    AvgPool2D,
    ClassLoss,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
    Network,
    RMSprop,
    aligned_zeros,
    initialize,
)
from samplewise.network.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    MultiLabelCrossEntropy,
    Poisson,
)
from samplewise.testing import tolerances

OUTPUTS = 3
ROWS, EPOCHS = 23, 3
FIELDS = tuple(map(frozenset, ({RATES}, {WEIGHTS}, {RATES, WEIGHTS})))


def _dense(activation):
    layers = (Dense(9, activation), Dropout(0.4), LayerNorm(), Dense(7, "tanh"), Dense(OUTPUTS))
    return Network((12,), layers)


def _convolutional(activation):
    layers = (
        *(Conv2D(3, (3, 2), 2, "same", activation), MaxPool2D(2, 1), LayerNorm(), Dropout(0.2)),
        *(Conv2D(4, 2, 1, "same", "tanh"), AvgPool2D((1, 2), 1), Dense(5, activation)),
        Dense(OUTPUTS),
    )
    return Network((2, 7, 6), layers)


def _pooled(activation):
    layers = (Conv2D(3, 2, 1, "valid", activation), GlobalAvgPool(), Flatten(), Dense(OUTPUTS))
    return Network((2, 5, 5), layers)


NETWORKS = {"dense": _dense, "convolutional": _convolutional, "pooled": _pooled}
LOSSES = (
    CategoricalCrossEntropy(),
    CategoricalCrossEntropy(0.1),
    MultiLabelCrossEntropy(),
    MeanSquaredError(),
    MeanAbsoluteError(),
    Huber(0.3),
    Poisson(),
)
RULES = (
    SGD(),
    SGD(0.9, l1=0.01),
    SGD(0.5, nesterov=True, l2=0.1, clip_norm=0.5),
    SGD(l2=0.1, weight_decay=0.1),
    SGD(clip_value=0.05),
    Adam(),
    Adam(weight_decay=0.1, clip_norm=1.0),
    Adam(l2=0.1, beta1=0.5),
    RMSprop(),
    RMSprop(l1=0.01),
    Adagrad(l2=0.02),
)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A problem: network, loss, rows, targets and weights, all float64."""

    network: Network
    loss: Any
    X: Any
    Y: Any
    weights: Any


def drawn(network, loss, rows, seed=0):
    """Draw rows, targets that the loss takes, and weights with biases that are not 0."""
    rng = np.random.default_rng(seed)
    weights = initialize(network, "glorot_normal", rng, np.float64)
    for view in network.layout.views(weights).values():
        view += 0.1 * rng.standard_normal(view.shape)
    outputs = network.outputs
    if isinstance(loss, ClassLoss):
        Y = loss.targets(rng.integers(0, max(outputs, 2), rows), outputs, np.float64)
    elif isinstance(loss, Poisson | MultiLabelCrossEntropy):
        Y = rng.integers(0, 2, (rows, outputs)).astype(np.float64)
    else:
        Y = rng.standard_normal((rows, outputs))
    return Drawn(network, loss, rng.standard_normal((rows, network.inputs)), Y, weights)


def aligned(vector, dtype):
    copy = aligned_zeros(vector.size, dtype)
    copy[...] = vector
    return copy


def field_values(fields, batch_size, dtype):
    """Return the rates of an epoch's steps and the weights of the rows, where they are asked for.

    The rates are calm, and no two are equal; the weights have the mean 1.
    """
    rng = np.random.default_rng(5)
    rates = 0.005 + 0.015 * rng.random(-(-ROWS // batch_size))
    weights = rng.random(ROWS) * 3 + 0.1
    weights = (weights / weights.mean()).astype(dtype)
    return rates if RATES in fields else None, weights if WEIGHTS in fields else None


def window(order, start, stop, batch_size, rates, weights, key=0):
    first, last = start // batch_size, -(-stop // batch_size)
    own = None if rates is None else rates[first:last]
    rate = 0.02 if own is None else float(own[0])
    return Steps(order, start, stop, batch_size, rate, key, own, weights)


def trained(backend, problem, rule, dtype, batch_size, fields=frozenset(), plan=None):
    """Return losses and state after three epochs, of which the second is run in two calls."""
    workload = plan and Workload(ROWS, batch_size, EPOCHS, plan=plan)
    program = registry.load(backend).compile(
        problem.network, problem.loss, rule, np.dtype(dtype), workload
    )
    vector = aligned(problem.weights, dtype)
    state = TrainingState(vector, aligned(np.zeros(rule.slots * vector.size), dtype))
    X, Y = problem.X.astype(dtype), problem.Y.astype(dtype)
    rates, weights = field_values(fields, batch_size, dtype)
    losses, cut = np.zeros((EPOCHS, ROWS), dtype), 2 * batch_size
    for epoch, row in enumerate(losses):
        order = np.random.default_rng(epoch).permutation(ROWS)
        edges = (0, cut, ROWS) if epoch == 1 and cut < ROWS else (0, ROWS)
        for start, stop in itertools.pairwise(edges):
            steps = window(order, start, stop, batch_size, rates, weights, 2**63 + epoch)
            program.run_epoch(state, X, Y, steps, row)
            state.step += -(-(stop - start) // batch_size)
    program.synchronize(state)
    return losses, state.parameters, state.optimizer_state


@cache
def trained_by_reference(network, loss, rule, batch_size, fields=frozenset()):
    """Return the problem of a network and a loss, and what the reference makes of it in float64."""
    problem = drawn(network, loss, ROWS)
    return problem, trained("reference", problem, rule, "float64", batch_size, fields)


def check_agreement(got, wanted, dtype):
    allowed = tolerances.tolerance("adaptive", dtype).relative
    for mine, theirs in zip(got, wanted, strict=True):
        size = max(np.abs(theirs).max(initial=0), 0.001)
        assert np.abs(mine - theirs).max(initial=0) <= allowed * size


def words(value):
    """Return a loss or a rule as a test's name."""
    fields = dataclasses.asdict(value)
    usual = {field.name: field.default for field in dataclasses.fields(value)}
    options = [f"{name}={given:g}" for name, given in fields.items() if given != usual[name]]
    return " ".join([value.name, *options])


BINARY = BinaryCrossEntropy()
