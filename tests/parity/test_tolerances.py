"""The arithmetic of tolerances, beside that of SciPy, and their one table."""

import re
from pathlib import Path

import pytest
from comparability import too_often_farthest
from scipy.stats import binom

from samplewise.errors import ParameterError
from samplewise.testing import tolerances
from samplewise.testing.tolerances import after_steps, of_run

KIT = Path(tolerances.__file__).parent
OWN_TESTS = Path(__file__).parent
# A number as small as a tolerance, or an argument that takes one.
LITERAL = re.compile(r"\b\d(\.\d+)?e-\d+\b|\b[ra]tol=")


@pytest.mark.parametrize("runs", [1, 4, 14, 30])
def test_too_often_is_the_upper_tail_of_the_binomial_distribution(runs):
    """As often or more: the tail holds the count itself."""
    for farthest in range(runs + 1):
        # Of a right backend and four nudged runs, each is the farthest equally often.
        tail = binom.sf(farthest - 1, runs, 1 / 5)
        assert too_often_farthest(farthest, runs) == (tail < 1 / 1000)


def test_nine_of_fourteen_are_too_often():
    assert [too_often_farthest(count, 14) for count in (8, 9)] == [False, True]


@pytest.mark.parametrize(
    ("yardstick", "dtype", "relative"),
    [
        (2.0**-30, "float64", 100 * 2.0**-30),
        (2.0**-20, "float32", 100 * 2.0**-20),
        # A yardstick below the spacing at 1 counts as that.
        (0.0, "float64", 100 * 2.0**-52),
        (2.0**-30, "float32", 100 * 2.0**-23),
    ],
)
def test_a_run_may_differ_by_a_hundred_yardsticks(yardstick, dtype, relative):
    assert of_run(yardstick, dtype).relative == relative


def test_a_run_that_may_differ_by_a_hundredth_has_no_tolerance():
    assert of_run(0.00009, "float64").relative < 0.01
    with pytest.raises(ParameterError, match="calmer problem"):
        of_run(0.0001, "float64")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_steps_have_the_tolerance_of_the_row_that_holds_them(dtype):
    rows = {1: 1, 2: 10, 10: 10, 11: 100, 100: 100, 101: 1000, 1000: 1000}
    for steps, row in rows.items():
        assert after_steps(steps, dtype) == tolerances.tolerance(f"weights_{row}", dtype)


def test_more_steps_and_other_dtypes_have_no_tolerance():
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
