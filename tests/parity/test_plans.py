"""Ten epochs by every plan: as near to the reference in float64 as the table says for 100 steps.

Each plan sums in an order of its own, and what it keeps between epochs is used again nine times.
"""

import pytest

from samplewise import registry
from samplewise.contract import PLANS
from samplewise.contract.plan import BLOCKED, DIRECT
from samplewise.network import SGD
from samplewise.testing import runs, tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.factors import LINEAR_OPTIMIZERS

EPOCHS = 10
BACKEND_PLANS = [
    *(("vectorized", plan) for plan in (DIRECT, BLOCKED)),
    *(("numba_cpu", plan) for plan in PLANS),
]
CASES = [
    dense_case(
        *(inputs, hidden, outputs), rows=rows, batch_size=batch, optimizer=rule, learning_rate=0.002
    )
    for rows, inputs, hidden, outputs, batch, rule in (
        (80, 784, (10,), 1, 1, SGD()),
        (80, 784, (10,), 1, 1, LINEAR_OPTIMIZERS[-1]),
        (80, 784, (20, 6), 3, 7, LINEAR_OPTIMIZERS[1]),
        (80, 30, (12,), 3, 1, LINEAR_OPTIMIZERS[4]),
        (80, 200, (), 1, 1, LINEAR_OPTIMIZERS[2]),
        # The dual plan keeps a velocity of the last rows alone: 55, and 32 batches.
        (160, 200, (8,), 1, 1, SGD(momentum=0.5)),
        (160, 60, (8,), 3, 3, SGD(momentum=0.3, nesterov=True)),
    )
]


@pytest.mark.parametrize("shuffle", [False, True], ids=["fixed", "shuffled"])
@pytest.mark.parametrize(("name", "plan"), BACKEND_PLANS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_ten_epochs_agree_closely(case, name, plan, shuffle):
    backend = registry.load(name)
    if plan not in backend.capabilities.plans:
        pytest.skip(f"{name} has no plan '{plan}'")
    session = runs.compiled(backend, case, plan, shuffle=shuffle)
    assert session.plan.name == plan
    got = runs.trained(session, case, EPOCHS, shuffle)
    want = runs.expected(case, EPOCHS, shuffle)
    allowed = tolerances.tolerance("weights_100", "float64")
    for measure in runs.compare_runs(case, got, want, allowed):
        assert measure.passed, str(measure)
