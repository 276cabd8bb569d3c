"""The asv suite can be found and read; each check runs in a process of its own, as under asv.

Importing `suite` pins the process and limits its threads, so this process never does.
"""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from samplewise import registry
from samplewise.contract import PLANS
from samplewise.contract.plan import AUTO_PLAN
from samplewise.report.published import published_rows
from samplewise_bench.peers.workloads import WORKLOADS
from samplewise_bench.shapes import SHAPES

ROOT = Path(__file__).parents[2]

DISCOVER = """
import json
from asv_runner.discovery import disc_benchmarks
suite = disc_benchmarks("benchmarks/suite")
found = {b.name: {"params": b.params, "version": b.version} for b in suite}
print(json.dumps(found))
"""

PLAIN_AND_REFERENCE = """
import json
from suite.problems import warmed
runs = [warmed("final-1", name).run_once() for name in ("reference", "plain_numpy")]
print(json.dumps([[run.first_loss, run.final_loss] for run in runs]))
"""

SKIPPED = """
from suite.bench_paths import Epoch, ManyNetworks
from suite.problems import FINAL_SHAPE, planned
from samplewise import registry
lacking = registry.load("numba_cpu")
lacking.capabilities = registry.load("reference").capabilities
for setup in (lambda: Epoch().setup("dual", FINAL_SHAPE), ManyNetworks().setup):
    try:
        setup()
    except NotImplementedError as error:
        print(type(error).__name__)
print(planned("direct", FINAL_SHAPE).program.plan.name)
"""

PUBLISHED = """
from suite.bench_rows import Tracked
results = {("final-1", "numba_cpu"): {"ms": 12.5}}
for name in ("report", "numba_cpu"):
    print(Tracked().track_train_ms(results, "final-1", name))
"""

CLOCKS = """
from suite.bench_clocks import Call, Inside, Process, run
for clock in (Inside(), Call()):
    clock.time_train("iris")
    print(clock.time_train.timer())
for work in ("import time; time.sleep(0.2)", "sum(range(3_000_000))"):
    began = Process.time_process.timer()
    run("-S", "-c", work)
    print(Process.time_process.timer() - began)
"""

COLLECTED = """
import os, pytest
before = os.sched_getaffinity(0)
code = pytest.main(["-q", "--collect-only", "tests/perf"])
print(int(code), os.sched_getaffinity(0) == before)
"""


def run(code, *arguments, **variables):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no pinning here")
def test_the_performance_tests_pin_none_of_the_others():
    assert run(COLLECTED).splitlines()[-1] == "0 True"


def cells(benchmark):
    return math.prod(len(values) for values in benchmark["params"])


@pytest.fixture(scope="module")
def benchmarks():
    return json.loads(run(DISCOVER))


def test_asv_finds_every_benchmark(benchmarks):
    assert set(benchmarks) == {
        "bench_calibration.Exponential.track_exp",
        "bench_calibration.MatrixProduct.track_gflops",
        "bench_clocks.Call.time_train",
        "bench_clocks.Inside.time_train",
        "bench_clocks.Process.time_process",
        "bench_final.Final.time_train",
        "bench_final.Ratios.track_numba_over_reference_batch_1",
        "bench_final.Ratios.track_numba_over_reference_batch_32",
        "bench_final.Ratios.track_reference_time_over_plain_loop",
        "bench_final.Ratios.track_reference_time_over_plain_loop_one_unit",
        "bench_final.Ratios.track_vectorized_over_reference_batch_32",
        "bench_paths.Epoch.time_epoch",
        "bench_paths.ManyNetworks.time_train",
        "bench_paths.ManyNetworks.track_faster_than_one_after_another",
        "bench_paths.Memory.peakmem_train",
        "bench_paths.Prediction.time_predict_1000_times",
        "bench_paths.Roofline.track_roofline",
        "bench_rows.Memory.peakmem_train",
        "bench_rows.Tracked.track_accuracy",
        "bench_rows.Tracked.track_final_loss",
        "bench_rows.Tracked.track_train_ms",
        "bench_rows.Training.time_train",
        "bench_startup.CommandLine.time_help",
        "bench_startup.FirstCompile.timeraw_first_compile",
        "bench_startup.Startup.timeraw_import_samplewise",
        "bench_startup.Startup.timeraw_import_train",
        "bench_startup.Startup.timeraw_load_numba_cpu_from_cache",
        "bench_workloads.Workload.time_train",
        "bench_workloads.Workload.track_final_loss",
    }


def test_a_version_is_set_so_that_an_edit_keeps_the_history(benchmarks):
    versions = {name: benchmark["version"] for name, benchmark in benchmarks.items()}
    changed = {name for name, version in versions.items() if version != "1"}
    assert changed == {name for name in versions if name.startswith("bench_clocks.")}
    assert {versions[name] for name in changed} == {"2"}


def test_every_row_of_the_report_meets_every_backend(benchmarks):
    rows = [repr(row.id) for row in published_rows()]
    for name in ("Training.time_train", "Tracked.track_train_ms"):
        given_rows, backends = benchmarks[f"bench_rows.{name}"]["params"]
        assert given_rows == rows
        assert {name.strip("'") for name in backends} - {"report"} <= set(registry.names())


def test_the_published_time_is_a_line_beside_the_backends():
    assert run(PUBLISHED).split() == ["704", "12.5"]


def test_each_clock_sees_its_own_part_alone():
    inside_s, both_s, asleep_s, busy_s = map(float, run(CLOCKS).split())
    assert 0 < inside_s < both_s - inside_s
    # The time of the processor, not that of waiting for it.
    assert 0 < asleep_s < busy_s


def test_every_shape_meets_every_plan(benchmarks):
    for name in ("Epoch.time_epoch", "Roofline.track_roofline"):
        plans, shapes = benchmarks[f"bench_paths.{name}"]["params"]
        assert plans == [repr(plan) for plan in (AUTO_PLAN, *PLANS)]
        assert shapes == [repr(shape) for shape in SHAPES]


def test_workloads_of_the_peers_meet_every_backend(benchmarks):
    backends, workloads = benchmarks["bench_workloads.Workload.time_train"]["params"]
    assert len(backends) == 3
    assert workloads == [repr(name) for name in ("784-128-32-10-adam", "cnn")]
    assert {name.strip("'") for name in workloads} <= set(WORKLOADS)


def test_a_plan_that_the_backend_lacks_is_skipped():
    assert run(SKIPPED).split() == ["NotImplementedError", "NotImplementedError", "direct"]


def test_a_quick_look_runs_every_benchmark_on_a_few_cells(benchmarks):
    quick = json.loads(run(DISCOVER, SAMPLEWISE_BENCH_ROUNDS="1"))
    assert set(quick) == set(benchmarks)
    assert sum(map(cells, quick.values())) < sum(map(cells, benchmarks.values())) / 2


def test_the_plain_loop_computes_what_the_reference_does():
    reference, plain = json.loads(run(PLAIN_AND_REFERENCE))
    assert plain == pytest.approx(reference, rel=1e-6)


def configuration():
    text = (ROOT / "asv.conf.json").read_text(encoding="utf-8")
    return json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))


def test_the_configuration_keeps_inside_the_checkout():
    settings = configuration()
    for folder in ("env_dir", "results_dir", "html_dir"):
        assert settings[folder].startswith(".asv/")
    assert "://" not in (ROOT / "asv.conf.json").read_text(encoding="utf-8")
    assert set(map(tuple, settings["matrix"]["env_nobuild"].values())) == {("1",)}
