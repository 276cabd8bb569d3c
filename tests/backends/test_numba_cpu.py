"""The compiled backend: flags, signatures, and the same kernels in every process."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import PLANS, Steps, TrainingState, Workload
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
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.problems import problem
from samplewise_backends.numba_cpu import kernels, trainers
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.compile import jit
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.compile.kernel_cache import cache_folder
from samplewise_backends.numba_cpu.trainers import TrainerFactory

PACKAGE = Path(jit.__file__).parents[2]
HIDING_FLAGS = {"fast", "nnan", "ninf"}
TRAIN = """
import numpy as np
from samplewise import registry
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.cases import dense_case
from samplewise_backends.numba_cpu.compile import library
from samplewise_backends.numba_cpu.compile.library import Origin
case = dense_case(3, (2,), 1, rows=5)
session = runs.compiled(registry.load("numba_cpu"), case)
parameters = runs.trained(session, case, 1, True).parameters
print(parameters.tobytes().hex(), Origin.COMPILED in library._origins.values())
"""


def all_kernels():
    modules = [
        importlib.import_module(f"{kernels.__name__}.{found.name}")
        for found in pkgutil.iter_modules(kernels.__path__)
    ]
    return {
        name: k
        for module in modules
        for name, k in vars(module).items()
        if hasattr(k, "targetoptions")
    }


def test_no_kernel_hides_nan_or_infinity():
    flags = {name: k.targetoptions["fastmath"] for name, k in all_kernels().items()}
    assert len(flags) > 20
    for name, chosen in flags.items():
        assert chosen is not True, name
        assert not HIDING_FLAGS & set(chosen or ()), name
    assert any(flags.values())
    assert not HIDING_FLAGS & jit.REORDERED


def test_no_source_names_a_flag_that_hides_nan():
    decorators = ("njit(", "jit(", "vectorize(", "fastmath")
    for path in (PACKAGE / "numba_cpu").rglob("*.py"):
        if path.name not in ("jit.py", "compiler.py", "target.py"):
            assert not any(word in path.read_text() for word in decorators), path.name


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("batch_size", [1, 4])
def test_arrays_that_cannot_be_written_give_the_same_bits(plan, batch_size):
    drawn = problem(dense_case(3, (2,), 1, batch_size=batch_size, rows=10))
    workload = Workload(10, batch_size, plan=plan)
    program = registry.load("numba_cpu").compile(
        drawn.network, drawn.loss, SGD(), np.dtype("float64"), workload
    )
    found = [computed(program, drawn, batch_size, writable=w) for w in (True, False)]
    assert found[0] == found[1]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_reaches_the_losses(plan, dtype, batch_size, bad):
    drawn = problem(dense_case(3, (2,), 1, batch_size=batch_size, rows=10, dtype=dtype))
    workload = Workload(10, batch_size, plan=plan)
    program = registry.load("numba_cpu").compile(
        drawn.network, drawn.loss, SGD(), np.dtype(dtype), workload
    )
    state, losses = drawn.state(), np.zeros(10, dtype)
    drawn.network.layout.views(state.parameters)["1.weight"][0, 0] = bad
    steps = Steps(np.arange(10), 0, 10, batch_size, 0.1)
    program.run_epoch(state, drawn.X, drawn.Y, steps, losses)
    assert not np.isfinite(losses).any()


def computed(program, drawn, batch_size, *, writable):
    """Return the bytes of all that a program computes from arrays of which none need be written."""
    X, Y, theta = drawn.X.copy(), drawn.Y.copy(), drawn.parameters.copy()
    order, state = np.arange(len(X)), drawn.state()
    for array in (X, Y, theta, order):
        array.flags.writeable = writable
    losses = np.zeros(len(X), dtype=X.dtype)
    for start, stop in ((0, 8), (8, 10)):
        steps = Steps(order, start, stop, batch_size, 0.1)
        program.run_epoch(state, X, Y, steps, losses)
    program.synchronize(state)
    call, logits = program.predictor(theta, X)
    call()
    arrays = losses, state.parameters, program.gradients(theta, X, Y)[1], logits
    return [array.tobytes() for array in (*arrays, program.predict(theta, X))]


def test_a_process_computes_what_another_did_with_the_same_kernels():
    """What this process compiled or found, another one finds, and compiles and writes nothing."""
    case = dense_case(3, (2,), 1, rows=5)
    session = runs.compiled(registry.load("numba_cpu"), case)
    parameters = runs.trained(session, case, 1, True).parameters
    before = kept_files()
    done = subprocess.run(
        [sys.executable, "-c", TRAIN], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == [parameters.tobytes().hex(), "False"]
    # Another test beside this one may compile other kernels meanwhile.
    assert before.items() <= kept_files().items()


def kept_files():
    """Return the files of compiled kernels, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in cache_folder().rglob("*.kernel")}


@pytest.mark.parametrize("rows", [255, 256, 257, 600])
def test_more_rows_than_are_predicted_at_once_have_their_own_logits(rows):
    case = dense_case(5, (4,), 3, rows=rows)
    drawn, allowed = problem(case), tolerances.tolerance("forward", case.dtype)
    got, want = (
        runs.program_of(registry.load(name), case).predict(drawn.parameters, drawn.X)
        for name in ("numba_cpu", "reference")
    )
    measure = measures.entries("logits", got, want, allowed)
    assert measure.passed, str(measure)


@pytest.mark.parametrize("renewed", [(0,), (1,), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_networks_at_once_train_the_states_of_the_call(plan, renewed):
    """Views of the states of the call before would be trained, and the new ones left alone."""
    # The first two are stacked; the third has another form of update, and trains apart.
    networks = [multilayer_perceptron(6, hidden, 1) for hidden in ((4,), (), (3,))]
    rules = [SGD(momentum=0.5), SGD(momentum=0.8, l2=0.1), SGD()]
    X = np.random.default_rng(0).standard_normal((20, 6))
    Y = (X[:, :1] > 0).astype(float)

    def states():
        made = []
        for network, rule in zip(networks, rules, strict=True):
            weights = initialize(network, "glorot_normal", np.random.default_rng(1), "float64")
            slots = aligned_zeros(rule.slots * len(weights), "float64")
            made.append(TrainingState(weights, slots))
        return made

    def compiled():
        return registry.load("numba_cpu").compile_many(
            *(networks, loss_named("binary_cross_entropy"), rules, np.dtype("float64")),
            Workload(20, epochs=2, plan=plan),
        )

    def run(program, trained):
        steps = [Steps(np.arange(20), 0, 20, 1, 0.1)] * 3
        program.run_epoch(trained, X, Y, steps, np.zeros((3, 20)), (0, 1, 2))
        program.synchronize(trained)

    used, program = states(), compiled()
    run(program, used)
    renewing = [states()[k] if k in renewed else state for k, state in enumerate(used)]
    fresh = [TrainingState(s.parameters.copy(), s.optimizer_state.copy()) for s in renewing]
    run(program, renewing)
    run(compiled(), fresh)
    for got, wanted in zip(renewing, fresh, strict=True):
        assert got.parameters.tobytes() == wanted.parameters.tobytes()
        assert got.optimizer_state.tobytes() == wanted.optimizer_state.tobytes()


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("activations", [("tanh", "gelu"), ("relu", "elu"), ("silu", "selu")])
def test_networks_at_once_whose_first_layers_have_other_activations(plan, activations):
    """The first layers of a group share a record, which needs the routines of all."""
    cases = [dense_case(6, (4,), 1, activation, rows=20) for activation in activations]
    drawn, workload = [problem(case) for case in cases], runs.workload_of(cases[0], plan)
    parts = [[case.network for case in cases], cases[0].loss, [case.optimizer for case in cases]]
    program = registry.load("numba_cpu").compile_many(*parts, drawn[0].dtype, workload)
    states, losses = [one.state() for one in drawn], np.zeros((2, 20))
    steps = [runs.with_fields(one, Steps(np.arange(20), 0, 20, 1, 0.0)) for one in drawn]
    program.run_epoch(states, drawn[0].X, drawn[0].Y, steps, losses, [0, 1])
    program.synchronize(states)
    allowed = tolerances.after_steps(20, "float64")
    for case, state in zip(cases, states, strict=True):
        want = runs.expected(case, 1, False)
        for measure in runs.compare_states(case.network.layout, state, want, allowed):
            assert measure.passed, str(measure)


def test_one_network_by_the_program_of_many_trains_as_by_its_own():
    """A session never asks for that, but the contract allows it."""
    backend, case = registry.load("numba_cpu"), dense_case(6, (4,), 1, rows=20)
    drawn, workload = problem(case), runs.workload_of(case, "auto")
    parts = [case.network], case.loss, [case.optimizer], drawn.dtype, workload
    state, steps = drawn.state(), runs.with_fields(drawn, Steps(np.arange(20), 0, 20, 1, 0.0))
    program = backend.compile_many(*parts)
    program.run_epoch([state], drawn.X, drawn.Y, [steps], np.zeros((1, 20)), [0])
    program.synchronize([state])
    want = runs.trained(runs.compiled(backend, case, "auto"), case, 1, False)
    allowed = tolerances.after_steps(20, "float64")
    for measure in runs.compare_states(case.network.layout, state, want, allowed):
        assert measure.passed, str(measure)


def test_updates_in_parts_of_a_wide_layer_train_as_the_reference():
    # 130 units: two products, and in the first of them several updates.
    network, loss = multilayer_perceptron(1500, (130,), 2), loss_named("categorical_cross_entropy")
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((200, 1500)), np.eye(2)[rng.integers(2, size=200)]
    found = []
    for name in ("reference", "numba_cpu"):
        program = registry.load(name).compile(network, loss, Adam(l2=0.01), np.dtype(float))
        drawn = initialize(network, "glorot_normal", np.random.default_rng(1), float)
        state = TrainingState(drawn, aligned_zeros(2 * len(drawn), float))
        program.run_epoch(state, X, Y, Steps(np.arange(200), 0, 200, 200, 0.01), np.zeros(200))
        program.synchronize(state)
        found.append(state.parameters)
    np.testing.assert_allclose(found[1], found[0], atol=1e-12)


def test_kernels_are_warmed_up_once_for_networks_of_any_size(monkeypatch):
    warmed, real = [], TrainerFactory._warm_up

    def recorded(factory, member):
        warmed.append(member.network.inputs)
        real(factory, member)

    def warm_up(inputs, *, hidden=None, loss="binary_cross_entropy", optimizer=None, **changes):
        network = Network((inputs,), (hidden or Dense(5, "tanh"), Dense(1)))
        dtype = np.dtype(changes.pop("dtype", "float64"))
        workload = Workload(**{"rows": 20, "batch_size": 2, "plan": "direct"} | changes)
        parts = network, loss_named(loss), optimizer or SGD(), dtype
        NumbaBackend().compile(*parts, workload).warm_up()

    monkeypatch.setattr(TrainerFactory, "_warm_up", recorded)
    monkeypatch.setattr(trainers, "_warm", set())
    monkeypatch.setattr(trainers, "sharing_threads", lambda *_: 2)
    others = [
        {"hidden": Dense(5, "relu")},
        {"hidden": Dense(5, "tanh", trainable=False)},
        {"loss": "mean_squared_error"},
        {"optimizer": Adam()},
        {"optimizer": Adam(clip_norm=1.0)},
        {"dtype": "float32"},
        {"batch_size": 1},
        {"threads": 2},
        {"plan": "blocked"},
        {"plan": "dual"},
    ]
    for options in ({}, *others):
        warm_up(30, **options)
    assert warmed == [30] * 11
    for options in ({}, *others):
        warm_up(31, **options)
    assert warmed == [30] * 11


@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_kernel_is_looked_for_once_the_program_is_warm(plan, dtype, monkeypatch):
    """A kernel that is compiled, or loaded, within a training counts as its time."""
    found, real = [], Routine.address
    monkeypatch.setattr(Routine, "address", lambda *of: [found.append(of), real(*of)][1])
    monkeypatch.setattr(trainers, "_warm", set())
    network, loss = multilayer_perceptron(40, (5,), 1), loss_named("binary_cross_entropy")
    workload = Workload(20, 1, plan=plan)
    program = NumbaBackend().compile(network, loss, SGD(), np.dtype(dtype), workload)
    program.warm_up()
    assert program.plan.name == plan
    warm = {*found}
    found.clear()
    drawn = initialize(network, "glorot_normal", np.random.default_rng(1), dtype)
    state = TrainingState(drawn, aligned_zeros(0, dtype))
    X, Y = np.ones((20, 40), dtype), np.ones((20, 1), dtype)
    program.run_epoch(state, X, Y, Steps(np.arange(20), 0, 20, 1, 0.01), np.zeros(20, dtype))
    program.logits(state, X)
    program.synchronize(state)
    program.predict(state.parameters, X)
    assert {*found} <= warm
