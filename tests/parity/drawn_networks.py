"""Drawn networks of dense layers, in lanes and in tiles and by the reference.

python tests/parity/drawn_networks.py 2000
"""

import dataclasses
import sys

import numpy as np
from comparability import kink_distance

from samplewise import registry
from samplewise.contract import PlanSpec
from samplewise.network import (
    ACTIVATIONS,
    OPTIMIZERS,
    SGD,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool2D,
    Network,
    loss_named,
)
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.cases import Case
from samplewise.testing.factors import OPTIONS, STEP_FIELDS
from samplewise.testing.problems import REFERENCE, problem

BACKEND = "numba_cpu"
LOSSES = (
    *("categorical_cross_entropy", "multi_label_cross_entropy", "mean_squared_error"),
    *("mean_absolute_error", "huber", "poisson"),
)
# A ReLU that flips, or an absolute error that changes sign, is a jump.
KINKED = {"relu", "leaky_relu", "elu", "selu"}


def drawn_case(seed, multiple=1):
    """Return a case of dense layers with any activation, loss, optimizer and batch.

    Inputs and hidden units have any size, rounded up to a multiple.
    """
    rng = np.random.default_rng(seed)

    def pick(some):
        return some[rng.integers(len(some))]

    sizes = [int(np.exp(rng.uniform(0, np.log(70)))) for _ in range(rng.integers(1, 5))]
    sizes = [-(-size // multiple) * multiple for size in sizes]
    rows = int(rng.integers(2, 60))
    outputs = pick((1, 1, 2, 3, 10, 17))
    layers = [Dense(units, pick(ACTIVATIONS)) for units in sizes[1:]]
    options = pick(OPTIONS)
    kind = OPTIMIZERS[pick(sorted(OPTIMIZERS))]
    forms = {name: bool(rng.integers(2)) for name in ("nesterov", "rate_in_velocity")}
    own = {"momentum": 0.9, **forms} if kind.name == "sgd" and rng.integers(2) else {}
    return Case(
        Network(sizes[0], (*layers, Dense(outputs))),
        loss_named("binary_cross_entropy" if outputs == 1 else pick(LOSSES)),
        kind(**dict(options), **own),
        batch_size=int(rng.integers(2, rows + 1)),
        rows=rows,
        dtype=pick(("float64", "float32")),
        step_fields=pick(STEP_FIELDS),
        learning_rate=0.01,
        seed=seed,
    )


def drawn_row_by_row(seed):
    """Return such a case of SGD on batches of one row; the first layer alone is surely trained."""
    rng = np.random.default_rng(seed)
    momentum = float(rng.choice([0.0, 0.5, 0.9]))
    names = ("nesterov", "rate_in_velocity") if momentum else ()
    forms = {name: bool(rng.integers(2)) for name in names}
    optimizer = SGD(momentum, **forms, l2=float(rng.choice([0.0, 0.1])))
    case = drawn_case(seed)
    first, *later = case.network.layers
    later = [dataclasses.replace(layer, trainable=bool(rng.integers(4))) for layer in later]
    network = Network(case.network.inputs, (first, *later))
    return dataclasses.replace(case, network=network, optimizer=optimizer, batch_size=1)


def drawn_in_blocks(seed):
    """Return such a case of SGD with more inputs, units and rows, at a constant rate."""
    case, rng = drawn_row_by_row(seed), np.random.default_rng(seed)
    inputs, units, rows = (int(np.exp(rng.uniform(0, np.log(most)))) for most in (2000, 200, 200))
    first, *later = case.network.layers
    # Of a layer alone, the units are the outputs.
    first = dataclasses.replace(first, units=units) if later else first
    network = Network(inputs, (first, *later))
    batch_size = int(rng.integers(1, 20)) if rng.integers(2) else 1
    optimizer = dataclasses.replace(case.optimizer, rate_in_velocity=False)
    return dataclasses.replace(
        case,
        network=network,
        optimizer=optimizer,
        rows=rows + 1,
        batch_size=batch_size,
        step_fields=frozenset(),
    )


def drawn_of_any_layers(seed):
    """Return such a case of images or rows whose dense layers are large enough for tiles."""
    case, rng = drawn_case(seed), np.random.default_rng(seed)

    def of(low, high):
        return int(rng.integers(low, high))

    def dense():
        return Dense(of(30, 140), str(rng.choice(ACTIVATIONS)), trainable=bool(of(0, 3)))

    between = ((Dropout(0.3),), (LayerNorm(),), (Dense(of(1, 40)),), ())[of(0, 4)]
    before = ((), (Flatten(),))[of(0, 2)]
    shape = (of(1, 3), of(5, 10), of(5, 10)) if of(0, 2) else (of(16, 200),)
    if len(shape) == 3:
        before = (Conv2D(of(1, 6), (3, 2), 1, "same", "tanh"), MaxPool2D(), *before)
    layers = (*before, dense(), *between, dense(), Dense(case.network.outputs))
    rows = of(33, 130)
    batch_size = of(30, rows + 1)
    return dataclasses.replace(
        case, network=Network(shape, layers), rows=rows, batch_size=batch_size
    )


def drawn_of_any_layers_by_sgd(seed):
    """Return such a case without kinks, of more rows, that SGD trains, and its plans."""
    case, rng = drawn_of_any_layers(seed), np.random.default_rng([seed, 1])
    optimizer = SGD(float(rng.choice([0.0, 0.9])), l2=float(rng.choice([0.0, 0.1])))
    sizes = {"rows": case.rows + 120, "batch_size": case.batch_size + int(rng.integers(121))}
    layers = [
        dataclasses.replace(layer, activation="tanh") if layer.activation in KINKED else layer
        for layer in case.network.layers
    ]
    network = Network(case.network.input_shape or case.network.inputs, layers)
    case = dataclasses.replace(
        case, network=network, optimizer=optimizer, step_fields=frozenset(), **sizes
    )
    first = case.network.layers[0]
    in_blocks = isinstance(first, Dense) and first.trainable
    return case, ("direct", *(plans_in_tiles(case) if in_blocks else ()))


def single_failures(case):
    """Return how gradients and predictions of a case differ from the reference's, in words."""
    drawn = problem(case)
    backends = [registry.load(name) for name in (BACKEND, REFERENCE)]
    ours, theirs = (runs.program_of(backend, case) for backend in backends)
    given = drawn.parameters, drawn.X, drawn.Y
    pairs = [
        ("gradient", "gradient", ours.gradients(*given)[1], theirs.gradients(*given)[1]),
        ("predictions", "forward", ours.predict(*given[:2]), theirs.predict(*given[:2])),
    ]
    found = [
        measures.sized(what, got, want, tolerances.tolerance(row, case.dtype))
        for what, row, got, want in pairs
    ]
    return [f"{case}: {measure}" for measure in found if not measure.passed]


def plans_in_tiles(case):
    """Return the plans of blocks of whole batches, drawn for a case, with products in tiles."""
    rows = int(np.random.default_rng(case.seed).integers(1, 129))
    batches = min(max(rows // case.batch_size, 1), -(-case.rows // case.batch_size))
    block = batches * case.batch_size
    return f"blocked:{block}:tiled+tiled", f"dual:{block}:tiled"


def is_comparable(case):
    """Return True if rounding cannot decide between two branches."""
    kinked = {layer.activation for layer in case.network.layers} & KINKED
    return not kinked or kink_distance(problem(case)) > tolerances.KINK_MARGIN


def failures(case, plan="direct:thin"):
    """Return how an epoch by a plan differs from the reference's, in words."""
    spec = PlanSpec.parse("plan", plan)
    workload = dataclasses.replace(runs.workload_of(case, spec.name), **spec.fields())
    session = runs.session_of(registry.load(BACKEND), [case], workload)
    session.compile()
    assert str(session.plan.spec) == plan, case
    got, want = runs.trained(session, case, 1, shuffle=True), runs.expected(case, 1, True)
    if not np.isfinite(want.losses).all():
        # A training that diverges must be seen to: nothing else can be compared.
        return [f"{case}: diverges unseen"] if np.isfinite(got.losses).all() else []
    allowed = tolerances.after_training(case.optimizer, case.steps, case.dtype)
    compared = runs.compare_runs(case, got, want, allowed)
    return [f"{case}: {measure}" for measure in compared if not measure.passed]


def main():
    """Train as many networks as the first argument says, and print those that differ."""
    count = range(int(sys.argv[1]))
    cases = [(drawn_case(k), plan) for k in count for plan in ("direct:thin", "direct")]
    cases += [(drawn_row_by_row(k), "direct:abreast") for k in count]
    for case in map(drawn_in_blocks, count):
        cases += [(case, plan) for plan in plans_in_tiles(case)]
    any_layers = [case for case in map(drawn_of_any_layers, count) if is_comparable(case)]
    cases += [(case, "direct") for case in any_layers]
    for case, plans in map(drawn_of_any_layers_by_sgd, count):
        cases += [(case, plan) for plan in plans]
    found = [(case, failures(case, plan)) for case, plan in cases if is_comparable(case)]
    found += [(case, single_failures(case)) for case in any_layers]
    for _, words in found:
        print(*words, sep="\n", end="\n" if words else "")  # noqa: T201
    print(  # noqa: T201
        f"{len(found)} networks compared, {sum(bool(words) for _, words in found)} differ"
    )
    return int(any(words for _, words in found))


if __name__ == "__main__":
    sys.exit(main())
