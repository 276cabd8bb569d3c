"""Networks in the lanes: each agrees with the reference, and has the bits of any other company."""

from dataclasses import replace

import numpy as np
import pytest
from drawn_networks import drawn_row_by_row, failures, is_comparable

from samplewise.contract import PlanSpec, Steps, TrainingState, Workload
from samplewise.network import SGD, Adam, Dense, Network, aligned_zeros, initialize, loss_named
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.plans import abreast
from samplewise_backends.numba_cpu.plans.abreast import columns_of
from samplewise_backends.numba_cpu.plans.members import MOST_SQUARES

GROUPS, EACH = 6, 10
ROWS, OUTPUTS = 20, 3
NETWORK = Network((6,), (Dense(5, "tanh"), Dense(4, "elu"), Dense(OUTPUTS)))
# Others, of fewer parameters, of as many, and of as many that are trained no more.
OTHERS = [
    Network((6,), (Dense(3, "relu"), Dense(OUTPUTS))),
    Network((6,), (Dense(5, "elu"), Dense(4, "tanh"), Dense(OUTPUTS))),
    Network((6,), (Dense(5, "tanh"), Dense(4, "elu", trainable=False), Dense(OUTPUTS))),
]
FORMS = [
    SGD(),
    SGD(l2=0.1),
    SGD(0.9),
    SGD(0.5, l2=0.2),
    SGD(0.9, nesterov=True),
    SGD(0.8, rate_in_velocity=True),
    SGD(0.7, nesterov=True, rate_in_velocity=True),
]
LOSS = loss_named("categorical_cross_entropy")
RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((ROWS, 6)), RNG.integers(0, OUTPUTS, ROWS)
ORDER = RNG.permutation(ROWS)


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_of_dense_layers_agree_with_the_reference(group):
    cases = [drawn_row_by_row(seed) for seed in range(group * EACH, (group + 1) * EACH)]
    found = [
        words for case in cases if is_comparable(case) for words in failures(case, "direct:abreast")
    ]
    assert not found, "\n".join(found)


class Company:
    """Networks that train at once, each with a form, a rate, an L2 and weights of its own."""

    def __init__(self, numbers, dtype):
        self.dtype = np.dtype(dtype)
        networks = [NETWORK if k % 5 else OTHERS[k // 5 % len(OTHERS)] for k in numbers]
        optimizers = [FORMS[k % len(FORMS)] for k in numbers]
        workload = Workload(ROWS, 1, **PlanSpec.parse("plan", "direct:abreast").fields())
        parts = networks, LOSS, optimizers, self.dtype, workload
        self.program = NumbaBackend().compile_many(*parts)
        self.states = [
            self.state(*parts) for parts in zip(networks, optimizers, numbers, strict=True)
        ]
        self.steps = [self.steps_of(k) for k in numbers]
        self.losses = np.zeros((len(numbers), ROWS), dtype)

    def state(self, network, optimizer, seed):
        drawn = np.random.default_rng(seed)
        weights = initialize(network, "glorot_uniform", drawn, self.dtype.name)
        slots = aligned_zeros(optimizer.slots * len(weights), self.dtype)
        return TrainingState(weights, slots)

    def steps_of(self, k):
        return Steps(
            ORDER,
            0,
            ROWS,
            1,
            0.01 * (k + 1),
            rates=np.linspace(0.01, 0.1 / (k + 1), ROWS) if k % 2 else None,
            weights=np.linspace(0, 1, ROWS).astype(self.dtype) if k % 3 else None,
            l2=np.linspace(0.01, 0.01 * k, ROWS) if k % 4 else None,
            penalties=np.zeros(ROWS) if k % 4 else None,
            decisions=np.full(ROWS, -1),
        )

    def train(self, active, steps=None):
        rows, Y = X.astype(self.dtype), np.eye(OUTPUTS, dtype=self.dtype)[LABELS]
        self.program.run_epoch(self.states, rows, Y, steps or self.steps, self.losses, active)

    def bits(self, index):
        steps = self.steps[index]
        penalties = b"" if steps.penalties is None else steps.penalties.tobytes()
        state = self.states[index]
        arrays = state.parameters, state.optimizer_state, self.losses[index], steps.decisions
        return [*(array.tobytes() for array in arrays), penalties]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_has_the_same_bits_alone_and_among_others(dtype):
    count = 2 * columns_of(np.dtype(dtype)) + 5
    together = Company(range(count), dtype)
    together.train(range(count))
    for k in range(count):
        alone = Company([k], dtype)
        alone.train([0])
        assert alone.bits(0) == together.bits(k), FORMS[k % len(FORMS)]
        assert np.isfinite(together.losses[k]).all()


def test_networks_that_leave_change_no_bit_of_those_that_stay():
    stays, leaves = [1, 4, 6], [0, 2, 3, 5]
    together, few = Company(range(7), "float64"), Company(stays, "float64")
    for active, own in ((range(7), range(3)), (stays, range(3))):
        together.train(active)
        few.train(own)
    left = [together.bits(k) for k in leaves]
    together.train(stays)
    assert [together.bits(k) for k in leaves] == left
    few.train(range(3))
    assert [together.bits(k) for k in stays] == [few.bits(k) for k in range(3)]


def window(steps, start, stop):
    """Return some of an epoch's steps."""
    own = {name: getattr(steps, name) for name in ("rates", "l2", "penalties")}
    own = {name: array[start:stop] for name, array in own.items() if array is not None}
    return replace(steps, start=start, stop=stop, **own)


def test_windows_of_an_epoch_have_the_bits_of_the_whole():
    whole, cut = Company(range(7), "float64"), Company(range(7), "float64")
    whole.train(range(7))
    for start, stop in ((0, 7), (7, 8), (8, ROWS)):
        cut.train(range(7), [window(steps, start, stop) for steps in cut.steps])
    assert [whole.bits(k) for k in range(7)] == [cut.bits(k) for k in range(7)]


def test_windows_longer_than_the_tables_have_the_bits_of_shorter_ones(monkeypatch):
    whole = Company(range(7), "float64")
    whole.train(range(7))
    monkeypatch.setattr(abreast, "STEPS_AT_ONCE", 7)
    in_parts = Company(range(7), "float64")
    in_parts.train(range(7))
    assert [whole.bits(k) for k in range(7)] == [in_parts.bits(k) for k in range(7)]


def test_a_network_that_diverges_disturbs_no_other():
    calm, wild = Company(range(1, 4), "float64"), Company(range(1, 4), "float64")
    wild.steps[1] = Steps(ORDER, 0, ROWS, 1, 1e300)
    calm.train(range(3))
    wild.train(range(3))
    assert not np.isfinite(wild.losses[1]).all()
    assert [calm.bits(k) for k in (0, 2)] == [wild.bits(k) for k in (0, 2)]


def test_a_program_that_forgot_trains_to_the_bits_of_a_new_one():
    first, again = Company(range(7), "float64"), Company(range(7), "float64")
    again.train([1, 2])
    again.train(range(7))
    assert again.program.forget()
    fresh = Company(range(7), "float64")
    again.states, again.steps, again.losses = fresh.states, fresh.steps, fresh.losses
    for one in (first, again):
        one.train(range(7))
    assert [first.bits(k) for k in range(7)] == [again.bits(k) for k in range(7)]


@pytest.mark.parametrize(
    ("optimizers", "batch_size", "products"),
    [
        ([SGD()] * 8, 1, "abreast"),
        ([SGD(0.9, nesterov=True, rate_in_velocity=True)] * 8, 1, "abreast"),
        ([SGD()], 1, ""),
        ([SGD(clip_value=1.0)] * 8, 1, ""),
        ([Adam()] * 8, 1, ""),
    ],
)
def test_plans_of_networks_whose_penalty_changes_by_the_step(optimizers, batch_size, products):
    workload = Workload(1000, batch_size, step_fields=frozenset({"penalties"}))
    networks = [NETWORK] * len(optimizers)
    parts = networks, LOSS, optimizers, np.dtype("float64"), workload
    plan = NumbaBackend().compile_many(*parts).plan
    assert (plan.name, plan.products) == ("direct", products)
    assert ("a network in each lane" in plan.reason) == (products == "abreast")


@pytest.mark.parametrize(
    ("beyond", "fields", "products"),
    [(0, {"penalties"}, "abreast"), (1, {"penalties"}, ""), (1, {"rates"}, "abreast")],
)
def test_squares_of_many_weights_are_not_summed_in_the_lanes(beyond, fields, products):
    """Of 20,000 equal weights, the sum in float32 was off by one part in 29,000."""
    network = Network((MOST_SQUARES + beyond,), (Dense(2, "tanh"), Dense(OUTPUTS)))
    plan = PlanSpec.parse("plan", "direct:abreast").fields()
    workload = Workload(ROWS, 1, step_fields=frozenset(fields), **plan)
    parts = [network] * 2, LOSS, [SGD()] * 2, np.dtype("float32"), workload
    assert NumbaBackend().compile_many(*parts).plan.products == products


def test_networks_whose_first_layer_is_frozen_are_not_in_the_lanes():
    """Its steps write the outputs of the next row."""
    network = Network((6,), (Dense(5, "tanh", trainable=False), Dense(OUTPUTS)))
    workload = Workload(ROWS, 1, **PlanSpec.parse("plan", "direct:abreast").fields())
    parts = [network] * 8, LOSS, [SGD()] * 8, np.dtype("float64"), workload
    assert NumbaBackend().compile_many(*parts).plan.products == ""


def test_direct_without_a_word_is_row_by_row():
    workload = Workload(1000, 1, plan="direct")
    parts = [NETWORK] * 8, LOSS, [SGD(0.9)] * 8, np.dtype("float64"), workload
    assert NumbaBackend().compile_many(*parts).plan.spec == PlanSpec("direct")
