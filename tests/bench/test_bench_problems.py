"""A problem is the training that `train` does, from fresh weights each time."""

import dataclasses

import numpy as np
import pytest

from faults.faulty_reference import FaultyBackend
from samplewise import registry
from samplewise.contract import Plan
from samplewise.errors import UnavailableBackendError
from samplewise.network import SGD, multilayer_perceptron
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train
from samplewise_bench import problems, rows, training
from samplewise_bench.shapes import perceptron
from samplewise_bench.training import Training, fresh_state


@pytest.fixture(params=["reference", "vectorized", "numba_cpu"])
def backend(request):
    return request.param


@pytest.fixture
def row_problem(small_rows, small_data):
    return rows.row_problem(small_rows[1], data=small_data)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_it_trains_as_training_does(backend, batch_size, small_rows, small_data):
    row = small_rows[1]
    problem = rows.row_problem(row, "float64", batch_size, small_data)
    run = Training(problem, backend).run_once()
    settings = TrainingSettings.from_options(
        learning_rate=row.learning_rate,
        epochs=row.epochs,
        batch_size=batch_size,
        backend=backend,
        seed=problems.SEED,
    )
    network = multilayer_perceptron(16, (row.hidden,), 1)
    history = train(network, small_data.X, small_data.training.labels, settings).history
    assert [run.first_loss, run.final_loss] == history.losses
    assert 0 < run.seconds < 60


def test_every_run_starts_from_the_same_weights(backend, row_problem):
    trained = Training(row_problem, backend)
    first, second = trained.run_once(), trained.run_once()
    assert dataclasses.replace(first, seconds=0) == dataclasses.replace(second, seconds=0)
    assert first.final_loss < first.first_loss


def test_a_nudge_moves_every_weight_by_one_ulp(row_problem):
    fresh, nudged = fresh_state(row_problem), fresh_state(row_problem, nudged=True)
    np.testing.assert_array_equal(nudged.parameters, np.nextafter(fresh.parameters, np.inf))


def test_an_epoch_is_cut_as_training_cuts_it(monkeypatch, row_problem):
    trained = Training(row_problem, "reference")
    seen = []
    original = trained.program.run_epoch

    def recorded(state, X, Y, steps, losses):
        seen.append((steps.start, steps.stop, state.step))
        original(state, X, Y, steps, losses)

    monkeypatch.setattr(training.batches, "CHUNK_SAMPLES", 16)
    monkeypatch.setattr(trained.program, "run_epoch", recorded)
    trained.run_once()
    windows = [(0, 16), (16, 32), (32, 40)]
    assert [window[:2] for window in seen] == windows * 2
    assert [window[2] for window in seen] == [0, 16, 32, 40, 56, 72]


def test_every_training_has_arrays_of_its_own_and_ends_in_its_state(monkeypatch, row_problem):
    # A program may keep what follows from rows or order; a second training must pay for it again.
    trained = Training(row_problem, "reference")
    arrays, told = [], []
    original = trained.program.run_epoch

    def recorded(state, X, Y, steps, losses):
        arrays.append((X, steps.order))
        original(state, X, Y, steps, losses)

    monkeypatch.setattr(trained.program, "run_epoch", recorded)
    monkeypatch.setattr(trained.program, "synchronize", told.append)
    trained.run_once()
    trained.run_once()
    for array in zip(*arrays, strict=True):
        assert len({id(each) for each in array}) == 2
    assert [state.step for state in told] == [80, 80]


@pytest.mark.parametrize(("shuffle", "orders"), [(False, 1), (True, 2)])
def test_a_shuffled_problem_takes_a_new_order_in_each_epoch(
    monkeypatch, row_problem, shuffle, orders
):
    shuffled = dataclasses.replace(row_problem, shuffle=shuffle)
    assert shuffled.workload().shuffle is shuffle
    trained = Training(shuffled, "reference")
    seen = []
    monkeypatch.setattr(
        trained.program, "run_epoch", lambda state, X, Y, steps, losses: seen.append(steps.order)
    )
    trained.run_once()
    assert len({tuple(order) for order in seen}) == orders
    assert all(sorted(order) == list(range(40)) for order in seen)


def test_a_shape_says_whether_its_rows_are_shuffled():
    for shuffle in (False, True):
        assert perceptron(4, (2,), 1, 8, shuffle=shuffle).problem().shuffle is shuffle


def test_a_backend_is_taken_as_it_is(row_problem):
    backend = FaultyBackend("of the test")
    assert Training(row_problem, backend).session.backend is backend


def test_time_is_that_of_the_clock(row_problem):
    ticks = iter(range(0, 1000, 10))
    run = Training(row_problem, "reference", clock=lambda: next(ticks)).run_once()
    # Two epochs of one stretch each, and bringing the weights out.
    assert run.seconds == 30


def test_a_drawn_problem_can_be_learned(backend):
    for outputs in (1, 4):
        network = multilayer_perceptron(30, (8,), outputs)
        problem = problems.drawn_problem(network, 64, epochs=30, batch_size=4)
        assert problem.X.dtype == problem.Y.dtype == np.float32
        assert problem.Y.shape == (64, outputs)
        assert np.linalg.norm(problem.X, axis=1).mean() == pytest.approx(1, abs=0.1)
        run = Training(problem, backend).run_once()
        assert run.final_loss < 0.95 * run.first_loss
        assert run.accuracy is None


def test_the_optimizer_of_a_problem_is_used():
    network = multilayer_perceptron(30, (8,), 1)
    plain = problems.drawn_problem(network, 64)
    heavy = dataclasses.replace(plain, optimizer=SGD(momentum=0.9))
    runs = [Training(problem, "reference").run_once() for problem in (plain, heavy)]
    assert runs[0].final_loss != runs[1].final_loss


class OneAfterTheOther:
    """Trains many networks as a backend that can would do it; keeps the windows of its calls."""

    def __init__(self, networks, loss, optimizers, dtype, workload):
        reference = registry.load("reference")
        self.plan, self.windows = Plan(), []
        self.programs = [
            reference.compile(network, loss, optimizer, dtype, workload)
            for network, optimizer in zip(networks, optimizers, strict=True)
        ]

    def warm_up(self):
        pass

    def run_epoch(self, states, X, Y, steps, losses, active):
        self.windows.append((steps[0].start, steps[0].stop))
        for k in active:
            self.programs[k].run_epoch(states[k], X, Y, steps[k], losses[k])

    def synchronize(self, states):
        pass


@pytest.fixture
def three(monkeypatch, row_problem):
    """Three networks with their own weights and rates, and a reference that trains many."""
    backend = type(registry.load("reference"))
    able = dataclasses.replace(backend().capabilities, many=True)
    monkeypatch.setattr(backend, "capabilities", able)
    monkeypatch.setattr(
        backend, "compile_many", lambda _, *given: OneAfterTheOther(*given), raising=False
    )
    return [dataclasses.replace(row_problem, seed=k, learning_rate=0.1 + k) for k in range(3)]


def test_many_networks_train_as_each_does_alone(three):
    run = Training(three, "reference").run_once()
    alone = [Training(problem, "reference").run_once() for problem in three]
    assert run.first_loss == pytest.approx(np.mean([each.first_loss for each in alone]))
    assert run.final_loss == pytest.approx(np.mean([each.final_loss for each in alone]))


def test_stretches_of_many_networks_are_shorter(three, monkeypatch):
    monkeypatch.setattr(training.batches, "CHUNK_SAMPLES", 60)
    trained = Training(three, "reference")
    trained.run_once()
    assert trained.program.windows == [(0, 20), (20, 40)] * 2


def test_a_backend_that_trains_one_network_at_a_time_is_refused(row_problem):
    with pytest.raises(UnavailableBackendError, match="'reference' trains one network at a time"):
        Training([row_problem], "reference")


def test_operations_leave_out_the_gradient_of_the_input():
    # 784-10-1: forward and weight gradients 7850 multiply-adds each, input gradient of layer 2: 10.
    network = multilayer_perceptron(784, (10,), 1)
    assert problems.flops_per_sample(network) == 2 * (7850 + 7850 + 10)


def test_the_report_has_800_rows_to_train_on_and_200_to_test():
    data = problems.report_data()
    assert data.X.shape == (800, 784)
    assert len(data.test) == 200
    assert 0 <= data.X.min() < data.X.max() <= 1
    assert data.training.synthetic
