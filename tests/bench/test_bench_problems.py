"""A problem is the training that `train` does, from fresh weights each time."""

import dataclasses

import numpy as np
import pytest

from samplewise.bench import problems
from samplewise.network import multilayer_perceptron
from samplewise.training.loop import train
from samplewise.training.settings import TrainingSettings


@pytest.fixture(params=["reference", "vectorized", "numba_cpu"])
def backend(request):
    return request.param


@pytest.mark.parametrize("batch_size", [1, 32])
def test_it_trains_as_training_does(backend, batch_size, small_rows, small_data):
    row = small_rows[1]
    run = problems.Problem(row, backend, "float64", batch_size, small_data).run_once()
    settings = TrainingSettings(
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


def test_every_run_starts_from_the_same_weights(backend, small_rows, small_data):
    problem = problems.Problem(small_rows[0], backend, data=small_data)
    first, second = problem.run_once(), problem.run_once()
    assert dataclasses.replace(first, seconds=0) == dataclasses.replace(second, seconds=0)
    assert first.final_loss < first.first_loss


def test_a_nudge_moves_every_weight_by_one_ulp(small_rows, small_data):
    problem = problems.Problem(small_rows[0], "reference", data=small_data)
    fresh, nudged = problem.fresh_state(), problem.fresh_state(nudged=True)
    np.testing.assert_array_equal(nudged.parameters, np.nextafter(fresh.parameters, np.inf))


def test_an_epoch_is_cut_as_training_cuts_it(monkeypatch, small_rows, small_data):
    problem = problems.Problem(small_rows[0], "reference", data=small_data)
    windows = []
    original = problem.program.run_epoch

    def recorded(state, X, Y, steps, losses):
        windows.append((steps.start, steps.stop))
        original(state, X, Y, steps, losses)

    monkeypatch.setattr(problems.batches, "STRETCH_SAMPLES", 16)
    monkeypatch.setattr(problem.program, "run_epoch", recorded)
    problem.run_once()
    assert windows == [(0, 16), (16, 32), (32, 40)] * 2


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
