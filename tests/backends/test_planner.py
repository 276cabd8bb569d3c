"""The planner: what is asked for is done where it fits, and the choice is said with its reason."""

import numpy as np
import pytest

from samplewise.contract import PLANS, Workload
from samplewise.network import SGD, loss_named, multilayer_perceptron
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.planning.planner import choose
from samplewise_backends.numba_cpu.storage import Member

FLOAT32 = np.dtype("float32")


def chosen(workload, inputs=784, hidden=(10,), optimizer=None):
    member = Member(multilayer_perceptron(inputs, hidden, 1), optimizer or SGD())
    return choose([member], workload, FLOAT32)


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_that_is_asked_for_is_taken(plan):
    found = chosen(Workload(800, epochs=10, plan=plan)).plan
    assert found.name == plan
    assert "asked for" in found.reason
    assert found.in_place == (plan != "dual")


def test_a_plan_beyond_the_memory_falls_back_and_says_so():
    found = chosen(Workload(3000, plan="dual", memory_mb=8)).plan
    assert found.name == "blocked"
    assert "does not fit the memory" in found.reason
    assert found.memory_bytes <= 8 * 2**20


def test_few_wide_rows_and_many_epochs_take_the_dual_plan():
    assert chosen(Workload(500, epochs=20), inputs=20_000, hidden=(32,)).plan.name == "dual"


def test_gram_blocks_are_kept_only_while_the_order_holds():
    assert chosen(Workload(800, epochs=10, plan="blocked")).keeps_gram
    assert not chosen(Workload(800, epochs=10, plan="blocked", shuffle=True)).keeps_gram


@pytest.mark.parametrize("batch_size", [1, 7, 32, 500])
def test_blocks_are_whole_batches(batch_size):
    found = chosen(Workload(800, batch_size, plan="blocked")).plan
    assert found.block % batch_size == 0


def test_the_choice_is_the_same_each_time_and_has_its_predictions():
    workload = Workload(800, epochs=10)
    found = chosen(workload).plan
    assert found == chosen(workload).plan
    assert found.epoch_ms == found.alternatives[found.name] > 0
    assert set(found.alternatives) == set(PLANS)


def test_gram_blocks_count_against_the_memory():
    # 300,000 rows by 16 or more take 18 MiB and more; a block and its buffers less than 1.
    rows = {
        mb: chosen(Workload(300_000, epochs=50, plan="blocked", memory_mb=mb)) for mb in (1, 99)
    }
    assert rows[99].keeps_gram
    assert not rows[1].keeps_gram
    assert "do not fit the memory" in rows[1].plan.reason
    assert rows[1].plan.memory_bytes <= 2**20


def test_without_memory_steps_are_made_one_by_one():
    found = chosen(Workload(800, epochs=10, plan="blocked", memory_mb=0)).plan
    assert found.name == "direct"
    assert "does not fit the memory" in found.reason


@pytest.mark.parametrize(("block", "batch_size", "taken"), [(32, 1, 32), (50, 16, 48)])
def test_a_backend_with_one_block_takes_it_in_whole_batches(block, batch_size, taken):
    workload = Workload(800, batch_size, 10, plan="blocked")
    network, loss = multilayer_perceptron(784, (10,), 1), loss_named("binary_cross_entropy")
    program = NumbaBackend(blocks=(block,)).compile(network, loss, SGD(), FLOAT32, workload)
    assert program.plan.block == taken
