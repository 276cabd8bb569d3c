"""A plan that a run folder could not record is refused before the first step."""

import pytest

from faults.faulty_reference import FaultyBackend, FaultyReference, OneByOne
from samplewise import registry
from samplewise.contract import Plan
from samplewise.errors import ContractError
from samplewise.network import multilayer_perceptron
from samplewise.registry import Choice
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

NETWORK = multilayer_perceptron(2, (), 1)
ROWS = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
SETTINGS = TrainingSettings(backend="reference", epochs=1)


def by(plan, monkeypatch):
    """Let a backend with this plan train, and return the epochs that it runs."""
    ran = []

    class Planned(FaultyReference):
        def __init__(self, *given):
            super().__init__(*given)
            self.plan = plan

        def run_epoch(self, *given):
            ran.append(given)
            super().run_epoch(*given)

    class Many(OneByOne):
        pass

    Many.plan = plan
    choice = Choice(FaultyBackend("planned", Planned, Many), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: choice)
    return ran


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan("diagonal"), "'diagonal' cannot be recorded"),
        (Plan("direct", block=8), "'direct:8' cannot be recorded: .*only blocked and dual"),
        (Plan("blocked", block=0), "'blocked:0' cannot be recorded"),
        (Plan("blocked", block=8, products="By Hand"), "'blocked:8:By Hand' cannot be recorded"),
        (Plan("blocked", products="tiled"), "'blocked:tiled' cannot be recorded"),
    ],
    ids=str,
)
def test_nothing_is_trained_by_a_plan_that_cannot_be_recorded(plan, message, monkeypatch):
    ran = by(plan, monkeypatch)
    with pytest.raises(ContractError, match=f"backend 'planned': plan {message}"):
        train(NETWORK, *ROWS, SETTINGS)
    with pytest.raises(ContractError, match=f"backend 'planned': plan {message}"):
        train_many([NETWORK] * 2, *ROWS, [SETTINGS] * 2)
    assert ran == []


def test_a_plan_that_can_be_recorded_trains(monkeypatch):
    ran = by(Plan("blocked", block=8, products="tiled+loops"), monkeypatch)
    train(NETWORK, *ROWS, SETTINGS)
    assert len(ran) == 1
