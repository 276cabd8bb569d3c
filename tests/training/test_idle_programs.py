"""A training takes over the program of an equal one that has ended, and nothing else of it."""

import gc
import threading
import weakref

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X

from limits import LIMIT_S, joined
from samplewise import registry
from samplewise.contract import Plan
from samplewise.errors import DivergenceError
from samplewise.network import Dense, Dropout, Network, multilayer_perceptron
from samplewise.network.custom import CUSTOM_ACTIVATIONS, register_activation
from samplewise.threads import many_split_over
from samplewise.training.idle_programs import IDLE, MOST_BYTES, MOST_PROGRAMS, ProgramKey, keep
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

OTHER = np.random.default_rng(8).standard_normal(X.shape)
BACKENDS = ("vectorized", "numba_cpu")
RELU = multilayer_perceptron(4, (3,), 1, "relu")
DROPS = Network((4,), (Dense(6, "relu"), Dropout(0.3), Dense(1)))


@pytest.fixture(autouse=True)
def _nothing_idle():
    IDLE.clear()
    yield
    IDLE.clear()


@pytest.fixture
def programs(monkeypatch):
    """The programs that trainings compile, in their order."""
    found = []
    for backend in map(registry.load, BACKENDS):
        for name in ("compile", "compile_many"):
            if hasattr(backend, name):
                monkeypatch.setattr(backend, name, counted(getattr(backend, name), found))
    return found


def counted(compiled, found):
    def compiles(*description):
        found.append(compiled(*description))
        return found[-1]

    return compiles


def settings(**changes):
    return TrainingSettings.from_options(
        **{"backend": "vectorized", "epochs": 2, "batch_size": 2, **changes}
    )


def weights(rows, labels=LABELS, network=NETWORK, **changes):
    return train(network, rows, labels, settings(**changes)).parameters.tobytes()


def without_dual(changes):
    """Return the changes of a test; skip those that ask for a plan that the backend has not."""
    if changes.get("plan") == "dual" and changes["backend"] != "numba_cpu":
        pytest.skip(f"{changes['backend']} has no plan dual")
    return changes


def test_an_equal_training_compiles_nothing(programs):
    for rows in (X, OTHER, X):
        weights(rows, seed=len(programs))
    assert len(programs) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 3},
        {"epochs": 3},
        {"dtype": "float32"},
        {"optimizer": "adam"},
        {"momentum": 0.5},
        {"plan": "blocked"},
        {"label_smoothing": 0.1},
        {"schedule": "one_cycle"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_description_compiles_anew(programs, changes):
    weights(X)
    weights(X, **changes)
    assert len(programs) == 2


@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
def test_rows_whose_products_may_overflow_have_programs_of_their_own(programs):
    for factor in (1, 1e150, 1, 1e150, 2e150):
        weights(X * factor, learning_rate=1e-300)
    assert len(programs) == 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("network", [NETWORK, DROPS])
@pytest.mark.parametrize(
    "changes",
    [
        {"plan": "direct"},
        {"plan": "blocked", "batch_size": 1, "momentum": 0.9, "l2": 0.01},
        {"plan": "dual", "batch_size": 1, "momentum": 0.9},
        {"optimizer": "adam", "shuffle": True},
    ],
    ids=["direct", "blocked", "dual", "adam"],
)
def test_trainings_in_turn_have_the_bits_of_those_alone(programs, backend, network, changes):
    changes = without_dual({**changes, "backend": backend})

    def alone(rows):
        IDLE.clear()
        return weights(rows, network=network, **changes)

    wanted = [alone(rows) for rows in (X, OTHER)]
    programs.clear()
    IDLE.clear()
    for _ in range(2):
        assert [weights(rows, network=network, **changes) for rows in (X, OTHER)] == wanted
    assert len(programs) == 1


def test_trainings_inside_and_beside_others_have_programs_of_their_own(programs):
    wanted = weights(X)
    results = []

    def nested(record):
        if record.epoch == 1:
            results.append(weights(X))

    both = threading.Barrier(4, timeout=LIMIT_S)

    def beside():
        both.wait()
        results.append(train(NETWORK, X, LABELS, settings(), callbacks=nested).parameters.tobytes())

    threads = [threading.Thread(target=beside) for _ in range(4)]
    for thread in threads:
        thread.start()
    joined(*threads)
    assert results == [wanted] * 8


def watched(monkeypatch, program, looks):
    """Call `looks` with the arguments of each call that trains."""

    def around(method):
        def looked(self, *arguments):
            looks(*arguments)
            return method(self, *arguments)

        return looked

    for name in ("run_epoch", "run_epochs"):
        if hasattr(program, name):
            monkeypatch.setattr(program, name, around(getattr(program, name)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
def test_nothing_of_the_rows_is_kept(monkeypatch, programs, backend, plan):
    changes = {"backend": backend, "plan": plan, "batch_size": 1, "momentum": 0.9}
    seen, changes = [], without_dual(changes)
    weights(X, **changes)

    def looks(state, X, Y, steps, losses, *_):
        of_state = state.parameters, state.optimizer_state
        each = steps if isinstance(steps, list) else [steps]
        of_steps = (array for one in each for array in (one.order, one.decisions))
        seen.extend(map(weakref.ref, (X, Y, losses, *of_steps, *of_state)))

    watched(monkeypatch, type(programs[0]), looks)
    weights(OTHER, **changes)
    gc.collect()
    assert len(seen) >= 7
    assert all(ref() is None for ref in seen)
    assert len(programs) == 1


def test_a_program_is_dropped_after_an_error(programs):
    def fails(record):
        raise LookupError

    with pytest.raises(LookupError):
        train(NETWORK, X, LABELS, settings(), callbacks=fails)
    weights(X)
    assert len(programs) == 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("plan", ["direct", "blocked"])
def test_a_training_that_diverged_leaves_nothing_behind(programs, backend, plan):
    changes = {"backend": backend, "plan": plan, "network": RELU, "batch_size": 1}
    wanted = weights(X, **changes)
    for _ in range(2):
        with pytest.raises(DivergenceError, match="epoch"):
            weights(X, learning_rate=1e200, **changes)
    assert weights(X, **changes) == wanted
    assert len(programs) == 1


def test_few_programs_are_kept(programs):
    for epochs in range(1, MOST_PROGRAMS + 2):
        weights(X, epochs=epochs)
    weights(X, epochs=2)
    assert len(programs) == MOST_PROGRAMS + 1
    weights(X, epochs=1)
    assert len(programs) == MOST_PROGRAMS + 2


def test_large_programs_are_not_kept(programs):
    for _ in range(2):
        weights(np.zeros((2, 1_500_000)), [0, 1], multilayer_perceptron(1_500_000, (), 1), epochs=1)
    assert len(programs) == 2


KEY = ProgramKey(("key",))


class Ended:
    """A program after its training, with such a plan and such an answer to `forget`."""

    def __init__(self, *, memory_bytes=0, forgets=True):
        self.plan = Plan(memory_bytes=memory_bytes)
        self.forget = lambda: forgets


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, True),
        ({"memory_bytes": MOST_BYTES}, True),
        ({"memory_bytes": MOST_BYTES + 1}, False),
        ({"forgets": False}, False),
        ({"forgets": None}, False),
    ],
)
def test_a_program_is_kept_where_it_is_small_and_has_forgotten(given, kept):
    program = Ended(**given)
    keep(KEY, registry.load("vectorized"), program)
    assert IDLE.take(KEY) is (program if kept else None)


def test_buffers_of_all_idle_programs_are_bounded_together():
    backend, programs = registry.load("vectorized"), [Ended(memory_bytes=1) for _ in range(4)]
    share = MOST_BYTES // 3
    keys = [ProgramKey((number,), share - number) for number in range(4)]
    for key, program in zip(keys, programs, strict=True):
        keep(key, backend, program)
    assert [IDLE.take(key) for key in keys] == [None, *programs[1:]]
    keep(ProgramKey(("large",), MOST_BYTES), backend, programs[0])
    assert IDLE.take(ProgramKey(("large",))) is None


def test_a_program_that_cannot_forget_is_not_kept():
    program = Ended()
    del program.forget
    keep(KEY, registry.load("vectorized"), program)
    assert IDLE.take(KEY) is None


def test_an_activation_that_is_registered_anew_is_the_new_one(programs):
    found = []
    for factor in (0.5, 0.25):
        register_activation(
            "a_share",
            lambda z, factor=factor: factor * z,
            lambda z, factor=factor: np.full_like(z, factor),
            replace=bool(found),
        )
        found.append(weights(X, network=multilayer_perceptron(4, (3,), 1, "a_share")))
    del CUSTOM_ACTIVATIONS.table["a_share"]
    assert found[0] != found[1]


MANY = {
    "abreast": {"plan": "direct:abreast", "batch_size": 1, "momentum": 0.9, "l2": 0.01},
    "by rows": {"plan": "direct", "batch_size": 1},
    "thin": {"plan": "direct:thin", "optimizer": "adam", "shuffle": True},
    "blocked": {"plan": "blocked", "batch_size": 1, "momentum": 0.9, "l2": 0.01},
}


def weights_of_many(rows, epochs=(2, 3, 2), **changes):
    own = [settings(backend="numba_cpu", **{**changes, "epochs": count}) for count in epochs]
    networks = [NETWORK] * len(epochs)
    return [one.parameters.tobytes() for one in train_many(networks, rows, LABELS, own)]


@pytest.mark.parametrize("changes", MANY.values(), ids=MANY)
def test_trainings_of_many_in_turn_have_the_bits_of_those_alone(programs, changes):
    def alone(rows):
        IDLE.clear()
        return weights_of_many(rows, **changes)

    wanted = [alone(rows) for rows in (X, OTHER)]
    programs.clear()
    IDLE.clear()
    for _ in range(2):
        assert [weights_of_many(rows, **changes) for rows in (X, OTHER)] == wanted
    assert len(programs) == 1


@pytest.mark.parametrize("changes", MANY.values(), ids=MANY)
def test_nothing_of_the_rows_of_many_is_kept(monkeypatch, programs, changes):
    seen = []
    weights_of_many(X, **changes)

    def looks(states, X, Y, steps, losses, *_):
        of_states = (array for one in states for array in (one.parameters, one.optimizer_state))
        seen.extend(map(weakref.ref, (X, Y, losses, *of_states)))

    watched(monkeypatch, type(programs[0]), looks)
    weights_of_many(OTHER, **changes)
    gc.collect()
    assert len(seen) >= 12
    assert all(ref() is None for ref in seen)
    assert len(programs) == 1


@pytest.mark.parametrize(
    "changes", [{"epochs": (2, 2, 2, 2)}, {"epochs": (2, 2)}, {"momentum": 0.8}, {"batch_size": 2}]
)
def test_other_networks_at_once_compile_anew(programs, changes):
    first = {"batch_size": 1, "momentum": 0.9}
    weights_of_many(X, **first)
    weights_of_many(X, **{**first, **changes})
    assert len(programs) == 2


def test_many_that_are_split_over_threads_have_a_program_of_their_own(programs):
    for split in (1, 2, 1, 2):
        with many_split_over(split):
            weights_of_many(X)
    assert len(programs) == 2
