"""The contract as data and signatures, and the engine's own losses."""

import inspect

import numpy as np
import pytest
from scipy import special

from samplewise import registry
from samplewise.contract import Backend, Capabilities, PlanSpec, Program
from samplewise.errors import ParameterError
from samplewise.network import LOSSES, SGD, ClassLoss, loss_named, multilayer_perceptron
from samplewise.network.losses.links import sigmoid, softmax
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.problems import problem

BACKENDS = ("reference", "vectorized", "numba_cpu")
# Members of a backend that need not be there.
LEFT_OUT = {"compile_many", "on_device", "unavailable", "prepare"}
HUGE = [-1000.0, -745.0, -89.0, -40.0, -1.0, -0.0, 0.0, 0.5, 37.0, 88.8, 710.0, 1000.0]
OPERATION = {dtype: tolerances.tolerance("operation", dtype) for dtype in ("float64", "float32")}


def public_methods(protocol):
    return [name for name, _ in inspect.getmembers(protocol, inspect.isfunction) if name[0] != "_"]


def parameters_of(function):
    """Names, kinds and defaults; annotations may use aliases."""
    signature = inspect.signature(function)
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


@pytest.mark.parametrize("name", BACKENDS)
def test_signatures_are_those_of_the_contract(name):
    backend = registry.load(name)
    program = runs.program_of(backend, dense_case(3, (2,), 1))
    assert hasattr(backend, "compile_many") or not backend.capabilities.many
    for protocol, thing in ((Program, program), (Backend, backend)):
        for method in public_methods(protocol):
            if method not in LEFT_OUT or hasattr(thing, method):
                wanted = parameters_of(getattr(protocol, method))
                assert parameters_of(getattr(type(thing), method)) == wanted, method
    assert backend.name == name
    assert isinstance(backend.capabilities, Capabilities)


@pytest.mark.parametrize(("given", "wanted"), [({}, True), ({"deterministic": False}, False)])
def test_a_backend_is_deterministic_unless_it_says_otherwise(given, wanted):
    tables = dict.fromkeys(("layers", "activations", "losses", "optimizers"), ())
    assert Capabilities.of(**tables, **given).deterministic is wanted


def capabilities(**changes):
    offered = {
        "layers": frozenset({"dense"}),
        "activations": frozenset({"identity", "tanh"}),
        "losses": frozenset({"binary_cross_entropy"}),
        "optimizers": frozenset({"sgd"}),
        "dtypes": frozenset({"float64"}),
        "deterministic": True,
    }
    return Capabilities(**(offered | changes))


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, []),
        ({"layers": frozenset()}, ["layer 'dense'"]),
        ({"activations": frozenset({"identity"})}, ["activation 'tanh'"]),
        ({"losses": frozenset()}, ["loss 'binary_cross_entropy'"]),
        ({"optimizers": frozenset()}, ["optimizer 'sgd'"]),
        ({"dtypes": frozenset({"float32"})}, ["dtype 'float64'"]),
        (
            {"activations": frozenset(), "dtypes": frozenset()},
            ["activation 'identity'", "activation 'tanh'", "dtype 'float64'"],
        ),
    ],
)
def test_missing_names_what_a_run_needs_and_the_backend_lacks(changes, missing):
    network = multilayer_perceptron(3, [4, 4], 1, "tanh")
    loss = loss_named("binary_cross_entropy")
    assert capabilities(**changes).missing(network, loss, SGD(), np.dtype("float64")) == missing


@pytest.mark.parametrize("dtype", OPERATION)
def test_sigmoid_and_softmax_agree_with_scipy(dtype):
    z = np.concatenate([HUGE, np.linspace(-30, 30, 1001)]).astype(dtype)
    rows = np.random.default_rng(0).standard_normal((50, 7)).astype(dtype) * 5
    wide = z.astype(np.float64)
    for what, got, wanted in (
        ("sigmoid", sigmoid(z), special.expit(wide)),
        ("softmax", softmax(rows), special.softmax(rows.astype(np.float64), axis=1)),
    ):
        # What underflows in float32 is compared against the smallest normal number.
        floor = tolerances.Tolerance(OPERATION[dtype].relative, np.finfo(dtype).tiny, "underflow")
        tolerance = floor if what == "sigmoid" else tolerances.tolerance("forward", dtype)
        measure = measures.entries(what, got.astype(np.float64), wanted, tolerance)
        assert measure.passed, str(measure)


@pytest.mark.parametrize("dtype", OPERATION)
@pytest.mark.parametrize("name", [n for n, kind in LOSSES.items() if issubclass(kind, ClassLoss)])
def test_probabilities_sum_to_1_and_are_never_nan(name, dtype):
    outputs = 1 if name == "binary_cross_entropy" else 3
    Z = np.array([np.roll(HUGE, shift)[:outputs] for shift in range(len(HUGE))], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        p = loss_named(name).probabilities(Z)
    assert p.dtype == dtype
    assert p.shape == (len(Z), max(outputs, 2))
    assert ((p >= 0) & (p <= 1)).all()
    total = measures.entries("sum", p.sum(axis=1), np.ones(len(Z), dtype), OPERATION[dtype])
    assert total.passed, str(total)


@pytest.mark.parametrize("dtype", OPERATION)
def test_binary_mean_is_the_log_of_scipy_s_probabilities(dtype):
    z = np.array(HUGE, dtype=dtype)[:, None]
    loss = loss_named("binary_cross_entropy")
    for target, exact in ((0.0, -special.log_expit(-z)), (1.0, -special.log_expit(z))):
        got = np.array(
            [loss.mean(z[i : i + 1], np.full((1, 1), target, dtype)) for i in range(len(z))]
        )
        allowed = tolerances.tolerance("forward", dtype)
        measure = measures.entries("mean", got, exact[:, 0].astype(np.float64), allowed)
        assert measure.passed, str(measure)


@pytest.mark.parametrize("dtype", OPERATION)
def test_categorical_mean_is_scipy_s_log_softmax(dtype):
    Z = np.array([np.roll(HUGE, shift)[:3] for shift in range(len(HUGE))], dtype=dtype)
    loss = loss_named("categorical_cross_entropy")
    labels = np.arange(len(Z)) % 3
    exact = -special.log_softmax(Z.astype(np.float64), axis=1)[np.arange(len(Z)), labels]
    Y = loss.targets(labels, 3, dtype)
    got = np.array([loss.mean(Z[i : i + 1], Y[i : i + 1]) for i in range(len(Z))])
    measure = measures.losses(got, exact, tolerances.tolerance("forward", dtype))
    assert measure.passed, str(measure)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("dtype", OPERATION)
@pytest.mark.parametrize("edge", ["", "saturated, right", "saturated, wrong"])
def test_the_engine_s_mean_is_that_of_the_reference(edge, dtype, outputs):
    case = dense_case(4, (3,), outputs, "tanh", rows=8, dtype=dtype, edge=edge)
    drawn = problem(case)
    program = runs.program_of(registry.load("reference"), case)
    wanted, _ = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    got = drawn.loss.mean(program.predict(drawn.parameters, drawn.X), drawn.Y)
    allowed = tolerances.tolerance("forward", dtype)
    measure = measures.entries("mean", np.array([got]), np.array([wanted]), allowed)
    assert measure.passed, str(measure)


@pytest.mark.parametrize("dtype", OPERATION)
def test_the_rarer_class_keeps_its_digits(dtype):
    z = np.array([[40.0], [17.0]], dtype=dtype)
    got = loss_named("binary_cross_entropy").probabilities(z)[:, 0]
    wanted = special.expit(-z[:, 0].astype(np.float64))
    measure = measures.entries("1 - p", got.astype(np.float64), wanted, OPERATION[dtype])
    assert measure.passed, str(measure)


@pytest.mark.parametrize("dtype", OPERATION)
@pytest.mark.parametrize("name", BACKENDS)
def test_the_loss_of_a_right_answer_keeps_its_digits(name, dtype):
    """Far from the threshold it is far smaller than one unit in the last place of the logit."""
    loss, network = loss_named("binary_cross_entropy"), multilayer_perceptron(1, (), 1)
    program = registry.load(name).compile(network, loss, SGD(), np.dtype(dtype))
    parameters = network.layout.zeros(dtype)
    network.layout.views(parameters)["0.weight"][...] = 1
    for z in (5.0, 17.0, 30.0):
        X = np.array([[z], [-z]], dtype=dtype)
        Y = np.array([[1], [0]], dtype=dtype)
        wanted = np.array([-special.log_expit(z)])
        for got in (program.gradients(parameters, X, Y)[0], loss.mean(X, Y)):
            measure = measures.entries("loss", np.array([got]), wanted, OPERATION[dtype])
            assert measure.passed, str(measure)


PLAN_TEXTS = {
    "auto": PlanSpec(),
    "direct": PlanSpec("direct"),
    "direct:thin": PlanSpec("direct", None, "thin"),
    "dual": PlanSpec("dual"),
    "blocked:64": PlanSpec("blocked", 64),
    "blocked:64:tiled+loops": PlanSpec("blocked", 64, "tiled+loops"),
}


@pytest.mark.parametrize("text", PLAN_TEXTS)
def test_a_plan_is_read_as_it_is_written(text):
    assert PlanSpec.parse("plan", text) == PLAN_TEXTS[text]
    assert str(PLAN_TEXTS[text]) == text


@pytest.mark.parametrize(
    "text",
    [
        *("direct:64", "direct:64:thin", "direct:Thin", "auto:64", "auto:thin"),
        *("blocked:", "blocked:tiled", "blocked:1234567890"),
        *("blocked:0", "blocked:-4", "blocked:6.4"),
        *("blocked:64:", "blocked:64:Tiled", "blocked:64:a:b"),
    ],
)
def test_a_plan_with_other_details_is_refused(text):
    name = text.partition(":")[0]
    message = f"must be {name}, or {name}:64 for blocks of 64 rows .1 to 999,999,999., or the whole"
    if name in ("direct", "auto"):
        message = "only blocked and dual take a block of rows"
    with pytest.raises(ParameterError, match=message):
        PlanSpec.parse("plan", text)


@pytest.mark.parametrize("given", ["", "fast", "fast:64", None, 3, " blocked"])
def test_a_plan_of_another_name_is_refused(given):
    with pytest.raises(ParameterError, match="plan: must be one of auto, direct, block"):
        PlanSpec.parse("plan", given)


def test_a_plan_is_filled_in_with_what_was_recorded_as_far_as_it_is_open():
    recorded = PlanSpec("blocked", 64, "tiled")
    for text in ("auto", "blocked", "blocked:64"):
        assert PlanSpec.parse("plan", text).filled_in(recorded) == recorded
    for text in ("direct", "dual:64", "blocked:32", "blocked:64:loops"):
        named = PlanSpec.parse("plan", text)
        assert named.filled_in(recorded) == named
