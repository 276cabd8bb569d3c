"""Schedules: each rate by hand, what the engine makes of them, and runs that are too short."""

import dataclasses
import math

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X

from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise import registry
from samplewise.errors import CombinationError, ParameterError, UnavailableBackendError
from samplewise.network import multilayer_perceptron
from samplewise.registry import Choice
from samplewise.testing.tolerances import after_steps
from samplewise.training import batches
from samplewise.training.many import train_many
from samplewise.training.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseRows,
    InverseScaling,
    OneCycle,
    Plateau,
    RunLength,
    Step,
)
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

ETA = 0.4
OPTIONS = {"step": {"every": 2}, "plateau": {"plateau_epochs": 1}}


def settings(**changes):
    return TrainingSettings.from_options(
        **{"backend": "reference", "epochs": 6, "batch_size": 7, "learning_rate": ETA, **changes}
    )


def rates(schedule, run):
    """Return the rate of every step of a run."""
    schedule.check(ETA, run)
    each = [schedule.of_epoch(ETA, epoch, run) for epoch in range(1, run.epochs + 1)]
    return np.concatenate([np.broadcast_to(own, run.steps_an_epoch) for own in each])


def half_wave(start, end, share):
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (Constant(), [1, 1, 1, 1, 1, 1, 1, 1]),
        (Step(every=2, decay=0.5), [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]),
        (Exponential(decay=0.5), [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]),
        (Cosine(), [half_wave(1, 0, t / 8) for t in range(8)]),
        (Cosine(final_rate=ETA / 4), [half_wave(1, 0.25, t / 8) for t in range(8)]),
        (
            OneCycle(),
            [
                *(half_wave(1 / 25, 1, t / 2) for t in range(2)),
                *(half_wave(1, 1 / 250_000, t / 6) for t in range(6)),
            ],
        ),
        (InverseScaling(), [1 / math.sqrt(t) for t in range(1, 9)]),
        (InverseScaling(power=1), [1 / t for t in range(1, 9)]),
        (InverseRows(), [1, 1, *np.repeat([1 / math.sqrt(14 * e + 1) for e in (1, 2, 3)], 2)]),
        (InverseRows(power=1, rows_seen=5), [1, 1, *np.repeat([1 / 20, 1 / 34, 1 / 48], 2)]),
        (Plateau(plateau_epochs=1), [1] * 8),
        (Constant(warmup_steps=3), [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]),
        (
            Step(every=1, decay=0.5, warmup_steps=3),
            [1 / 4, 1 / 2, 3 / 8, *np.repeat([1 / 2, 1 / 4, 1 / 8], [1, 2, 2])],
        ),
        (
            Cosine(warmup_steps=3),
            [0.25, 0.5, 0.75, *(half_wave(1, 0, t / 5) for t in range(5))],
        ),
    ],
    ids=str,
)
def test_a_schedule_gives_what_its_formula_says(schedule, wanted):
    found = rates(schedule, RunLength(4, 2, rows=14))
    np.testing.assert_allclose(found, ETA * np.array(wanted), rtol=1e-14)


def test_a_limit_on_steps_is_the_length_of_a_schedule_by_step():
    found = rates(Cosine(), RunLength(4, 2, most_steps=4))
    np.testing.assert_allclose(found[:4], [ETA * half_wave(1, 0, t / 4) for t in range(4)])


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 9])
def test_the_engine_records_the_rate_of_the_last_step_and_backends_agree(name, warmup):
    options = {"schedule": name, "warmup_steps": warmup, **OPTIONS.get(name, {})}
    chosen = settings(**options)
    wanted = train(NETWORK, X, LABELS, chosen)
    if name != "plateau":
        every = rates(chosen.schedule, RunLength(6, 8, rows=len(X)))
        recorded = [record.learning_rate for record in wanted.history.epochs]
        assert recorded == every[7::8].tolist()
    got = train(NETWORK, X, LABELS, settings(backend="vectorized", **options))
    allowed = after_steps(48, "float64").relative * np.abs(wanted.parameters).max()
    assert np.abs(got.parameters - wanted.parameters).max() <= allowed
    assert got.history.to_csv().count(",") == wanted.history.to_csv().count(",")


@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
@pytest.mark.parametrize("name", ["step", "exponential"])
def test_a_schedule_by_epoch_works_under_every_plan_of_the_compiled_backend(name, plan):
    options = {"schedule": name, **OPTIONS.get(name, {}), "momentum": 0.5}
    wanted = train(NETWORK, X, LABELS, settings(**options))
    got = train(NETWORK, X, LABELS, settings(backend="numba_cpu", plan=plan, **options))
    allowed = after_steps(48, "float64").relative * np.abs(wanted.parameters).max()
    assert np.abs(got.parameters - wanted.parameters).max() <= allowed


BY_STEP = {"cosine", "one_cycle", "inverse_scaling"}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 9])
@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_steps_have_rates_of_their_own_only_while_they_differ(monkeypatch, name, warmup):
    """A program may then take one rate for all, and keep what follows from it."""
    seen = []

    class Sees(FaultyReference):
        def run_epoch(self, state, X, Y, steps, losses):
            seen.append((steps.learning_rate, steps.rates))
            losses[...] = 1

    choice = Choice(FaultyBackend("sees", Sees), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: choice)
    chosen = settings(schedule=name, warmup_steps=warmup, **OPTIONS.get(name, {}))
    train(NETWORK, X, LABELS, chosen)
    # Eight steps an epoch: a warm-up of nine ends in the second.
    varying = 6 if name in BY_STEP else 2 if warmup else 0
    assert [rates is not None for _, rates in seen] == [True] * varying + [False] * (6 - varying)
    assert {type(rate) for rate, _ in seen} == {float}
    for rate, rates in seen[:varying]:
        assert (rates.shape, rates.dtype, rates[0]) == ((8,), np.float64, rate)


def test_a_plateau_lets_the_rate_fall_where_nothing_improves_any_more():
    # No epoch improves by 10, so the rate falls at each; but not below its limit.
    chosen = settings(
        schedule="plateau", plateau_epochs=1, decay=0.5, final_rate=0.07, min_delta=10
    )
    history = train(NETWORK, X, LABELS, chosen).history
    rates = [record.learning_rate for record in history.epochs]
    assert rates == [0.4, 0.4, 0.2, 0.1, 0.07, 0.07]


def test_a_plateau_ends_the_training_where_the_rate_would_drop_from_its_stop_rate():
    stopping = {"schedule": "plateau", "plateau_epochs": 2, "decay": 0.5, "min_delta": 10}
    history = train(NETWORK, X, LABELS, settings(**stopping, stop_rate=0.2, epochs=20)).history
    # The first epoch improves on nothing; then the rate drops once, and not again from 0.2.
    assert [record.learning_rate for record in history.epochs] == [0.4, 0.4, 0.4, 0.2, 0.2]
    assert history.stopped == "plateau"
    history = train(NETWORK, X, LABELS, settings(**stopping, stop_rate=0.19, epochs=6)).history
    assert history.stopped == "finished"


def test_a_plateau_follows_the_monitored_figure():
    chosen = settings(schedule="plateau", plateau_epochs=2, monitor="accuracy", epochs=20)
    history = train(NETWORK, X, LABELS, chosen).history
    best, waited, rate = -1.0, 0, ETA
    for record in history.epochs:
        assert record.learning_rate == pytest.approx(rate)
        waited = 0 if record.accuracy > best else waited + 1
        best = max(best, record.accuracy)
        if waited == 2:
            rate, waited = rate * 0.1, 0
    assert rate < ETA


def test_chunks_do_not_change_the_rates(monkeypatch):
    whole = train(NETWORK, X, LABELS, settings(schedule="one_cycle"))
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 10)
    cut = train(NETWORK, X, LABELS, settings(schedule="one_cycle"))
    np.testing.assert_array_equal(cut.parameters, whole.parameters)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warmup_steps": 48}, r"warmup_steps is 48, but the run has 48 steps \(6 epochs of 8\)"),
        (
            {"warmup_steps": 1, "max_steps": 1, "epochs": 1},
            r"has 1 step \(1 epoch of 8, max_steps 1\)",
        ),
        ({"warmup_steps": 5, "max_steps": 5}, "the run has 5 steps .*, max_steps 5"),
        ({"schedule": "step", "every": 6}, "every is 6 epochs, but the run has 48 steps"),
        ({"schedule": "plateau", "plateau_epochs": 6}, "plateau_epochs is 6, but the run has 48"),
        ({"schedule": "one_cycle", "warmup_steps": 47}, "goes up and down, but the run has 48"),
        ({"schedule": "cosine", "final_rate": 0.4}, "final_rate is 0.4, but learning_rate is 0.4"),
        ({"schedule": "plateau", "final_rate": 1}, "final_rate is 1.0, but learning_rate is 0.4"),
        ({"schedule": "one_cycle", "final_rate": 1}, "final_rate is 1.0, but learning_rate is 0.4"),
    ],
)
def test_a_run_too_short_for_its_schedule_is_refused_with_the_numbers(changes, message):
    with pytest.raises(CombinationError, match=message):
        train(NETWORK, X, LABELS, settings(**changes))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"schedule": "step"}, CombinationError, "every: must be given for schedule step"),
        (
            {"every": 3},
            CombinationError,
            "every is 3, but schedule constant has no every; it is an option of step",
        ),
        ({"schedule": "cosine", "decay": 0.5}, CombinationError, "cosine has no decay"),
        (
            {"schedule": "cosin"},
            ParameterError,
            "got 'cosin'; did you mean 'cosine'",
        ),
        ({"warmup_steps": -1}, ParameterError, "warmup_steps: must be .* got -1"),
        ({"schedule": "exponential", "decay": 1}, ParameterError, "decay: must be .* got 1.0"),
        ({"schedule": "step", "every": 0}, ParameterError, "every: must be .* got 0"),
        ({"schedule": "inverse_scaling", "power": 0}, ParameterError, "power: must be .* got 0.0"),
        ({"schedule": "cosine", "final_rate": -1}, ParameterError, "final_rate: must be .* got -1"),
        (
            {"schedule": "plateau", "plateau_epochs": 0},
            ParameterError,
            "plateau_epochs: must be .*0",
        ),
    ],
)
def test_options_of_schedules_are_checked_when_built(changes, error, message):
    with pytest.raises(error, match=message):
        settings(**changes)


def test_a_backend_without_rates_is_refused_by_name_and_passed_over_by_auto(monkeypatch):
    chosen = registry.load("numba_cpu")
    plain = dataclasses.replace(chosen.capabilities, step_fields=frozenset())
    monkeypatch.setattr(type(chosen), "capabilities", plain)
    with pytest.raises(UnavailableBackendError, match="lacks step field 'rates'"):
        train(NETWORK, X, LABELS, settings(backend="numba_cpu", schedule="cosine"))
    history = train(NETWORK, X, LABELS, settings(backend="auto", schedule="cosine")).history
    assert history.backend == "vectorized"


def test_networks_at_once_may_have_schedules_of_their_own():
    networks = [NETWORK, multilayer_perceptron(4, (), 1)]
    chosen = [
        settings(backend="numba_cpu", schedule="exponential"),
        settings(backend="numba_cpu", schedule="step", every=3),
    ]
    results = train_many(networks, X, LABELS, chosen)
    for network, own, result in zip(networks, chosen, results, strict=True):
        alone = train(network, X, LABELS, own)
        allowed = after_steps(48, "float64").relative * np.abs(alone.parameters).max()
        assert np.abs(result.parameters - alone.parameters).max() <= allowed
        assert [record.learning_rate for record in result.history.epochs] == [
            record.learning_rate for record in alone.history.epochs
        ]


@pytest.mark.parametrize("schedule", [InverseRows(power=1e308), InverseScaling(power=1e308)])
def test_a_power_beyond_all_numbers_is_a_rate_of_0(schedule):
    assert rates(schedule, RunLength(3, 1, None, 50)).tolist() == [ETA, 0, 0]
