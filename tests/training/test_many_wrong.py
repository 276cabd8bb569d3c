"""A mistake of a program of many networks is found, and named with the backend."""

import numpy as np
import pytest
from loop_problem import LABELS, X
from many_backend import ManyBackend, ManyPrograms

from samplewise.errors import ContractError, SomeDivergedError
from samplewise.network import multilayer_perceptron
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings

NETWORKS = [multilayer_perceptron(4, (units,), 1) for units in (2, 3, 4)]


def train_with(monkeypatch, program, **changes):
    ManyBackend(program).chosen_by(monkeypatch)
    chosen = [TrainingSettings(epochs=epochs, **changes) for epochs in (2, 1, 2)]
    return train_many(NETWORKS, X, LABELS, chosen)


class Raises(ManyPrograms):
    def run_epoch(self, states, X, Y, steps, losses, active):
        raise IndexError("no such network")


class CannotWarmUp(ManyPrograms):
    def warm_up(self):
        raise OSError("no compiler")


class WritesALossTooMany(ManyPrograms):
    def run_epoch(self, states, X, Y, steps, losses, active):
        losses[len(states)] = 0


class WritesToX(ManyPrograms):
    def run_epoch(self, states, X, Y, steps, losses, active):
        X[0, 0] = 7


class RaisesAtTheEnd(ManyPrograms):
    def synchronize(self, states):
        raise ZeroDivisionError("by none")


class ReplacesParameters(ManyPrograms):
    def run_epoch(self, states, X, Y, steps, losses, active):
        super().run_epoch(states, X, Y, steps, losses, active)
        states[1].parameters = states[1].parameters[:, None]


class NarrowsParameters(ManyPrograms):
    def run_epoch(self, states, X, Y, steps, losses, active):
        super().run_epoch(states, X, Y, steps, losses, active)
        states[1].parameters = states[1].parameters.astype(np.float32)


class TrainsWhatIsNotActive(ManyPrograms):
    def run_epoch(self, states, X, Y, steps, losses, active):
        super().run_epoch(states, X, Y, steps, losses, range(len(states)))


class WrongLogits:
    def logits(self, state, X):
        return np.zeros((len(X), 2))

    def warm_up(self):
        pass


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (Raises, "backend 'many' raised IndexError: no such network"),
        (CannotWarmUp, "backend 'many' raised OSError: no compiler"),
        (WritesALossTooMany, "backend 'many' raised IndexError"),
        (WritesToX, "backend 'many' raised ValueError: .*read-only"),
        (RaisesAtTheEnd, "backend 'many' raised ZeroDivisionError"),
        (ReplacesParameters, r"'many' left parameters of shape \(64, 1\) .*; expected \(64,\)"),
        (NarrowsParameters, "dtype float32; expected .* float64"),
        (TrainsWhatIsNotActive, "backend 'many' changed weights after the network's last step"),
    ],
)
def test_what_a_program_does_wrong_is_blamed_on_its_backend(monkeypatch, program, message):
    with pytest.raises(ContractError, match=message):
        train_with(monkeypatch, program)


def test_logits_of_another_shape_are_refused(monkeypatch):
    backend = ManyBackend().chosen_by(monkeypatch)
    real, compiled = backend.compile, []

    def compile_wrong(*arguments):
        compiled.append(arguments)
        # Those without a workload are for the logits.
        return real(*arguments) if len(arguments) == 5 else WrongLogits()

    backend.compile = compile_wrong
    with pytest.raises(ContractError, match=r"'many' gave logits of shape \(50, 2\); .*\(50, 1\)"):
        train_many(NETWORKS, X, LABELS, [TrainingSettings(exact_accuracy=True)] * 3)
    assert len(compiled) == 6


def test_no_program_for_logits_is_compiled_where_no_accuracy_is_tracked(monkeypatch):
    class Forbidden(ManyBackend):
        def compile(self, *arguments):
            assert len(arguments) == 5
            return super().compile(*arguments)

    Forbidden().chosen_by(monkeypatch)
    train_many(NETWORKS, X, LABELS, [TrainingSettings(track_accuracy=False)] * 3)


def test_a_loss_that_is_not_written_is_found_in_its_network(monkeypatch):
    class ForgetsLosses(ManyPrograms):
        def run_epoch(self, states, X, Y, steps, losses, active):
            kept = losses[1].copy()
            super().run_epoch(states, X, Y, steps, losses, active)
            losses[1] = kept

    with pytest.raises(SomeDivergedError, match="network 1: the loss became nan") as caught:
        train_with(monkeypatch, ForgetsLosses)
    assert list(caught.value.errors) == [1]
