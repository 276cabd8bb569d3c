"""A peer's process: what it replies, what it is pinned to, and what becomes of one that dies."""

import dataclasses
import os
import signal
from concurrent.futures import Future
from pathlib import Path

import pytest
from peers_task import small_task

from samplewise.threads import VARIABLES
from samplewise_bench.conditions import usable_cores
from samplewise_bench.peers import comparison, host
from samplewise_bench.peers.comparison import PeerChoice, compare_peers
from samplewise_bench.peers.host import AbsentPeerError, FailedPeerError, RemotePeer
from samplewise_bench.peers.results import TIMED
from samplewise_bench.peers.task import OWN, PEERS, Task, peer_named
from samplewise_bench.peers.workloads import PeerWorkload


@pytest.fixture(scope="module")
def loaded():
    """A process that has loaded its peer, for tests that leave it alive, and its reply."""
    remote = RemotePeer("scikit-learn", usable_cores()[:1])
    yield remote, remote.load()
    remote.close()
    assert not remote.alive


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    """No peer but scikit-learn, which samplewise itself needs; what is missing also talks."""
    for library in ("jax", "torch"):
        says = f"print('hello from {library}', flush=True)"
        (tmp_path / f"{library}.py").write_text(f"{says}\nraise ImportError('no {library} here')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SAMPLEWISE_FANN", str(tmp_path / "libfann.so"))


def test_it_tells_version_and_import_time(loaded):
    _, (version, seconds) = loaded
    assert version.count(".") >= 1
    assert 0 < seconds < 60


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no pinning here")
def test_it_is_pinned_and_has_one_thread(loaded):
    remote, _ = loaded
    process = remote.process.pid
    assert os.sched_getaffinity(process) == set(usable_cores()[:1])
    environ = Path(f"/proc/{process}/environ").read_text(encoding="utf-8")
    variables = dict(pair.split("=", 1) for pair in environ.split("\0") if pair)
    assert {variables[name] for name in VARIABLES} == {"1"}


def test_an_interrupt_is_left_to_the_parent(loaded):
    remote, _ = loaded
    os.kill(remote.process.pid, signal.SIGINT)
    assert remote.ways(small_task()) == ["MLPClassifier"]


def test_one_that_dies_even_as_it_starts_is_named_with_its_end():
    remote = RemotePeer("scikit-learn", usable_cores()[:1])
    try:
        remote.process.kill()
        with pytest.raises(FailedPeerError, match="scikit-learn ended: SIGKILL"):
            remote.ways(small_task())
        assert not remote.alive
    finally:
        remote.close()


def test_one_that_dies_while_the_pool_takes_a_request_is_not_waited_for(monkeypatch):
    """Python's pool may take one for which it then neither has a process nor an error."""
    monkeypatch.setattr(host, "_LOOK_S", 0.05)
    remote = RemotePeer("scikit-learn", usable_cores()[:1])
    try:
        monkeypatch.setattr(remote._pool, "submit", lambda *_: Future())
        remote.process.kill()
        with pytest.raises(FailedPeerError, match="scikit-learn ended: SIGKILL"):
            remote.ways(small_task())
    finally:
        remote.close()


def test_what_it_raises_comes_back_as_text(loaded):
    remote, _ = loaded
    remote.ways(small_task())
    with pytest.raises(FailedPeerError, match="IndexError"):
        remote.first_run(7)
    assert remote.alive


@pytest.mark.parametrize("name", ["jax", "pytorch", "fann"])
def test_an_absent_library_says_so_whatever_it_prints(nothing_installed, name):
    remote = RemotePeer(name, usable_cores()[:1])
    try:
        with pytest.raises(AbsentPeerError, match="no jax|no torch|libfann"):
            remote.load()
    finally:
        remote.close()


def test_with_no_peer_installed_samplewise_is_still_compared(nothing_installed):
    told = []
    workloads = {"small": PeerWorkload("a small network", lambda: small_task(batch_size=8))}
    choice = PeerChoice(plans=("direct",))
    compared = compare_peers(choice, rounds=1, workloads=workloads, log=told.append)
    absent = {info.name for info in compared.peers if info.absent}
    assert absent == {"jax", "pytorch", "fann"}
    assert {info.install for info in compared.peers if info.absent} == {
        peer_named(name).install for name in absent
    }
    (result,) = compared.results
    timed = {entry.peer for entry in result.entries if entry.state == TIMED}
    assert timed == {OWN, "scikit-learn"}
    assert set(PEERS) == {info.name for info in compared.peers}
    assert result.baseline == "samplewise numba_cpu direct"
    assert "small: a small network" in told
    assert any(line.startswith("  scikit-learn MLPClassifier: ") and "ms" in line for line in told)
    assert compared.calibration.dtype == "float32"


def test_a_workload_for_more_cores_than_there_are_is_left_out(monkeypatch):
    monkeypatch.setattr(comparison, "usable_cores", lambda: [0])
    two = dataclasses.replace(small_task(), cores=2)
    told = []
    compared = compare_peers(
        PeerChoice(peers=(OWN,)),
        workloads={"two": PeerWorkload("two", lambda: two)},
        log=told.append,
    )
    assert compared.results == ()
    assert "left out: it takes 2 cores" in told[-1]


def test_a_workload_that_tells_nothing_does_not_lose_the_others():
    calm = small_task(hidden=(30, 30), activation="tanh").problem
    wild = dataclasses.replace(calm, learning_rate=5.0, epochs=40, init="normal")
    workloads = {
        "wild": PeerWorkload("a chaotic one", lambda: Task((wild,))),
        "calm": PeerWorkload("a calm one", lambda: small_task(calls=5)),
    }
    choice = PeerChoice(peers=(OWN,), backends=("vectorized",))
    compared = compare_peers(choice, rounds=1, workloads=workloads)
    assert [bool(result.entries) for result in compared.results] == [False, True]
    assert "yardstick" in compared.results[0].note
