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
SHAPE = "'784-10-1, batch 1'"
SHAPE_WORDS = ("784-10-1,", "batch", "1")

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

COLLECTED = """
import os, pytest
before = os.sched_getaffinity(0)
code = pytest.main(["-q", "--collect-only", "tests/perf"])
print(int(code), os.sched_getaffinity(0) == before)
"""

RENDER = """
import json, sys
from pathlib import Path
from rich.console import Console
from samplewise_bench import asv_table as table
results = Path(sys.argv[1])
values = table.read_asv(table.latest_results(results))
console = Console(width=200)
console.print(table.render_rows(values))
console.print(table.render_others(values, results / "pytest.json"))
"""


def run(code, *arguments, **variables):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
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
        "bench_rows.Tracked.track_speedup_over_report",
        "bench_rows.Training.time_train",
        "bench_startup.CommandLine.time_help",
        "bench_startup.FirstCompile.timeraw_first_compile",
        "bench_startup.Startup.timeraw_import_samplewise",
        "bench_startup.Startup.timeraw_import_train",
        "bench_startup.Startup.timeraw_load_numba_cpu_from_cache",
        "bench_workloads.Workload.time_train",
        "bench_workloads.Workload.track_final_loss",
        "bench_workloads.Workload.track_us_per_row",
    }


def test_a_version_is_set_so_that_an_edit_keeps_the_history(benchmarks):
    assert {benchmark["version"] for benchmark in benchmarks.values()} == {"1"}


def test_every_row_of_the_report_meets_every_backend(benchmarks):
    rows = [repr(row.id) for row in published_rows()]
    for name in ("Training.time_train", "Tracked.track_speedup_over_report"):
        given_rows, backends = benchmarks[f"bench_rows.{name}"]["params"]
        assert given_rows == rows
        assert {name.strip("'") for name in backends} <= set(registry.names())


def test_every_shape_meets_every_plan(benchmarks):
    for name in ("Epoch.time_epoch", "Roofline.track_roofline"):
        plans, shapes = benchmarks[f"bench_paths.{name}"]["params"]
        assert plans == [repr(plan) for plan in (AUTO_PLAN, *PLANS)]
        assert shapes == [repr(shape) for shape in SHAPES]


def test_workloads_of_the_peers_meet_every_backend(benchmarks):
    backends, workloads = benchmarks["bench_workloads.Workload.track_us_per_row"]["params"]
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


def test_the_table_shows_results_and_dashes(tmp_path):
    results = {
        "bench_rows.Training.time_train": [
            [0.25, None],
            [["'final-1'"], ["'reference'", "'numba_cpu'"]],
        ],
        "bench_rows.Tracked.track_speedup_over_report": [
            [2.5, 65.4321],
            [["'final-1'"], ["'reference'", "'numba_cpu'"]],
        ],
        "bench_final.Final.time_train": [
            [float("nan"), 0.5],
            [["'plain_numpy'"], ["32", "1"], ["'float64'"]],
        ],
        "bench_startup.Startup.timeraw_import_samplewise": [[0.0123], []],
        "bench_paths.Epoch.time_epoch": [[0.0012, None], [["'auto'", "'dual'"], [SHAPE]]],
        "bench_paths.Roofline.track_roofline": [[0.345, None], [["'auto'", "'dual'"], [SHAPE]]],
        "bench_paths.Memory.peakmem_train": [[2**27, None], [["'auto'", "'dual'"], [SHAPE]]],
        "bench_paths.ManyNetworks.time_train": [[0.185], []],
        "bench_paths.Prediction.time_predict_1000_times": [[0.0024], [["'numba_cpu'"]]],
        "bench_workloads.Workload.track_us_per_row": [
            [None, 64.2],
            [["'reference'", "'numba_cpu'"], ["'cnn'"]],
        ],
    }
    folder = tmp_path / "machine"
    folder.mkdir()
    (folder / "machine.json").write_text("{}")
    (folder / "abc.json").write_text(
        json.dumps({"result_columns": ["result", "params"], "results": results})
    )
    called = [
        {"group": "epoch", "params": {"problem": name, "rows": 1}, "stats": {"median": median}}
        for name, median in (("numba_cpu", 4.2e-6), ("reference", 0.0031))
    ]
    called += [
        {"group": "epoch of a shape", "params": {"plan": name}, "stats": {"median": median}}
        for name, median in (("dual", 5e-6), ("auto", 6e-6))
    ]
    (tmp_path / "pytest.json").write_text(json.dumps({"benchmarks": called}))
    lines = [line.split() for line in run(RENDER, str(tmp_path)).splitlines()]
    assert ["final-1", "reference", "704", "282", "2.50", "1.00", "-", "-", "250"] in lines
    assert ["numba_cpu", "10.8", "65.4", "26.2", "-"] in lines
    assert ["784-10-1", "plain_numpy,", "batch", "1,", "float64", "500", "ms"] in lines
    assert ["epoch,", "ms", "(gemm)", *SHAPE_WORDS, "auto", "1.20", "(34.5", "%)"] in lines
    assert ["peak", "memory", *SHAPE_WORDS[:-1], "1,", "auto", "128", "MiB"] in lines
    assert ["many", "networks", "50", "networks", "784-10-1", "at", "once", "185", "ms"] in lines
    assert ["one", "prediction", "numba_cpu", "2.40", "us"] in lines
    assert ["one", "row,", "training", "cnn,", "numba_cpu", "64.2", "us"] in lines
    assert ["epoch", "of", "a", "shape", "auto", "6.00,", "dual", "5.00"] in lines
    assert ["start", "import", "samplewise", "12.3", "ms"] in lines
    assert ["pytest,", "us", "epoch", "reference", "3,100,", "numba_cpu", "4.20"] in lines


def test_without_results_the_table_says_what_to_do(tmp_path):
    code = RENDER.replace("values =", "print(list(results.glob('*')), file=sys.stderr); values =")
    with pytest.raises(AssertionError, match="run `make bench` first"):
        run(code, str(tmp_path))
