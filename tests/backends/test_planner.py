"""The planner: what is asked for is done where it fits, and the choice is said with its reason."""

import dataclasses

import numpy as np
import pytest

from samplewise.contract import PLANS, Workload
from samplewise.errors import ParameterError
from samplewise.network import SGD, Adam, Network, RMSprop, multilayer_perceptron
from samplewise.network.layer_spec import layers_from
from samplewise_backends.numba_cpu.compile import key
from samplewise_backends.numba_cpu.kernels.products import THIN
from samplewise_backends.numba_cpu.planner import calibration, choice
from samplewise_backends.numba_cpu.planner import costs as costs_module
from samplewise_backends.numba_cpu.planner.calibration import (
    V3,
    V4,
    built_in_rates,
    nearest_machine,
)
from samplewise_backends.numba_cpu.planner.choice import choose
from samplewise_backends.numba_cpu.planner.direct_costs import DirectCosts
from samplewise_backends.numba_cpu.planner.products import far_times
from samplewise_backends.numba_cpu.planner.rates import FAR_BYTES
from samplewise_backends.numba_cpu.planner.step_costs import Estimate, alike
from samplewise_backends.numba_cpu.plans.members import Member

FLOAT32 = np.dtype("float32")


@pytest.fixture(autouse=True)
def calibrated(monkeypatch):
    """Go by built-in rates, as if nobody had measured; return the dtypes that are measured."""
    known, asked = {}, []

    def calibrate(dtype):
        asked.append(dtype)
        known[dtype] = calibration.Calibration(built_in_rates(dtype, V4))
        return known[dtype]

    def known_rates(dtype):
        built_in = calibration.Calibration(built_in_rates(dtype, V3), "nobody measured")
        return known.get(dtype, built_in)

    monkeypatch.setattr(choice, "known_rates", known_rates)
    monkeypatch.setattr(choice, "calibrate", calibrate)
    return asked


def chosen(workload, inputs=784, hidden=(10,), optimizer=None):
    member = Member(multilayer_perceptron(inputs, hidden, 1), optimizer or SGD())
    return choose([member], workload, FLOAT32)


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_that_is_asked_for_is_taken(plan):
    found = chosen(Workload(800, epochs=10, plan=plan)).plan
    assert found.name == plan
    assert "asked for" in found.reason
    assert found.in_place == (plan != "dual")


def test_a_plan_beyond_the_memory_falls_back_and_says_so():
    found = chosen(Workload(3000, plan="dual", memory_mb=8)).plan
    assert found.name == "blocked"
    assert "does not fit the memory" in found.reason
    assert found.memory_bytes <= 8 * 2**20


def test_few_wide_rows_and_many_epochs_take_the_dual_plan():
    assert chosen(Workload(500, epochs=20), inputs=20_000, hidden=(32,)).plan.name == "dual"


def test_gram_blocks_are_kept_only_while_the_order_holds():
    assert chosen(Workload(800, epochs=10, plan="blocked")).keeps_gram
    assert not chosen(Workload(800, epochs=10, plan="blocked", shuffle=True)).keeps_gram


@pytest.mark.parametrize("batch_size", [1, 7, 32, 500])
def test_blocks_are_whole_batches(batch_size):
    found = chosen(Workload(800, batch_size, plan="blocked")).plan
    assert found.block % batch_size == 0


def test_the_choice_is_the_same_each_time_and_has_its_predictions():
    workload = Workload(800, epochs=10)
    found = chosen(workload).plan
    assert found == chosen(workload).plan
    assert found.epoch_ms == found.alternatives[found.name] > 0
    assert set(found.alternatives) == set(PLANS)


def test_gram_blocks_count_against_the_memory():
    # 300,000 rows by 16 or more take 18 MiB and more; a block and its buffers less than 1.
    rows = {
        mb: chosen(Workload(300_000, epochs=50, plan="blocked", memory_mb=mb)) for mb in (1, 99)
    }
    assert rows[99].keeps_gram
    assert not rows[1].keeps_gram
    assert "do not fit the memory" in rows[1].plan.reason
    assert rows[1].plan.memory_bytes <= 2**20


def test_gram_blocks_of_networks_that_may_be_an_epoch_apart_count_twice():
    members = [Member(multilayer_perceptron(784, (10,), 1), SGD())] * 4
    asked = Workload(300_000, epochs=50, plan="blocked", block=16, memory_mb=99)
    memory = [
        choose(members, dataclasses.replace(asked, shuffle=shuffle), FLOAT32).plan.memory_bytes
        for shuffle in (False, True)
    ]
    assert memory[1] - memory[0] == 300_000 * 16 * FLOAT32.itemsize


def test_without_memory_steps_are_made_one_by_one():
    found = chosen(Workload(800, epochs=10, plan="blocked", memory_mb=0)).plan
    assert found.name == "direct"
    assert "does not fit the memory" in found.reason


class Costs:
    """Costs that a test sets for each plan, an epoch and once, in milliseconds."""

    def __init__(self, blocked=(100.0, 0.0), direct=(200.0, 0.0), dual=(200.0, 0.0)):
        self.ms = {"blocked": blocked, "direct": direct, "dual": dual}

    def __call__(self, *given):
        return self

    def _estimate(self, name, row_ns=1.0):
        epoch_ms, setup_ms = self.ms[name]
        return Estimate(setup_ms * 1e6, epoch_ms * 1e6, (1, 2, 0), row_ns)

    def direct(self):
        return self._estimate("direct")

    def blocked(self, block, *, keeps_gram):
        return self._estimate("blocked")

    def dual(self, block):
        return self._estimate("dual")


@pytest.mark.parametrize(
    ("costs", "taken"),
    [
        (Costs(), "blocked"),
        (Costs(direct=(96.0, 0.0)), "blocked"),
        (Costs(direct=(95.0, 0.0)), "direct"),
        (Costs(dual=(96.0, 0.0)), "blocked"),
        (Costs(dual=(95.0, 0.0)), "dual"),
        (Costs(direct=(90.0, 0.0), dual=(91.0, 0.0)), "direct"),
        (Costs(direct=(91.0, 0.0), dual=(90.0, 0.0)), "dual"),
        # Of ten epochs, each bears a tenth of what is set up once.
        (Costs(dual=(80.0, 140.0)), "dual"),
        (Costs(dual=(80.0, 160.0)), "blocked"),
        (Costs(blocked=(80.0, 210.0), direct=(95.0, 0.0)), "direct"),
    ],
)
def test_blocked_is_given_up_for_what_is_faster_beyond_doubt(monkeypatch, costs, taken):
    monkeypatch.setattr(choice, "Costs", costs)
    found = chosen(Workload(800, epochs=10)).plan
    assert found.name == taken
    predicted = {name: epoch + once / 10 for name, (epoch, once) in costs.ms.items()}
    assert found.alternatives == pytest.approx(predicted, rel=1e-12)
    assert found.epoch_ms == found.alternatives[taken]
    close = min(predicted.values()) < predicted[taken]
    assert ("too close to give up blocked" in found.reason) == close
    assert f"{predicted[taken]:.3g} ms an epoch" in found.reason


def test_a_chunk_takes_as_long_as_an_interrupt_may_wait(monkeypatch):
    slow = Costs()
    # A row of a millisecond: 150 fit into 0.15 s, which are two blocks of 64, and one of 128.
    monkeypatch.setattr(slow, "_estimate", lambda name: Estimate(0.0, 1.0, (1, 2, 0), 1e6))
    monkeypatch.setattr(choice, "Costs", slow)
    for batch_size, block, chunk in ((1, 16, 144), (7, 14, 140), (100, 100, 100)):
        found = chosen(Workload(800, batch_size, plan="blocked")).plan
        assert (found.block, found.chunk) == (block, chunk)
    assert chosen(Workload(30, plan="blocked")).plan.chunk == 32
    # Of the direct plan too, also where there is no other.
    for optimizer in (SGD(), Adam()):
        for rows, chunk in ((800, 150), (30, 30)):
            assert (
                chosen(Workload(rows, 16, plan="direct"), optimizer=optimizer).plan.chunk == chunk
            )
    monkeypatch.setattr(slow, "_estimate", lambda name: Estimate(0.0, 1.0, (1, 2, 0), 2e6))
    assert chosen(Workload(800, 64, plan="blocked")).plan.chunk == 64


@pytest.mark.parametrize("optimizer", [SGD(), Adam()], ids=lambda one: one.name)
def test_a_direct_plan_whose_speed_is_known_has_such_chunks_too(optimizer, monkeypatch):
    """Also where no other plan could be chosen, of batches with lanes or of linear steps."""
    slow = Costs()
    monkeypatch.setattr(slow, "_estimate", lambda name: Estimate(0.0, 1.0, (THIN, 0, 0), 1e6))
    monkeypatch.setattr(choice, "Costs", slow)
    for rows, chunk in ((800, 150), (30, 30)):
        found = chosen(Workload(rows, 7, plan="direct"), optimizer=optimizer).plan
        assert (found.name, found.block, found.chunk) == ("direct", None, chunk)


def chunk_of(spec, inputs=(1, 28, 28), batch_size=32, rows=10**6, members=1):
    member = Member(Network(inputs, layers_from(spec)), SGD())
    found = choose([member] * members, Workload(rows, batch_size), FLOAT32)
    return found.plan.chunk


def test_a_direct_plan_whose_speed_nobody_measured_has_chunks_too():
    conv = "conv 8x3 {}, pool 2, dense 10"
    relu, gelu = (chunk_of(conv.format(name)) for name in ("relu", "gelu"))
    assert 0 < gelu < relu / 2
    assert chunk_of(conv.format("relu"), batch_size=1) < relu
    assert chunk_of(conv.format("relu"), (1, 56, 56)) < relu / 3
    assert chunk_of(conv.format("relu"), rows=7) == 7
    assert chunk_of(conv.format("relu"), members=3) == pytest.approx(relu / 3, abs=1)
    assert chunk_of("conv 64x9, conv 64x9, dense 10", (3, 200, 200)) == 1


@pytest.mark.parametrize(("row_ns", "block"), [(1e6, 128), (1.2e6, 64), (3e6, 32), (2e7, 16)])
def test_no_block_but_the_least_keeps_an_interrupt_waiting(monkeypatch, row_ns, block):
    """A call takes 0.15 s at most: 128 rows of 1.2 ms would take longer."""

    class LargerIsFaster(Costs):
        def blocked(self, block, *, keeps_gram):
            return Estimate(0.0, 1e9 / block, (1, 2, 0), row_ns)

    monkeypatch.setattr(choice, "Costs", LargerIsFaster())
    assert chosen(Workload(800, plan="blocked")).plan.block == block


def test_weights_that_lie_far_away_make_no_product_faster():
    found = [far_times(((4.0, 8.0, 2.0, 1.0), (1.0, 1.0, 1.0, 0.5)), size) for size in FAR_BYTES]
    assert found == [[1.0, 1.0], [1.0, 1.0], [2.0, 1.0], [4.0, 2.0]]
    assert far_times(((4.0, 8.0, 2.0, 1.0),), 1) == [1.0]


def estimates(**workload):
    """Return what blocks of 64 cost with Gram blocks kept, and with them computed anew."""
    member = Member(multilayer_perceptron(784, (10,), 1), SGD())
    given = built_in_rates("float32"), [member], Workload(800, **workload), np.dtype("float32")
    found = costs_module.Costs(*given)
    return [found.blocked(64, keeps_gram=keeps) for keeps in (True, False)]


def test_gram_blocks_that_are_kept_cost_once():
    kept, anew = estimates(epochs=10)
    once = kept.setup_ns - anew.setup_ns
    assert once > 0
    assert anew.epoch_ns - kept.epoch_ns == pytest.approx(once, rel=1e-12)
    # The first epoch takes as long either way.
    assert kept.row_ns == anew.row_ns


@pytest.mark.parametrize("workload", [{"shuffle": True}, {"batch_size": 64}], ids=str)
def test_gram_blocks_that_do_not_hold_or_are_not_needed_save_nothing(workload):
    kept, anew = estimates(epochs=10, **workload)
    assert kept == anew


@pytest.mark.parametrize(("block", "batch_size", "taken"), [(32, 1, 32), (50, 16, 48)])
def test_a_block_that_is_asked_for_is_taken_in_whole_batches(block, batch_size, taken):
    for plan in ("blocked", "dual"):
        found = chosen(Workload(800, batch_size, 10, plan=plan, block=block)).plan
        assert (found.name, found.block) == (plan, taken)


@pytest.mark.parametrize(
    "workload",
    [
        {},
        {"plan": "dual", "block": 64, "products": "whole"},
        {"plan": "blocked", "block": 128, "products": "whole+loops"},
        {"batch_size": 7, "plan": "dual"},
        {"plan": "dual", "block": 64, "memory_mb": 1},
    ],
    ids=str,
)
def test_the_plan_that_was_taken_is_taken_again_with_any_rates(monkeypatch, workload):
    first = chosen(Workload(800, epochs=10, **workload))
    others = calibration.Calibration(built_in_rates("float32", V4))
    monkeypatch.setattr(choice, "known_rates", lambda dtype: others)
    again = {**workload, **first.plan.spec.fields()}
    second = chosen(Workload(800, epochs=10, **again))
    assert (second.plan.spec, second.kinds) == (first.plan.spec, first.kinds)


def test_the_predicted_time_is_that_of_the_products_asked_for():
    words = ("whole", "tiled", "loops")
    asked = {"plan": "blocked", "block": 32}
    taken = chosen(Workload(800, **asked)).plan
    ms = {
        f"{v}+{u}": chosen(Workload(800, **asked, products=f"{v}+{u}")).plan.epoch_ms
        for v in words
        for u in words
    }
    assert ms[taken.products] == taken.epoch_ms
    assert len(set(ms.values())) > 1
    assert min(ms.values()) > taken.epoch_ms / 1.1


@pytest.mark.parametrize(
    ("plan", "products", "said"),
    [
        ("blocked", "tiled", "one of whole, tiled, loops and one of whole, tiled, loops"),
        ("blocked", "tiled+fast", "got 'tiled\\+fast'; use blocked:32 or auto"),
        ("dual", "loops", "must be one of whole, tiled, joined"),
    ],
)
def test_products_that_there_are_not_are_refused(plan, products, said):
    with pytest.raises(ParameterError, match=said):
        chosen(Workload(800, plan=plan, block=32, products=products))


def test_a_block_that_does_not_fit_the_memory_is_said_with_the_plan():
    found = chosen(Workload(3000, plan="dual", block=32, memory_mb=8)).plan
    assert found.name == "blocked"
    assert "dual:32 was asked for, but does not fit the memory" in found.reason


def test_a_small_training_is_not_preceded_by_measuring(calibrated):
    found = chosen(Workload(800, epochs=10)).plan
    assert calibrated == []
    assert found.reason.endswith(f"; by built-in rates of {nearest_machine()}, as nobody measured")


def test_a_long_training_measures_once_and_goes_by_that(calibrated):
    long = Workload(800, epochs=1_000_000)
    found = chosen(long).plan
    assert calibrated == ["float32"]
    assert "built-in" not in found.reason
    assert chosen(long).plan == found
    assert calibrated == ["float32"]


@pytest.mark.parametrize(
    ("processor", "share"),
    [("znver5", calibration.SAVED), ("sapphirerapids", calibration.SAVED_ELSEWHERE)],
)
def test_measuring_has_to_save_more_than_it_takes(calibrated, monkeypatch, processor, share):
    monkeypatch.setattr(key, "processor", lambda: key.Processor(processor, ""))
    monkeypatch.setattr(calibration, "nearest_machine", lambda: "znver5")
    epoch_s = chosen(Workload(800, epochs=1000)).plan.epoch_ms / 1e3
    enough = calibration.MEASURING_S / share / epoch_s
    chosen(Workload(800, epochs=int(0.5 * enough)))
    assert calibrated == []
    chosen(Workload(800, epochs=int(2 * enough)))
    assert calibrated == ["float32"]


@pytest.mark.parametrize(
    "workload",
    [
        {"plan": "direct"},
        {"plan": "blocked", "block": 32, "products": "tiled+loops"},
        {"plan": "dual", "block": 32, "products": "tiled"},
    ],
    ids=str,
)
def test_where_rates_decide_nothing_nothing_is_measured(calibrated, workload):
    chosen(Workload(800, epochs=1_000_000, **workload))
    assert calibrated == []


def test_a_mini_batch_lies_in_the_lanes_whatever_the_optimizer():
    for optimizer in (SGD(momentum=0.9), Adam(), RMSprop(l1=0.1), Adam(clip_norm=1.0)):
        found = chosen(Workload(800, 16, 10), hidden=(128, 32), optimizer=optimizer)
        assert str(found.plan.spec) == "direct:thin"
        assert "the rows of a batch in the lanes of vectors" in found.plan.reason
        assert found.plan.in_place
        assert found.kinds[0] == THIN


@pytest.mark.parametrize("optimizer", [SGD(), Adam()], ids=["sgd", "adam"])
def test_the_direct_plan_goes_by_rows_unless_it_is_asked_for_otherwise(optimizer):
    rows = chosen(Workload(800, 16, 10, plan="direct"), optimizer=optimizer).plan
    thin = chosen(Workload(800, 16, 10, plan="direct", products="thin"), optimizer=optimizer).plan
    assert (str(rows.spec), str(thin.spec)) == ("direct", "direct:thin")


@pytest.mark.parametrize("optimizer", [SGD(), Adam()])
def test_a_single_row_cannot_lie_in_the_lanes(optimizer):
    workload = Workload(800, 1, 10, plan="direct", products="thin")
    assert str(chosen(workload, optimizer=optimizer).plan.spec) == "direct"


def test_a_direct_plan_has_no_other_products():
    with pytest.raises(ParameterError, match="must be one of thin, .*got 'loops'; use direct or"):
        chosen(Workload(800, 16, plan="direct", products="loops"))


def test_where_tiles_are_slow_here_the_batch_does_not_lie_in_the_lanes(monkeypatch):
    rates = built_in_rates("float32", V3)
    slow = tuple(
        tuple(tuple(rate / 50 for rate in line) for line in table) for table in rates.thin_values
    )
    known = calibration.Calibration(dataclasses.replace(rates, thin_values=slow))
    monkeypatch.setattr(choice, "known_rates", lambda dtype: known)
    adam = chosen(Workload(800, 16, 10), hidden=(128,), optimizer=Adam())
    assert str(adam.plan.spec) == "direct"
    assert chosen(Workload(800, 16, 10), hidden=(128,)).plan.products != "thin"


def predicted(layers, inputs, **workload):
    """Return the predicted nanoseconds of an epoch by the direct plan, by rows or as asked."""
    member = Member(Network((inputs,), layers_from(layers)), SGD())
    given = Workload(2000, plan="direct", **workload)
    return DirectCosts(built_in_rates("float32", V4), [member], given, FLOAT32).best().epoch_ns


@pytest.mark.parametrize("level", [V3, V4])
@pytest.mark.parametrize(
    ("sizes", "activation", "optimizer", "rows", "batch_size", "dtype"),
    [
        ((4, 8, 3), "relu", SGD(), 2000, 8, "float32"),
        ((4, 8, 3), "relu", Adam(), 150, 8, "float64"),
        ((20, 1, 109, 1), "tanh", SGD(l2=1e-4), 301, 12, "float32"),
        ((20, 2, 6), "tanh", SGD(), 4692, 28, "float64"),
        ((44, 1, 3, 5), "relu", SGD(0.9, l2=1e-4), 4805, 80, "float64"),
        ((3, 3, 6, 10), "relu", RMSprop(), 8586, 349, "float64"),
    ],
    ids=str,
)
def test_batches_of_narrow_layers_lie_in_the_lanes(
    level, sizes, activation, optimizer, rows, batch_size, dtype, monkeypatch
):
    """By rows they took two to three times as long: loops were priced by their weights alone."""
    known = calibration.Calibration(built_in_rates(dtype, level))
    monkeypatch.setattr(choice, "known_rates", lambda dtype: known)
    inputs, *hidden, outputs = sizes
    member = Member(multilayer_perceptron(inputs, hidden, outputs, activation), optimizer)
    found = choose([member], Workload(rows, batch_size, 10), np.dtype(dtype))
    assert str(found.plan.spec) == "direct:thin"


def test_dropout_costs_its_outputs_and_not_a_product():
    without = predicted("dense 200 relu, dense 3", 50)
    dropped = predicted("dense 200 relu, dropout 0.3, dense 3", 50)
    assert without < dropped < 1.5 * without


@pytest.mark.parametrize("products", ["", "thin"])
def test_an_activation_costs_more_than_relu(products):
    by = {
        name: predicted(f"dense 37 {name}, dense 3", 8, batch_size=16, products=products)
        for name in ("relu", "tanh")
    }
    assert by["relu"] < by["tanh"]


def test_each_narrow_layer_adds_to_a_step():
    """Layers of few units cost by their rows and outputs: weights alone would say nothing."""
    few, many = (predicted(", ".join(["dense 3 relu"] * n) + ", dense 2", 3) for n in (1, 3))
    assert many > 1.3 * few


def test_networks_alike_are_priced_together():
    """A sweep trains hundreds: each kind of them is weighed once."""
    networks = [multilayer_perceptron(4, (units,), 3) for units in (8, 8, 5)]
    members = [Member(network, SGD(l2=1e-4 * k)) for k, network in enumerate(networks, 1)]
    given = built_in_rates("float32", V4), members, Workload(100), FLOAT32
    assert [(one.units, count) for one, _, count in alike(*given)] == [(8, 2), (5, 1)]
