"""A sweep on a dask cluster of two processes on this machine."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib import metadata

import joblib
import kills
import numpy as np
import pytest
from test_processes import SWEEP, entries_of

from limits import killed_late
from samplewise._version import __version__
from samplewise.errors import ParameterError, WorkerError
from samplewise.sweep import cluster as clusters
from samplewise.sweep import executors, groups
from samplewise.sweep.cluster import Cluster
from samplewise.sweep.results import read_results
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.run import run_sweep

distributed = pytest.importorskip("distributed")
TEXT = """
[settings]
data = "clouds.npz"
backend = "vectorized"
epochs = 1
[space]
learning_rate = [0.1, 0.2]
preprocess = ["none", "standardize"]
"""


@pytest.fixture(scope="module")
def local():
    """A cluster of two worker processes with a thread each."""
    with kills.local_cluster() as cluster:
        yield cluster


@pytest.fixture
def client(local):
    with local.get_client() as client:
        yield client


def test_a_cluster_writes_the_journal_of_one_process_bit_by_bit(
    clouds, tmp_path, monkeypatch, client
):
    monkeypatch.setattr(groups, "FIRST", 2)
    monkeypatch.setattr(groups, "MOST", 2)
    run_sweep(SWEEP, tmp_path / "one", data=clouds)
    with joblib.parallel_config("dask", client=client):
        run_sweep(SWEEP, tmp_path / "cluster", data=clouds)
    assert entries_of(tmp_path / "one") == entries_of(tmp_path / "cluster")


def test_a_killed_worker_loses_and_doubles_no_trial(tmp_path, monkeypatch, local, client):
    monkeypatch.setattr(groups, "FIRST", 1)
    monkeypatch.setattr(groups, "GROUP_S", 0.0)
    with (
        joblib.parallel_config("dask", client=client),
        kills.killer(kills.workers_of(local), 1, tmp_path / "sweep") as moments,
    ):
        sweep, entries = kills.swept(tmp_path / "sweep", 6, 30)
    assert len(moments) == 1
    assert kills.faults_of(sweep, entries) == {"lost": 0, "doubled": 0, "failed": 0}


def test_the_command_trains_on_the_cluster_of_an_address(clouds, tmp_path, local):
    (tmp_path / "sweep.toml").write_text(TEXT)
    np.savez(tmp_path / "clouds.npz", dataset=clouds.X, labels=clouds.labels)
    main = "import sys\nfrom samplewise.cli.app import main\nsys.exit(main())"
    command = [sys.executable, "-c", main, "sweep", "sweep.toml", "--out", "out"]
    command += ["--dask", local.scheduler_address]
    ended = subprocess.run(
        command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert (ended.returncode, "trial 4/4" in ended.stderr) == (0, True), ended.stderr
    assert [row["status"] for row in read_results(tmp_path / "out").rows] == ["done"] * 4


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "what://127.0.0.1:8786"])
def test_an_address_where_no_scheduler_answers_is_an_error_in_bounded_time(monkeypatch, address):
    monkeypatch.setattr(clusters, "CONNECT_S", 0.5)
    with pytest.raises(WorkerError, match=f"no scheduler answers at '{address}' .*start"):
        clusters.connected(address)


def test_without_dask_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr("samplewise.sweep.results.find_spec", lambda name: None)
    with pytest.raises(ParameterError, match=r"dask: distributed is not .*samplewise\[dask\]"):
        clusters.connected("tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    ("found", "said"), [("0.0.1", "samplewise 0.0.1"), (None, "no samplewise")]
)
def test_a_worker_without_samplewise_or_of_another_version_is_named(
    clouds, monkeypatch, client, found, said
):
    answers = {"tcp://10.0.0.1:1": __version__, "tcp://10.0.0.2:1": found or ImportError()}
    monkeypatch.setattr(client, "run", lambda *_, **__: answers)
    with pytest.raises(WorkerError, match=rf"tcp://10\.0\.0\.2:1 has {said}, this is "):
        Cluster(SweepRows(SWEEP.trials, clouds), client)


def test_a_worker_that_died_before_it_answered_is_not_taken_for_one_without_samplewise(
    clouds, monkeypatch, client
):
    answers = {"tcp://10.0.0.1:1": __version__, "tcp://10.0.0.2:1": ConnectionResetError()}
    monkeypatch.setattr(client, "run", lambda *_, **__: answers)
    Cluster(SweepRows(SWEEP.trials, clouds), client).close()


def test_a_worker_of_another_version_that_joins_later_ends_the_sweep(clouds, monkeypatch, client):
    with Cluster(SweepRows(SWEEP.trials, clouds), client) as executor:
        monkeypatch.setattr(clusters, "__version__", "0.0.1")
        executor.submit(SWEEP.trials[:1])
        said = f"a worker has samplewise {__version__}, this is 0.0.1; install samplewise 0.0.1 on"
        with pytest.raises(WorkerError, match=said):
            executor.death(executor.next_ended())


def test_the_check_asks_workers_what_they_can_answer_without_samplewise():
    assert clusters.version is metadata.version


def test_a_lost_scheduler_is_an_error_and_the_same_sweep_goes_on(clouds, tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "FIRST", 2)
    monkeypatch.setattr(groups, "MOST", 2)
    with scheduler() as (address, process):
        client = clusters.connected(address)
        lose = lambda _: os.kill(process.pid, signal.SIGKILL)  # noqa: E731
        with joblib.parallel_config("dask", client=client), pytest.raises(WorkerError) as error:
            run_sweep(SWEEP, tmp_path / "sweep", data=clouds, on_group=lose)
        client.close(timeout=1)
    assert "is lost; finished trials are kept: start the same sweep again" in str(error.value)
    assert [row["status"] for row in read_results(tmp_path / "sweep").rows].count("done") == 2
    rows = run_sweep(SWEEP, tmp_path / "sweep", data=clouds).rows
    assert [row["status"] for row in rows] == ["done"] * len(SWEEP.trials)


def test_a_cluster_without_workers_is_not_waited_for_without_end(
    clouds, tmp_path, monkeypatch, client
):
    monkeypatch.setattr(clusters, "EMPTY_S", 0.0)
    monkeypatch.setattr(executors, "CHECK_S", 0.0)
    monkeypatch.setattr(client, "nthreads", dict)
    with (
        joblib.parallel_config("dask", client=client),
        pytest.raises(WorkerError, match="no worker for 0 s; finished trials are kept: start wor"),
    ):
        run_sweep(SWEEP, tmp_path / "sweep", data=clouds)


@pytest.mark.parametrize(("died", "starts", "dead"), [(0, 2, None), (0, 3, 3), (1, 2, 2)])
def test_a_group_is_refused_after_three_deaths_whatever_the_scheduler_allows(
    clouds, monkeypatch, client, died, starts, dead
):
    monkeypatch.setattr(clusters, "_earlier_starts", lambda key, dask_scheduler: starts)
    with Cluster(SweepRows(SWEEP.trials, clouds), client) as executor:
        executor.submit(SWEEP.trials[:1], died)
        death = executor.death(executor.next_ended())
    assert (death and death.workers) == dead


def test_the_scheduler_counts_the_starts_of_a_task(client):
    counted = [client.run_on_scheduler(clusters._earlier_starts, "a task") for _ in range(3)]
    assert counted == [0, 1, 2]


@contextmanager
def scheduler():
    """Give the address and the process of a scheduler that has a worker."""
    code = (
        "import time\nfrom distributed import LocalCluster\n"
        "cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False,\n"
        "    protocol='tcp', dashboard_address='127.0.0.1:0')\n"
        "print(cluster.scheduler_address, flush=True)\ntime.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            with killed_late(process):
                address = process.stdout.readline().strip()
            yield address, process
        finally:
            process.kill()
