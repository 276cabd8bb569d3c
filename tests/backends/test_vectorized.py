"""The matrix backend: its blocks, its choice of a plan, and what it spares the processor."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Steps, Workload
from samplewise.network import (
    SGD,
    Adam,
    RMSprop,
    multilayer_perceptron,
)
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.cases import LONG_ROWS, dense_case
from samplewise.testing.factors import LINEAR_OPTIMIZERS
from samplewise.testing.problems import problem
from samplewise.testing.runs import compare_states
from samplewise.training import batches
from samplewise_backends.exact.recurrence import Recurrence
from samplewise_backends.vectorized.flush import Flush, flush_interval, flush_threshold
from samplewise_backends.vectorized.gram import Gram
from samplewise_backends.vectorized.penalties import clip_norm
from samplewise_backends.vectorized.plans import BLOCK_ROWS, choose
from samplewise_backends.vectorized.trained import TrainedParameters

FLOAT64 = np.dtype("float64")
BACKEND = registry.load("vectorized")
LONG = dense_case(20, (6, 5), 1, "tanh", rows=LONG_ROWS, learning_rate=0.005)


def chosen(sizes=(784, 256, 1), rule=SGD(), dtype=FLOAT64, **workload):  # noqa: B008 - frozen
    inputs, *hidden, outputs = sizes
    network = multilayer_perceptron(inputs, hidden, outputs)
    return choose(network, rule, dtype, Workload(**({"rows": 800, "epochs": 10} | workload)))[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", LINEAR_OPTIMIZERS, ids=str)
def test_the_closed_form_is_the_rule_step_by_step(rule, dtype):
    """In float32 it is that of the rounded rate and options, by which a step is made there."""
    eta, rng = 0.05, np.random.default_rng(0)
    form = Recurrence.of(rule, eta, 30, np.dtype(dtype))
    eta, momentum, l2 = (float(np.dtype(dtype).type(x)) for x in (eta, rule.momentum, rule.l2))
    rule = replace(rule, momentum=momentum, l2=l2)
    gradients = rng.standard_normal(30)
    W = start = rng.standard_normal()
    V = velocity = rng.standard_normal() if rule.momentum else 0.0
    for g in gradients:
        penalised = g + rule.l2 * W
        V = rule.momentum * V + penalised
        W -= eta * (penalised + rule.momentum * V if rule.nesterov else V)
    folded = gradients if rule.momentum else eta * gradients
    size = form.powers.shape[-1]
    got = form.powers[-1] @ np.array([start, velocity])[:size] + form.responses[::-1].T @ folded
    allowed = tolerances.after_steps(len(gradients), "float64")
    measure = measures.losses(got, np.array([W, V])[:size], allowed)
    assert measure.passed, str(measure)


def test_a_power_is_the_nearest_float():
    """Products of rounded products would be off by an ulp a step, the same way in every block."""
    form = Recurrence.of(SGD(l2=0.1), 0.01, 64, FLOAT64)
    shrink = 1 - int(0.01 * 2**70) * int(0.1 * 2**70) / 2**140
    assert form.powers[1, 0, 0] == shrink
    exact = (2**140 - int(0.01 * 2**70) * int(0.1 * 2**70)) ** 64
    assert form.powers[64, 0, 0] == exact / 2 ** (140 * 64)


@pytest.mark.parametrize("rule", [SGD(), LINEAR_OPTIMIZERS[-1]], ids=str)
def test_one_program_serves_any_batch_size_and_window(rule):
    case = replace(LONG, optimizer=rule)
    drawn = problem(case)
    program = runs.program_of(BACKEND, case, "blocked")
    reference = runs.program_of(registry.load("reference"), case)
    order = batches.fixed_order(LONG_ROWS)
    states = got, want = drawn.state(), drawn.state()
    for batch_size, start, stop in ((1, 0, 70), (7, 70, 301), (64, 64, 192), (301, 0, 301)):
        steps = Steps(order, start, stop, batch_size, drawn.learning_rate)
        for trainee, state in zip((program, reference), states, strict=True):
            trainee.run_epoch(state, drawn.X, drawn.Y, steps, np.zeros(LONG_ROWS))
    allowed = tolerances.after_steps(1000, "float64")
    for measure in compare_states(case.network.layout, got, want, allowed):
        assert measure.passed, str(measure)


@pytest.mark.parametrize("rule", [SGD(), SGD(l2=0.1), LINEAR_OPTIMIZERS[-1]], ids=str)
@pytest.mark.parametrize("plan", ["direct", "blocked"])
def test_the_rate_of_each_call_is_obeyed(plan, rule):
    case = replace(LONG, optimizer=rule)
    drawn, program = problem(case), runs.program_of(BACKEND, case, plan)
    reference = runs.program_of(registry.load("reference"), case)
    order, states = batches.fixed_order(LONG_ROWS), (drawn.state(), drawn.state())
    for rate in (0.01, 0.002, 0.0):
        steps = Steps(order, 0, LONG_ROWS, 1, rate)
        for trainee, state in zip((program, reference), states, strict=True):
            trainee.run_epoch(state, drawn.X, drawn.Y, steps, np.zeros(LONG_ROWS))
    allowed = tolerances.after_steps(3 * LONG_ROWS, "float64")
    for measure in compare_states(case.network.layout, *states, allowed):
        assert measure.passed, str(measure)


def test_a_nan_reaches_no_row_before_it():
    drawn, program = problem(LONG), runs.program_of(BACKEND, LONG, "blocked")
    X, losses = drawn.X.copy(), np.zeros(LONG_ROWS)
    X[40, 3] = np.nan
    steps = Steps(batches.fixed_order(LONG_ROWS), 0, LONG_ROWS, 1, drawn.learning_rate)
    with np.errstate(all="ignore"):
        program.run_epoch(drawn.state(), X, drawn.Y, steps, losses)
    assert np.isfinite(losses[:40]).all()
    assert np.isnan(losses[40:]).all()


@pytest.mark.parametrize("what", ["X", "order"])
def test_rows_and_order_that_were_written_to_are_seen(what):
    """Where the caller may write, inner products of the epoch before may be those of other rows."""
    drawn, program = problem(LONG), runs.program_of(BACKEND, LONG, "blocked")
    arrays = {"X": drawn.X.copy(), "order": np.arange(LONG_ROWS)}
    for epoch in range(2):
        if epoch:
            arrays[what][:] = arrays[what][::-1].copy()
        X, order = arrays["X"], arrays["order"]
        state, losses = drawn.state(), np.zeros(LONG_ROWS)
        program.run_epoch(state, X, drawn.Y, Steps(order, 0, LONG_ROWS, 1, 0.005), losses)
        fresh, wanted = runs.program_of(BACKEND, LONG, "blocked"), np.zeros(LONG_ROWS)
        fresh.run_epoch(drawn.state(), X, drawn.Y, Steps(order, 0, LONG_ROWS, 1, 0.005), wanted)
        assert losses.tobytes() == wanted.tobytes()


def frozen(array):
    array.flags.writeable = False
    return array


def test_inner_products_are_kept_while_rows_and_order_stay():
    X, order = frozen(np.random.default_rng(0).standard_normal((20, 3))), frozen(np.arange(20))
    gram = Gram(100, FLOAT64, budget=2 * 100 * 8)
    gram.begin(X, order)
    first, second = gram.of(X[:10], 0), gram.of(X[10:], 10)
    gram.begin(X, order)
    assert gram.of(X[:10], 0) is first
    assert gram.of(X[10:], 10) is second
    assert (first == X[:10] @ X[:10].T).all()
    others = [(X, frozen(np.arange(20))), (frozen(X.copy()), order), (X, np.arange(20))]
    for other in others:
        gram.begin(X, order)
        kept = gram.of(X[:10], 0)
        gram.begin(*other)
        assert gram.of(X[:10], 0) is not kept


def test_what_does_not_fit_is_computed_each_time():
    X, order = frozen(np.random.default_rng(0).standard_normal((20, 3))), frozen(np.arange(20))
    gram = Gram(100, FLOAT64, budget=100 * 8)
    gram.begin(X, order)
    first, second = gram.of(X[:10], 0), gram.of(X[10:], 10)
    assert gram.of(X[:10], 0) is first
    assert gram.of(X[10:], 10) is not second
    assert (gram.of(X[10:], 10) == X[10:] @ X[10:].T).all()


def test_large_layers_and_few_rows_a_step_are_blocked():
    assert chosen().name == "blocked"
    assert chosen(batch_size=16).name == "blocked"
    assert chosen((784, 10, 1)).name == "blocked"
    assert chosen((784, 10, 1), batch_size=4, shuffle=True).name == "direct"
    assert chosen(batch_size=32).name == "direct"
    assert chosen(batch_size=16, rule=SGD(momentum=0.9)).name == "direct"
    assert chosen((20, 10, 1), batch_size=2).name == "direct"


def test_a_plan_that_is_asked_for_is_taken():
    assert chosen(plan="direct").name == "direct"
    assert chosen((20, 10, 1), plan="blocked", batch_size=2).name == "blocked"
    assert chosen(plan="blocked", batch_size=800).name == "blocked"


def test_memory_is_kept_to():
    whole = chosen(rows=100_000)
    inner_products = 100_000 * BLOCK_ROWS * 8
    assert whole.memory_bytes > inner_products
    little = chosen(rows=100_000, memory_mb=16)
    assert little.name == "blocked"
    assert little.memory_bytes < 16 * 2**20
    for changes in ({"shuffle": True}, {"epochs": 1}):
        assert chosen(rows=100_000, **changes).memory_bytes == little.memory_bytes
    none = chosen(memory_mb=1, plan="blocked", sizes=(20_000, 32, 1))
    assert none.name == "direct"
    assert "memory_mb is 1" in none.reason


@pytest.mark.parametrize("batch_size", [1, 7, 48])
@pytest.mark.parametrize("sizes", [(784, 256, 1), (5, 1), (20_000, 2_000, 10)])
def test_a_chunk_is_whole_blocks_of_whole_batches_and_bounded(sizes, batch_size):
    plan = chosen(sizes, plan="blocked", batch_size=batch_size)
    assert plan.block % batch_size == 0
    assert plan.chunk <= 16_384
    if plan.chunk > plan.block:
        assert plan.chunk % plan.block == 0


def test_a_plan_says_why():
    assert chosen(plan="direct").reason == chosen(plan="blocked").reason == "asked for"
    assert "once" in chosen().reason
    assert "less than they cost" in chosen((20, 10, 1), batch_size=2).reason
    assert "nothing is known" in runs.program_of(BACKEND, LONG).plan.reason


@pytest.mark.parametrize(
    "rule", [Adam(beta1=0.1), Adam(beta2=0.1), RMSprop(rho=0.1), SGD(momentum=0.1)], ids=str
)
def test_what_shrinks_the_fastest_says_how_often_it_is_flushed(rule):
    """At 0.1 a vector passes from the threshold of flushing to subnormal numbers in 12 steps."""
    network = multilayer_perceptron(3, (), 1)
    of_rule, of_sgd = (TrainedParameters(each, network, FLOAT64, 0) for each in (rule, SGD()))
    assert of_rule.flush_interval == flush_interval(0.1) == 4
    assert of_sgd.flush_interval == 64


def test_what_is_flushed_is_far_below_rounding_and_nan_stays():
    for dtype in ("float32", "float64"):
        threshold = flush_threshold(np.dtype(dtype))
        assert threshold < np.finfo(dtype).eps ** 3
        values = np.array([1, -threshold, threshold / 2, -threshold / 2, np.nan, 0, -np.inf], dtype)
        wanted = np.array([1, -threshold, 0, 0, np.nan, 0, -np.inf], dtype)
        Flush(10, np.dtype(dtype))(values)
        np.testing.assert_array_equal(values, wanted)


def test_between_two_flushes_a_velocity_stays_normal():
    for momentum in (0.001, 0.1, 0.5, 0.84, 0.9, 0.99):
        steps = flush_interval(momentum)
        assert 1 <= steps <= 64
        if steps > 1:
            shrunk = momentum**steps * flush_threshold(FLOAT64)
            assert shrunk >= np.finfo(FLOAT64).tiny * 2**24


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("plan", ["direct", "blocked"])
@pytest.mark.parametrize("rule", [SGD(), LINEAR_OPTIMIZERS[-1]], ids=str)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_an_epoch_allocates_next_to_nothing(batch_size, rule, plan, shuffle):
    case = dense_case(600, (50,), 1, batch_size=batch_size, rows=140, optimizer=rule)
    drawn, program = problem(case), runs.program_of(BACKEND, case, plan, shuffle=shuffle)
    order = batches.fixed_order(140)
    if shuffle:
        order = frozen(np.random.default_rng(0).permutation(140))
    state, losses = drawn.state(), np.zeros(140)
    steps = Steps(order, 0, 140, batch_size, drawn.learning_rate)
    program.run_epoch(state, drawn.X, drawn.Y, steps, losses)
    tracemalloc.start()
    program.run_epoch(state, drawn.X, drawn.Y, steps, losses)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # NumPy broadcasts through a buffer of at most 8192 numbers; the weights take 240,000 bytes.
    assert peak < 8 * np.getbufsize() + 8_000


def test_a_block_has_no_more_batches_than_there_are():
    plan = chosen(rows=50, batch_size=20, plan="blocked", block=999_999_999)
    assert (plan.name, plan.block) == ("blocked", 60)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_limit_of_the_norm_hides_nothing_and_spreads_no_nan(bad):
    gradient = np.array([0.0, bad, 0.0])
    clip_norm(gradient, 0.5, np.empty(3))
    np.testing.assert_array_equal(gradient, [0.0, bad, 0.0])
