"""The table of workloads, and who takes part."""

import pytest

from samplewise_bench.peers.comparison import PeerChoice
from samplewise_bench.peers.task import OWN, PEERS, peer_named
from samplewise_bench.peers.workloads import NETWORKS, WORKLOADS

SHAPES = {
    "784-10-1": (800, 784, (10, 1), 1, 10),
    "784-60-1": (800, 784, (60, 1), 1, 10),
    "784-256-1": (800, 784, (256, 1), 1, 10),
    "784-10-1-b32": (800, 784, (10, 1), 32, 10),
    "784-128-10-b1": (800, 784, (128, 10), 1, 10),
    "784-128-10-b16": (800, 784, (128, 10), 16, 10),
    "wide": (500, 20_000, (32, 1), 1, 20),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_workload_is_what_its_title_says(name):
    task = WORKLOADS[name].build()
    problem = task.problem
    units = tuple(layer.units for layer in problem.network.layers)
    assert (*problem.X.shape, units, problem.batch_size, problem.epochs) == SHAPES[name]
    assert problem.X.dtype == "float32"
    assert problem.optimizer.momentum == (0.9 if "128" in name else 0)
    assert (len(task.problems), task.calls, task.cores) == (1, 0, 1)


def test_the_floor_counts_the_textbooks_products():
    task = WORKLOADS["784-10-1"].build()
    rest = 2 * 3 * 10 * 800 * 10
    assert task.flops == 4 * 800 * 784 * 10 * 10 + rest


def test_many_networks_differ_in_their_weights_alone():
    for name, cores in (("50-networks", 1), ("50-networks-2-cores", 2)):
        task = WORKLOADS[name].build()
        assert len(task.problems) == NETWORKS
        assert task.cores == cores
        assert len({problem.parameters.tobytes() for problem in task.problems}) == NETWORKS
        assert all(problem.X is task.problem.X for problem in task.problems)
        assert task.flops == NETWORKS * WORKLOADS["784-10-1"].build().flops


def test_a_prediction_is_called_often():
    task = WORKLOADS["predict"].build()
    assert task.calls == 1000
    assert task.flops == 2 * 1000 * (784 * 10 + 10)


def test_every_workload_asks_known_peers_and_samplewise():
    for workload in WORKLOADS.values():
        assert set(workload.peers) <= set(PEERS)
        assert OWN in workload.peers


def test_every_peer_can_be_described_without_its_library():
    for name in PEERS:
        assert "install" in peer_named(name).install


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (
            PeerChoice(),
            {"numba_cpu direct", "numba_cpu auto", "vectorized direct", "numba_cpu program"},
        ),
        (PeerChoice(plans=("auto",)), {"numba_cpu auto", "numba_cpu program"}),
        (PeerChoice(backends=("vectorized",)), {"vectorized direct"}),
        (
            PeerChoice(plans=("direct",), backends=("numba_cpu",)),
            {"numba_cpu direct", "numba_cpu program"},
        ),
    ],
)
def test_plans_and_backends_choose_among_samplewises_ways(choice, wanted):
    ways = ("numba_cpu direct", "numba_cpu auto", "vectorized direct", "numba_cpu program")
    assert {way for way in ways if choice.wants(OWN, way)} == wanted
    assert choice.wants("jax", "jit(scan)")
