"""The report's networks: their losses are the reference's. `checks/agreement.py` compares all."""

from pathlib import Path

import agreement
import pytest

from samplewise.report.experiments import PART_ONE, PART_TWO
from samplewise.training.idle_programs import IDLE
from samplewise_jax import losses
from samplewise_jax.compiled import compiled

PHOTOGRAPHS = Path(__file__).parents[3].parent / "shared" / "data" / agreement.PHOTOGRAPHS
# Of a tenth of the rows: the reference trains them one by one.
HELD_OUT = 0.9
pytestmark = pytest.mark.filterwarnings("ignore:the network did not learn")


def forget_programs():
    """Let the next training compile its functions, and keep none of them."""
    compiled.cache_clear()
    IDLE.clear()


def agreement_of(part, row, data=agreement.SYNTHETIC):
    """Return the agreement of a row after an epoch on some of its rows."""
    found = agreement.trainings(part, data, 1, split=HELD_OUT)
    training = next(training for name, training in found if name.endswith(f", {row}"))
    return agreement.agreement(row, training, "jax")


@pytest.mark.parametrize(("part", "row"), [(PART_ONE, "neurons-5"), (PART_TWO, "cnn")])
def test_losses_are_the_references(part, row):
    found = agreement_of(part, row)
    assert found.compared == "1 of 1 epochs"
    assert found.share <= 1, str(found)


def test_a_row_that_is_chaotic_at_once_is_compared_step_by_step(monkeypatch):
    monkeypatch.setattr(agreement, "_before_chaos", lambda changes, training: iter(()))
    found = agreement_of(PART_ONE, "final-1")
    assert found.compared.endswith(" steps")
    assert found.share <= 1, str(found)


@pytest.mark.skipif(
    not PHOTOGRAPHS.exists(), reason="the real sign digits are not beside the checkout"
)
def test_losses_on_photographs_are_the_references():
    found = agreement_of(PART_ONE, "neurons-5", str(PHOTOGRAPHS))
    assert found.share <= 1, str(found)


def test_a_wrong_loss_is_found(monkeypatch):
    right = losses.LOSSES["binary_cross_entropy"]

    def wrong(z, y, loss):
        value, gradient = right(z, y, loss)
        return value * (1 + 1e-9), gradient

    monkeypatch.setitem(losses.LOSSES, "binary_cross_entropy", wrong)
    forget_programs()
    try:
        assert agreement_of(PART_ONE, "neurons-5").share > 1
    finally:
        forget_programs()
