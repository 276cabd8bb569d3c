"""The script that holds a sweep against its networks one by one."""

import pytest

from samplewise_bench import sweep_check

FOUND = {
    "seconds": {"sweep": [2.0, 1.0, 4.0], "one by one": [8.0], "scikit-learn": [90.0, 110.0]},
    "test_accuracy": {"sweep": 0.9, "one by one": 0.9, "scikit-learn": 0.86},
}


def test_the_part_of_the_others_has_every_width_as_often():
    part = sweep_check.Contest(1, 20).part
    widths = [trial.values["hidden"] for trial in part]
    assert {widths.count([width]) for width in (1, 8, 20, 60)} == {5}
    assert len({trial.key for trial in part}) == 20


def test_ratios_are_those_of_the_medians():
    swept, one_by_one, theirs = sweep_check.lines_of(FOUND)
    assert "2.00 s (1.00..4.00)" in swept
    assert "times faster" not in swept
    assert "sweep 4.0 times faster, at least 3" in one_by_one
    assert "sweep 50.0 times faster, at least 50" in theirs


@pytest.mark.parametrize(("theirs", "equal"), [(0.86, True), (0.8, False)])
def test_sides_that_learn_less_are_not_compared(theirs, equal):
    found = {"test_accuracy": {**FOUND["test_accuracy"], "scikit-learn": theirs}}
    assert sweep_check.agree(found) == equal
