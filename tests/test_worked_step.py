"""One step worked by hand, and the report's own loop written out plainly."""

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Steps, TrainingState
from samplewise.network import SGD, aligned_zeros, initialize, loss_named, multilayer_perceptron
from samplewise.testing import measures, tolerances

BACKENDS = ("reference", "vectorized", "numba_cpu")
# Where the report clips p.
CLIP = 10.0**-15
ONE_STEP = Steps(np.arange(1), 0, 1, 1, 0.5)


def program_of(name, network, optimizer=SGD()):  # noqa: B008 - frozen
    loss, backend = loss_named("binary_cross_entropy"), registry.load(name)
    if not set(optimizer.features) <= backend.capabilities.optimizers:
        pytest.skip(f"{name} does not offer it")
    program = backend.compile(network, loss, optimizer, np.dtype("float64"))
    program.warm_up()
    return program


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_step_of_a_2_2_1_network_worked_by_hand(backend):
    """Algorithm 1 with x = (0.5, -1), y = 1, eta = 0.5; s is the sigmoid.

    W1 = [[0.3, -0.2], [-0.4, 0.1]], b1 = (0.1, -0.3), W2 = (0.6, -0.5), b2 = 0.2.

    z1 = W1 x + b1 = (0.15 + 0.2 + 0.1, -0.2 - 0.1 - 0.3) = (0.45, -0.6)
    a1 = s(z1) = (0.610639233949222, 0.354343693774205)
    z2 = 0.6 * 0.610639233949222 - 0.5 * 0.354343693774205 + 0.2 = 0.389211693482431
    p = s(z2) = 0.596092916156407;  loss = -log p = 0.517358724476579
    d2 = p - y = -0.403907083843593;  db2 = d2
    dW2 = d2 a1 = (-0.246641512264916, -0.143121928030706)
    d1 = (W2 d2) a1 (1 - a1)
       = (0.6 * -0.403907083843593 * 0.610639233949222 * 0.389360766050778,
          -0.5 * -0.403907083843593 * 0.354343693774205 * 0.645656306225795)
       = (-0.057619516893234, 0.046203787696110);  db1 = d1
    dW1 = d1 x^T = [[-0.028809758446617, 0.057619516893234],
                    [0.023101893848055, -0.046203787696110]]
    W1 - eta dW1 = [[0.314404879223309, -0.228809758446617],
                    [-0.411550946924027, 0.123101893848055]]
    b1 - eta db1 = (0.128809758446617, -0.323101893848055)
    W2 - eta dW2 = (0.723320756132458, -0.428439035984647);  b2 - eta db2 = 0.401953541921797
    """
    network = multilayer_perceptron(2, [2], 1)
    state = TrainingState(network.layout.zeros("float64"), aligned_zeros(0, "float64"))
    views = network.layout.views(state.parameters)
    views["0.weight"][...] = [[0.3, -0.2], [-0.4, 0.1]]
    views["0.bias"][...] = [0.1, -0.3]
    views["1.weight"][...] = [[0.6, -0.5]]
    views["1.bias"][...] = [0.2]
    x, y, losses = np.array([[0.5, -1.0]]), np.array([[1.0]]), np.zeros(1)
    program = program_of(backend, network)
    logit = program.predict(state.parameters, x)
    program.run_epoch(state, x, y, ONE_STEP, losses)

    allowed = tolerances.tolerance("worked_step", "float64")
    for name, got, wanted in (
        ("z2", logit, [[0.389211693482431]]),
        ("loss", losses, [0.517358724476579]),
        (
            "W1",
            views["0.weight"],
            [[0.314404879223309, -0.228809758446617], [-0.411550946924027, 0.123101893848055]],
        ),
        ("b1", views["0.bias"], [0.128809758446617, -0.323101893848055]),
        ("W2", views["1.weight"], [[0.723320756132458, -0.428439035984647]]),
        ("b2", views["1.bias"], [0.401953541921797]),
    ):
        measure = measures.entries(name, got, np.array(wanted), allowed)
        assert measure.passed, str(measure)


@pytest.mark.parametrize(
    ("rule", "weight", "bias", "velocity"),
    [
        # v = 0.9 (0.2, -0.1) + g, then (w, b) - 0.5 v
        (
            *(SGD(momentum=0.9, l2=0.1), 0.545410650412304, 0.455410650412304),
            (-0.090821300824607, -0.410821300824607),
        ),
        # the same v, then (w, b) - 0.5 (g + 0.9 v)
        (
            *(SGD(momentum=0.9, nesterov=True, l2=0.1), 0.676280235783377, 0.595280235783377),
            (-0.090821300824607, -0.410821300824607),
        ),
        # (w, b) - 0.5 g
        (SGD(l2=0.1), 0.635410650412304, 0.410410650412304, ()),
    ],
    ids=["momentum", "nesterov", "l2"],
)
@pytest.mark.parametrize("name", BACKENDS)
def test_one_step_of_each_rule_worked_by_hand(name, rule, weight, bias, velocity):
    """One weight w = 0.5, bias b = 0.25, x = y = 1, eta = 0.5, l2 = 0.1, v = (0.2, -0.1).

    z = 0.75, p = s(z) = 0.679178699175393, d = p - y = -0.320821300824607
    g = (d x + 0.1 w, d) = (-0.270821300824607, -0.320821300824607): biases are not penalised.
    """
    network = multilayer_perceptron(1, (), 1)
    program, layout = program_of(name, network, rule), network.layout
    slots = aligned_zeros(rule.slots * layout.size, "float64")
    state = TrainingState(layout.zeros("float64"), slots)
    theta = layout.views(state.parameters)
    theta["0.weight"][...], theta["0.bias"][...] = 0.5, 0.25
    first = [slot.offset for slot in layout.slots]
    if rule.slots:
        slots[first] = 0.2, -0.1
    program.run_epoch(state, np.ones((1, 1)), np.ones((1, 1)), ONE_STEP, np.zeros(1))
    allowed = tolerances.tolerance("worked_step", "float64")
    got = [*state.parameters[first], *(slots[first] if rule.slots else ())]
    wanted = [weight, bias, *velocity]
    measure = measures.entries("w, b and v", np.array(got), np.array(wanted), allowed)
    assert measure.passed, str(measure)


def algorithm_1(W1, b1, W2, b2, X, y, eta):
    """The report's loop over the samples of one epoch, word for word; arrays change in place."""

    def s(z):
        return 1 / (1 + np.exp(-z))

    losses = []
    for x, target in zip(X, y, strict=True):
        z1 = W1 @ x + b1
        a1 = s(z1)
        z2 = W2 @ a1 + b2
        p = s(z2)
        clipped = np.clip(p, CLIP, 1 - CLIP)
        losses.append(float(-(target * np.log(clipped) + (1 - target) * np.log(1 - clipped))[0]))
        d2 = p - target
        dW2, db2 = np.outer(d2, a1), d2
        d1 = (W2.T @ d2) * a1 * (1 - a1)
        dW1, db1 = np.outer(d1, x), d1
        W1 -= eta * dW1
        b1 -= eta * db1
        W2 -= eta * dW2
        b2 -= eta * db2
    return np.array(losses)


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_epochs_of_the_report_s_network(backend):
    """784-10-1 from N(0, 1) at rate 0.1, as in the report's last table, on 60 rows in [0, 1]."""
    rng = np.random.default_rng(4)
    X, y = rng.random((60, 784)), rng.integers(0, 2, 60).astype(float)
    network = multilayer_perceptron(784, [10], 1)
    parameters = initialize(network, "normal", rng, "float64")
    wanted = parameters.copy()
    theta = [
        network.layout.views(wanted)[f"{k}.{part}"] for k in (0, 1) for part in ("weight", "bias")
    ]
    state, program = (
        TrainingState(parameters, aligned_zeros(0, "float64")),
        program_of(backend, network),
    )
    allowed = tolerances.after_steps(120, "float64")
    for _ in range(2):
        wanted_losses, losses = algorithm_1(*theta, X, y, 0.1), np.zeros(60)
        program.run_epoch(state, X, y[:, None], Steps(np.arange(60), 0, 60, 1, 0.1), losses)
        found = [measures.losses(losses, wanted_losses, allowed)]
        found += measures.layers("weights", network.layout, state.parameters, wanted, allowed)
        for measure in found:
            assert measure.passed, str(measure)
