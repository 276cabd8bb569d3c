"""Inputs whose squares overflow: every plan gives what the direct one gives.

The units of a tanh network saturate at such inputs, so that no step moves the first layer, and
training is as calm as any. But 0 times an infinite product of two rows would be NaN.
"""

import dataclasses

import numpy as np
import pytest

from samplewise import Dense, Network, TrainingSettings, registry, train, train_many
from samplewise.contract import Workload
from samplewise.contract.plan import AUTO_PLAN, BLOCKED, DIRECT, DUAL
from samplewise.testing import measures, tolerances

pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{note}")
    for note in ("inputs reach", "the network did not learn")
]

ROWS, INPUTS, EPOCHS = 40, 12, 3
NETWORK = Network((INPUTS,), (Dense(5, "tanh"), Dense(1)))
# Products of rows are just taken at the second, and no longer at the third.
SCALES = {"float32": (1.0, 1e9, 1e18, 1e19), "float64": (1.0, 1e143, 1e150, 1e154)}
LARGEST_EXACT = {"float32": 1e9, "float64": 1e143}
CASES = [(dtype, scale) for dtype, scales in SCALES.items() for scale in scales]
PLANS = [
    *(("numba_cpu", plan) for plan in (BLOCKED, DUAL, AUTO_PLAN)),
    *(("vectorized", plan) for plan in (BLOCKED, AUTO_PLAN)),
]


def rows(scale):
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (ROWS, INPUTS))
    return X * scale, (X[:, 0] * X[:, 1] > 0).astype(int)


def settings(backend, plan, dtype, **changes):
    return TrainingSettings.from_options(
        backend=backend,
        plan=plan,
        dtype=dtype,
        epochs=EPOCHS,
        learning_rate=0.05,
        init="glorot_uniform",
        **changes,
    )


def check(got, want, dtype):
    allowed = tolerances.after_steps(ROWS * EPOCHS, dtype)
    for measure in measures.layers(
        "weights", NETWORK.layout, got.parameters, want.parameters, allowed
    ):
        assert measure.passed, str(measure)


@pytest.mark.parametrize(("dtype", "scale"), CASES)
@pytest.mark.parametrize(("backend", "plan"), PLANS)
def test_every_plan_gives_what_direct_gives(backend, plan, dtype, scale):
    asked = settings(backend, plan, dtype, batch_size=2, momentum=0.5)
    want = train(NETWORK, *rows(scale), dataclasses.replace(asked, plan=DIRECT))
    got = train(NETWORK, *rows(scale), asked)
    check(got, want, dtype)
    chosen = got.history.plan
    if scale > LARGEST_EXACT[dtype]:
        assert chosen["name"] == DIRECT
        assert f"so products of rows may overflow {dtype}" in chosen["reason"]
    elif plan != AUTO_PLAN:
        assert chosen["name"] == plan


@pytest.mark.parametrize(
    ("dtype", "scale"), [("float32", 1e9), ("float32", 1e19), ("float64", 1e154)]
)
@pytest.mark.parametrize("plan", [BLOCKED, DUAL])
def test_many_networks_at_once_give_what_direct_gives(plan, dtype, scale):
    each = [settings("numba_cpu", plan, dtype, seed=seed) for seed in range(2)]
    together = train_many([NETWORK] * 2, *rows(scale), each)
    for got, own in zip(together, each, strict=True):
        check(got, train(NETWORK, *rows(scale), dataclasses.replace(own, plan=DIRECT)), dtype)


@pytest.mark.parametrize("backend", ["numba_cpu", "vectorized"])
@pytest.mark.parametrize(
    ("of_rows", "of_validation", "augment"),
    [(1e19, 1.0, None), (1.0, 1e19, None), (1.0, 1.0, "noise 1e19")],
    ids=["training", "validation", "augmented"],
)
def test_all_rows_that_a_program_will_see_count(backend, of_rows, of_validation, augment):
    X, labels = rows(1.0)
    images = X.reshape(ROWS, 3, 4)
    result = train(
        *(NETWORK, images * of_rows, labels),
        settings(backend, BLOCKED, "float32", augment=augment),
        validation=(images * of_validation, labels),
    )
    assert result.history.plan["name"] == DIRECT
    assert "may overflow float32" in result.history.plan["reason"]


@pytest.mark.parametrize("backend", ["numba_cpu", "vectorized"])
def test_a_forecast_without_a_largest_input_leaves_every_plan(backend):
    parts = NETWORK, settings(backend, BLOCKED, "float32").loss_for(1), TrainingSettings().optimizer
    workload = Workload(ROWS, epochs=EPOCHS, plan=BLOCKED)
    program = registry.load(backend).compile(*parts, np.dtype("float32"), workload)
    assert program.plan.name == BLOCKED
