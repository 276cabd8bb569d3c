"""PyTorch as a judge from outside: layers, losses and rules over 100 steps from the same weights.

The reference is compared; the other backends are compared with the reference.
"""

import functools

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Steps, TrainingState
from samplewise.network import SGD, Adagrad, Adam, Conv2D, Dense, Network, RMSprop, loss_named
from samplewise.testing import tolerances
from samplewise.testing.cases import Case
from samplewise.testing.factors import LOSSES
from samplewise.testing.networks import BODIES
from samplewise.testing.problems import aligned_copy, problem

torch = pytest.importorskip("torch", reason="the judge is PyTorch, which is not here")
F = torch.nn.functional

STEPS, BATCH, RATE = 100, 5, 0.01
OUTPUTS = 3
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
ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu_tanh": functools.partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
    "softplus": F.softplus,
}


def padded(a, layer, shape):
    (above, under), (left, right) = layer.pads(shape)
    return F.pad(a, (left, right, above, under))


def applied(layer, shape, given, a):
    """Return what a layer makes of a batch, without its activation."""
    match layer.kind:
        case "dense":
            return F.linear(a.flatten(1), *given)
        case "conv":
            return F.conv2d(padded(a, layer, shape), *given, stride=layer.stride)
        case "max_pool":
            return F.max_pool2d(a, layer.size, layer.stride)
        case "avg_pool":
            return F.avg_pool2d(a, layer.size, layer.stride)
        case "global_avg_pool":
            return a.mean((2, 3))
        case "layer_norm":
            return F.layer_norm(a, shape, *given, eps=layer.epsilon)
    return a.flatten(1)


def logits_of(network, tensors, X):
    a = X.reshape(len(X), *network.input_shape)
    for k, (layer, shape) in enumerate(zip(network.layers, network.shapes, strict=False)):
        given = [tensors[f"{k}.{name}"] for name in layer.parameter_shapes(shape)]
        a = ACTIVATIONS[layer.activation](applied(layer, shape, given, a))
    return a


def loss_of(loss, logits, Y):
    match loss.name:
        case "categorical_cross_entropy":
            return F.cross_entropy(logits, Y)
        case "binary_cross_entropy" | "multi_label_cross_entropy":
            return F.binary_cross_entropy_with_logits(logits, Y)
        case "mean_squared_error":
            return F.mse_loss(logits, Y)
        case "mean_absolute_error":
            return F.l1_loss(logits, Y)
        case "huber":
            return F.huber_loss(logits, Y, delta=loss.delta)
        case "poisson":
            return F.poisson_nll_loss(logits, Y)
    raise AssertionError(loss.name)


def optimizer_of(rule, shrunk, kept):
    """Return PyTorch's optimizer; AdamW's decay acts on `shrunk` only."""
    decoupled = rule.name == "adam" and rule.weight_decay
    decay = rule.weight_decay if decoupled else 0.0
    groups = [{"params": shrunk, "weight_decay": decay}, {"params": kept, "weight_decay": 0.0}]
    match rule.name:
        case "sgd":
            return torch.optim.SGD(groups, RATE, momentum=rule.momentum, nesterov=rule.nesterov)
        case "adam":
            kind = torch.optim.AdamW if decoupled else torch.optim.Adam
            return kind(groups, RATE, betas=(rule.beta1, rule.beta2), eps=rule.epsilon)
        case "rmsprop":
            return torch.optim.RMSprop(groups, RATE, alpha=rule.rho, eps=rule.epsilon)
        case "adagrad":
            return torch.optim.Adagrad(groups, RATE, eps=rule.epsilon)
    raise AssertionError(rule.name)


def judged(drawn, rule):
    """Return the losses of PyTorch's steps, and its weights, laid out like ours."""
    network, tensors = drawn.network, {}
    for name, view in network.layout.views(drawn.parameters).items():
        tensors[name] = torch.tensor(view.copy(), requires_grad=True)
    names = {slot.name for slot in network.weights}
    shrunk = [tensor for name, tensor in tensors.items() if name in names]
    kept = [tensor for name, tensor in tensors.items() if name not in names]
    optimizer = optimizer_of(rule, shrunk, kept)
    X, Y, losses = torch.tensor(drawn.X), torch.tensor(drawn.Y), []
    for step in range(STEPS):
        rows = [(step * BATCH + i) % len(X) for i in range(BATCH)]
        optimizer.zero_grad()
        loss = loss_of(drawn.loss, logits_of(network, tensors, X[rows]), Y[rows])
        loss.backward()
        if rule.clip_value is not None:
            torch.nn.utils.clip_grad_value_(list(tensors.values()), rule.clip_value)
        if rule.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(list(tensors.values()), rule.clip_norm)
        with torch.no_grad():
            for tensor in shrunk:
                tensor.grad += rule.l2 * tensor + rule.l1 * torch.sign(tensor)
                if rule.name != "adam" and rule.weight_decay:
                    tensor.mul_(1 - RATE * rule.weight_decay)
        optimizer.step()
        losses.append(loss.item())
    weights = network.layout.zeros(np.float64)
    for name, view in network.layout.views(weights).items():
        view[...] = tensors[name].detach().numpy()
    return np.array(losses), weights


def ours(drawn, rule):
    """Return the losses of the reference's steps and its weights, from slots at rest."""
    program = registry.load("reference").compile(
        drawn.network, drawn.loss, rule, np.dtype("float64")
    )
    slots = aligned_copy(np.zeros(rule.slots * drawn.parameters.size))
    state = TrainingState(aligned_copy(drawn.parameters), slots)
    order = np.arange(STEPS * BATCH) % len(drawn.X)
    seen = np.zeros(len(order))
    program.run_epoch(state, drawn.X, drawn.Y, Steps(order, 0, len(order), BATCH, RATE), seen)
    return seen.reshape(STEPS, BATCH).mean(axis=1), state.parameters


def check(network, loss, rule):
    # PyTorch draws its own dropout, so there is none here.
    layers = tuple(layer for layer in network.layers if layer.kind != "dropout")
    case = Case(Network(network.input_shape, layers), loss, rule, BATCH, rows=3 * BATCH)
    drawn = problem(case)
    row = "outside" if rule.clip_norm is None else "outside_clipped"
    allowed = tolerances.tolerance(row, "float64").relative
    for mine, theirs in zip(ours(drawn, rule), judged(drawn, rule), strict=True):
        assert np.abs(mine - theirs).max() <= allowed * max(np.abs(theirs).max(), 1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("body", BODIES)
def test_layers_and_activations(body, activation):
    check(BODIES[body](activation, OUTPUTS), LOSSES[-1], SGD(0.9))


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if not loss.name.startswith("binary")])
def test_steps_with_each_loss_are_the_oracles(loss):
    check(BODIES["two_convs"]("tanh", OUTPUTS), loss, SGD())


def test_binary_cross_entropy():
    network = Network((1, 4, 4), (Conv2D(2, 2, activation="elu"), Dense(1)))
    check(network, loss_named("binary_cross_entropy"), SGD())


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_steps_of_each_rule_are_the_oracles(rule):
    check(BODIES["deep"]("softplus", OUTPUTS), LOSSES[0], rule)
