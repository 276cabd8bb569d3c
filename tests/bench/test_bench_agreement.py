"""Backends that compute different things are refused before anything is timed."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from samplewise.errors import ContractError
from samplewise_bench import rows
from samplewise_bench.agreement import Key, check_agreement, compare_losses
from samplewise_bench.training import TimedRun


def a_run(first_loss=0.7, final_loss=0.1):
    return TimedRun(1.0, first_loss, final_loss, 1.0)


class FakeTraining:
    """Ends with a given loss, and with another when its weights are nudged."""

    def __init__(self, final_loss, nudged_loss):
        self.final_loss, self.nudged_loss = final_loss, nudged_loss
        self.problem = SimpleNamespace(dtype=np.dtype("float64"))
        self.trained = 0

    def run_once(self, *, nudged=False):
        self.trained += 1
        return a_run(final_loss=self.nudged_loss if nudged else self.final_loss)


def test_equal_losses_agree():
    compare_losses("row", {"a": a_run(), "b": a_run(), "c": a_run()}, "float64", 0.0)


@pytest.mark.parametrize(
    ("other", "epoch"),
    [
        (a_run(final_loss=0.1001), "last"),
        (a_run(first_loss=0.7001), "first"),
        (a_run(final_loss=math.nan), "last"),
        (a_run(first_loss=math.nan), "first"),
    ],
)
def test_another_loss_is_refused_by_name(other, epoch):
    with pytest.raises(ContractError, match=f"final-1: the loss of the {epoch} epoch is .* on b"):
        compare_losses("final-1", {"a": a_run(), "b": other}, "float64", 1e-15)


def test_a_chaotic_row_is_compared_by_its_first_epoch_only():
    runs = {"a": a_run(), "b": a_run(final_loss=0.2)}
    compare_losses("row", runs, "float64", sensitivity=0.5)
    runs["b"] = a_run(first_loss=0.7001)
    with pytest.raises(ContractError, match="first epoch"):
        compare_losses("row", runs, "float64", sensitivity=0.5)


def test_a_chaotic_row_is_told():
    calm, chaotic = FakeTraining(0.1, 0.1), FakeTraining(0.1, 0.15)
    assert check_agreement({Key("calm", 1, "a"): calm}) == []
    notes = check_agreement({Key("wild", 1, "a"): chaotic, Key("wild", 1, "b"): calm})
    assert len(notes) == 1
    assert "wild at batch size 1" in notes[0]
    assert "50%" in notes[0]


def test_every_row_and_batch_size_is_compared():
    problems = {
        Key("one", 1, "a"): FakeTraining(0.1, 0.1),
        Key("one", 1, "b"): FakeTraining(0.1, 0.1),
        Key("one", 32, "a"): FakeTraining(0.3, 0.3),
        Key("one", 32, "b"): FakeTraining(0.2, 0.2),
    }
    with pytest.raises(ContractError, match="batch size 32"):
        check_agreement(problems)


def test_nothing_is_timed_after_a_disagreement(monkeypatch, small_rows, small_data):
    losses = {"reference": 0.1, "vectorized": 0.2}
    monkeypatch.setattr(rows, "Training", lambda _, name: FakeTraining(losses[name], losses[name]))
    monkeypatch.setattr(rows, "interleave", lambda *_: pytest.fail("was timed"))
    monkeypatch.setattr(rows, "calibrate", lambda *_: pytest.fail("was calibrated"))
    monkeypatch.setattr(rows, "_products", lambda _: [])
    with pytest.raises(ContractError, match="vectorized"):
        rows.compare_rows(small_rows, list(losses), data=small_data)
