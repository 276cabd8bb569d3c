"""Every built-in backend on every rung, a test a case, so that a failure names its case."""

import re
from pathlib import Path

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import PLANS
from samplewise.errors import ContractError, ParameterError
from samplewise.testing import check_backend, ladder, tolerances
from samplewise.testing.cases import CALM_CASES, CONTRACT_CASES, EDGE_CASES, Case
from samplewise.testing.many import MANY_CASES
from samplewise.testing.problems import kink_distance, problem, reference_program

BACKENDS = ("vectorized", "numba_cpu")
KIT = Path(ladder.__file__).parent
OWN_TESTS = Path(__file__).parent
# A number as small as a tolerance, or an argument that takes one.
LITERAL = re.compile(r"\b\d(\.\d+)?e-\d+\b|\b[ra]tol=")


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    from threadpoolctl import threadpool_limits

    for name in BACKENDS:
        registry.load(name)
    with threadpool_limits(limits=1):
        yield


def rows_of(rung):
    return [pytest.param(rung, case, id=f"{rung}: {case}") for case in ladder.RUNGS[rung][1]]


def failures_by_every_plan(name, rung, case):
    backend = registry.load(name)
    if not ladder.covers(backend, rung, case):
        pytest.skip(f"{name} does not offer it")
    return [
        failure
        for plan in ladder.plans(backend, rung)
        for failure in ladder.failures(backend, rung, case, plan)
    ]


SINGLE = [row for rung in ladder.RUNGS if rung != "many" for row in rows_of(rung)]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(("rung", "case"), SINGLE)
def test_backend_climbs_every_rung_by_every_plan(name, rung, case):
    failures = failures_by_every_plan(name, rung, case)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(("rung", "case"), rows_of("many"))
def test_networks_that_train_at_once_agree_with_each_alone(rung, case):
    failures = failures_by_every_plan("numba_cpu", rung, case)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", ["reference", "vectorized"])
def test_backends_offer_every_case_of_one_network(name):
    backend = registry.load(name)
    for rung in set(ladder.RUNGS) - {"many"}:
        assert len(ladder.offered(backend, rung)) == len(ladder.RUNGS[rung][1])


@pytest.mark.parametrize(("rung", "case"), rows_of("contract"))
def test_the_reference_keeps_the_contract(rung, case):
    failures = ladder.failures(registry.load("reference"), rung, case)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("case", CALM_CASES, ids=str)
def test_calm_cases_are_calm(case):
    drawn = problem(case)
    program = reference_program(drawn.network, drawn.loss, drawn.dtype)
    trained = ladder.expected(case, ladder.RUN_EPOCHS, True).parameters
    before, after = (
        program.gradients(theta, drawn.X, drawn.Y)[0] for theta in (drawn.parameters, trained)
    )
    assert after < before
    if case.dtype == "float64":
        assert ladder.yardstick(case) < tolerances.CALM_YARDSTICK
    if case.activation == "relu":
        assert kink_distance(drawn) > tolerances.KINK_MARGIN


@pytest.mark.parametrize(
    "case", [case for case in EDGE_CASES if case.edge.startswith("saturated")], ids=str
)
def test_saturated_logits_have_the_loss_that_arithmetic_says(case):
    """A right answer costs nothing, a wrong one its distance from the right logit."""
    drawn = problem(case)
    program = reference_program(drawn.network, drawn.loss, drawn.dtype)
    loss, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    Z = program.predict(drawn.parameters, drawn.X).astype(np.float64)
    if case.edge.endswith("right"):
        assert loss == 0
        assert not gradient.any()
        return
    wanted = np.abs(Z[:, 0]) if case.outputs == 1 else Z.max(axis=1) - (drawn.Y * Z).sum(axis=1)
    allowed = tolerances.tolerance("forward", case.dtype)
    assert wanted.min() >= 1000 * (1 - allowed.relative)
    assert loss == pytest.approx(wanted.mean(), rel=allowed.relative)


def test_the_kink_cases_meet_zero_exactly():
    for case in EDGE_CASES:
        if case.edge == "ReLU at 0":
            assert kink_distance(problem(case)) == 0


def test_cases_cover_what_the_ladder_promises():
    assert {len(case.hidden) for case in CALM_CASES} == {0, 1, 2}
    for batch in (1, 7, 32, 39):
        for depth in (0, 1, 2):
            cases = [c for c in CALM_CASES if (c.batch_size, len(c.hidden)) == (batch, depth)]
            assert {case.dtype for case in cases} == {"float32", "float64"}
            assert {bool(case.optimizer.momentum) for case in cases} == {True, False}
    for cases in (CALM_CASES, EDGE_CASES, CONTRACT_CASES):
        assert len(set(map(str, cases))) == len(cases)
    assert len(set(map(str, MANY_CASES))) == len(MANY_CASES)


def test_a_velocity_of_the_cases_is_not_at_rest():
    for case in (*CALM_CASES, *EDGE_CASES):
        assert bool(case.optimizer.momentum) == bool(problem(case).state().optimizer_state.any())


def test_a_certificate_says_what_was_checked():
    plans = [plan for plan in PLANS if plan in registry.load("vectorized").capabilities.plans]
    certificate = check_backend("vectorized", rungs=["gradient", "run"])
    climbed = [(result.rung, result.plan) for result in certificate.rungs]
    assert climbed == [(rung, plan) for rung in ("gradient", "run") for plan in plans]
    for result in certificate.rungs:
        assert result.cases == len(ladder.RUNGS[result.rung][1])
        assert result.checks > result.cases
        assert 0 < result.largest_ratio <= 1
        assert result.nearest
    assert "gradient" in str(certificate)


def test_an_unknown_rung_is_refused():
    with pytest.raises(ParameterError, match="did you mean 'kernel'"):
        check_backend("vectorized", rungs=["kernal"])


def test_a_failure_names_backend_rung_case_and_layer(monkeypatch):
    backend = registry.load("vectorized")
    case = Case(5, (3,), 1)
    strict = tolerances.Tolerance(0.0, 0.0, "none")
    monkeypatch.setattr(tolerances, "tolerance", lambda row, dtype: strict)
    (first, *_) = ladder.failures(backend, "gradient", case)
    assert first.startswith("vectorized, gradient rung, sigmoid, 5-3-1, 39 rows, batch 1, float64:")
    assert "gradient 0.weight" in "\n".join(ladder.failures(backend, "gradient", case))
    with pytest.raises(ContractError, match="and [0-9]+ more"):
        check_backend("vectorized", rungs=["gradient"])


def test_a_chaotic_problem_has_no_tolerance():
    with pytest.raises(ParameterError, match="too|above"):
        tolerances.of_run(1.0, "float64")


def test_steps_between_two_rows_take_the_longer_one():
    weights = tolerances.TABLE["weights_100", "float64"]
    assert tolerances.after_steps(11, "float64") == weights
    with pytest.raises(ParameterError, match="yardstick"):
        tolerances.after_steps(1001, "float64")
    with pytest.raises(ParameterError, match="float16"):
        tolerances.tolerance("forward", "float16")


def test_tolerances_stand_in_their_table_only():
    paths = [*KIT.glob("*.py"), *OWN_TESTS.glob("*.py")]
    paths += [OWN_TESTS.parent / f"test_{name}.py" for name in ("gradients", "worked_step")]
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in paths
        if path.name != "tolerances.py"
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if LITERAL.search(line) and "LITERAL" not in line
    ]
    assert found == []
