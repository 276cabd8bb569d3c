import pytest

from samplewise.experiment.experiment import Experiment
from samplewise.report.experiments import PARTS


@pytest.mark.parametrize("number", PARTS)
def test_data_and_machine_are_the_users_and_all_else_is_the_reports(number):
    part = PARTS[number]
    settings = Experiment.from_options(
        fit="pad", image_size="14x14", dtype="float32", threads=2, seed=3, l2=0.5, batch_size=7
    )
    made = part.experiment(settings, part.rows()[0], 10, 4).to_options()
    kept = [made[name] for name in ("fit", "image_size", "dtype", "threads", "seed")]
    assert kept == ["pad", "14x14", "float32", 2, 7]
    assert made["l2"] == 0
    assert made["batch_size"] == {1: 1, 2: 32}[number]
