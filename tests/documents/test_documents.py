"""Every command and every Python block of the documents runs as it is shown, in a new folder.

The examples of a document run one after the other in one test: later ones use what earlier ones
left. Commands of samplewise run in this process, so that its kernels are loaded once; of make, the
target is looked up and not made, since it would run this suite. Commands that measure do less work
here, by the table below, or are left out with the reason.
"""

import dataclasses
import fnmatch
import functools
import os
import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from examples import DOCUMENTS, FENCE, ROOT, UNFENCED, all_commands, parsed
from PIL import Image

from samplewise import load_dataset, registry, testing
from samplewise.cli.app import main
from samplewise.data.sources import synthetic
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.network import LOSSES, OPTIMIZERS
from samplewise.network.activations import CUSTOM
from samplewise.report.experiments import PARTS
from samplewise_backends.numba_cpu import preparation
from samplewise_backends.numba_cpu.build import all_routines
from samplewise_backends.numba_cpu.kernels.trial import trial
from samplewise_bench import rows
from samplewise_bench.scaling import curves, measure

IGNORED = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
LANGUAGES = {"sh", "python", "toml", "text"}
# The first line of a list or table, right below a line of a paragraph.
BELOW_TEXT = re.compile(r"^(?![-*|#]|\d+\. | )\S.*\n((?:[-*] |\d+\. |\|).*)$", re.MULTILINE)
# Commands that do not run here, by what they begin with.
LEFT_OUT = {
    "python -m pytest": "it is this suite",
    "pytest tests/perf": "it measures; make bench-quick runs each benchmark once",
    "asv ": "it measures, and keeps a description of the machine; test_asv_suite.py runs the suite",
    "python -m samplewise_bench.planner_check": "it trains 80 shapes by every plan, for minutes",
    "python -m samplewise_bench.sweep_check": "it trains scikit-learn's networks too, for minutes",
    "samplewise bench --process": "it starts new processes for minutes",
    "samplewise bench --estimators": "it fits estimators of both libraries for minutes",
    "samplewise bench --scores": "it fits a hundred estimators, for minutes",
    "samplewise bench --peers": "it needs JAX and PyTorch",
    "pip install": "it changes the environment; test_registry.py installs the toy apart",
    "pip uninstall": "it changes the environment",
    "samplewise --install-completion": "it changes start-up files of the shell",
}


def few_rows(patch):
    """Time on a twentieth of the rows."""
    patch.setattr(rows, "report_data", functools.cache(_few_rows))


def _few_rows():
    few = Experiment.from_options(
        data="synthetic", classes=("4", "9"), preprocess="scale", split=0.96
    )
    return prepare(few)


def small_sizes(patch):
    """Time a few small trainings, for a moment instead of sixty seconds."""
    few = [dataclasses.replace(axis, sizes=axis.sizes[:2]) for axis in curves.AXES.values()]
    patch.setattr(curves, "AXES", {axis.name: axis for axis in few[1::3]})
    small = {"rows": 8, "epochs": 1, "inputs": 12}
    patch.setattr(measure, "BASE", {**measure.BASE, **small})
    whole = measure.measure
    patch.setattr(measure, "measure", lambda *a, **k: whole(*a, **{**k, "seconds": 0.1}))


def few_images(patch):
    """Train a tenth of the epochs, on twenty images a class where the command names no data."""
    patch.setenv("SAMPLEWISE_DATA", "photos.npz")
    for number, part in PARTS.items():
        short = tuple(map(_tenth, part.tables()))
        patch.setitem(PARTS, number, dataclasses.replace(part, tables=lambda short=short: short))
    return ["--repeats", "1"]


def _tenth(table):
    """Return a table of the report with a tenth of its epochs."""

    def sweep(classes):
        given = table.sweep(classes)
        settings, space = dict(given["settings"]), dict(given["space"])
        if "epochs" in space:
            space["epochs"] = [epochs // 10 for epochs in space["epochs"]]
        else:
            settings["epochs"] //= 10
        return {**given, "settings": settings, "space": space}

    return dataclasses.replace(table, sweep=sweep)


def one_kernel(patch):
    """Compile one kernel of all, and measure nothing."""
    patch.setattr(preparation, "all_routines", lambda: [trial])
    return ["--no-measure"]


def one_rung(patch):
    """Climb a short rung only; test_certificate.py climbs all."""
    patch.setattr(testing, "certify", functools.partial(testing.certify, rungs=["repeat"]))


# Each patches what makes a command long, and may return options to add to it.
LESS_WORK = {
    "samplewise bench": few_rows,
    "samplewise check-backend": one_rung,
    "samplewise scaling": small_sizes,
    "samplewise report": few_images,
    "samplewise warm-up": one_kernel,
}


# What these do does not depend on the document: those that have run in this process.
measured = set()
# Most commands begin with drawing the same images.
draw_class = functools.cache(synthetic._draw_class)


@functools.cache
def photos():
    """Twenty images of each class, which the documents call photographs."""
    dataset = load_dataset("synthetic")
    kept = np.concatenate([np.flatnonzero(dataset.labels == k)[:20] for k in range(10)])
    names = np.array(dataset.class_names)[dataset.labels[kept]]
    return {"dataset": dataset.X[kept], "labels": names}


def write_customers(name, months):
    """Write a table of fifty customers, some of whom left; none is of the age of another table."""
    rng = np.random.default_rng(months)
    ages = rng.integers(20, 70, 50) + months / 12
    rows = zip(rng.choice(["Basel", "Genf"], 50), ages, strict=True)
    lines = [
        f"{k},{city},{age},{'no' if age > 40 else 'yes'}" for k, (city, age) in enumerate(rows)
    ]
    Path(name).write_text("\n".join(["id,city,age,left", *lines]), encoding="utf-8")


def write_photos():
    """Write a folder of images, with a folder for each of two classes."""
    given = photos()
    for name in ("4", "9"):
        images = given["dataset"][given["labels"] == name].reshape(-1, 28, 28)
        Path("photos", name).mkdir(parents=True)
        for k, image in enumerate(images, start=1):
            Image.fromarray(image).save(Path("photos", name, f"{k}.png"))


def begins(table, line):
    return next((value for start, value in table.items() if line.startswith(start)), None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A new folder with the files that commands name, and the backends that some of them name."""
    monkeypatch.chdir(tmp_path)
    for variable in os.environ:
        if variable.startswith("SAMPLEWISE_") and variable != "SAMPLEWISE_CACHE_DIR":
            monkeypatch.delenv(variable)
    monkeypatch.setattr(synthetic, "_draw_class", draw_class)
    np.savez("photos.npz", **photos())
    for months, part in enumerate(("", "-valid", "-test")):
        write_customers(f"customers{part}.csv", months)
    write_photos()
    inner, load = registry.load("vectorized"), registry.load
    yours = SimpleNamespace(name="yours", capabilities=inner.capabilities, compile=inner.compile)
    toy = runpy.run_path(str(ROOT / "tests/plugins/toy/src/toy_samplewise/__init__.py"))["backend"]
    installed = {"yours": yours, "toy": toy}
    monkeypatch.setattr(registry, "load", lambda name, *on: installed.get(name) or load(name, *on))
    checked = functools.partial(testing.check_backend, rungs=["repeat"])
    monkeypatch.setattr(testing, "check_backend", checked)
    return tmp_path


@pytest.fixture
def nothing_registered():
    """Leave nothing behind that an example registers."""
    before = [(table, dict(table)) for table in (LOSSES, OPTIMIZERS, CUSTOM)]
    yield
    for table, kept in before:
        table.clear()
        table.update(kept)


def run(done, words):
    line = shlex.join(words)
    if line in done | measured or begins(LEFT_OUT, line):
        return
    (measured if begins(LESS_WORK, line) else done).add(line)
    if words[0] == "make":
        dry = ["make", "-n", *words[1:]]
        made = subprocess.run(
            dry, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        assert made.returncode == 0, made.stderr
        return
    assert words[0] == "samplewise", f"no test knows how to run '{line}'; add how, or why not"
    with pytest.MonkeyPatch.context() as patch:
        less_work = begins(LESS_WORK, line)
        options = (less_work and less_work(patch)) or []
        assert main([*words[1:], *options]) == 0, line


def is_ignored(path):
    """Return True if git ignores this name at the top of a checkout, where examples are tried."""
    name = f"/{path.name}/" if path.is_dir() else f"/{path.name}"
    return any(fnmatch.fnmatch(name, pattern) for pattern in IGNORED)


@pytest.mark.usefixtures("nothing_registered")
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_example_runs_as_it_is_shown(name, folder):
    before = set(folder.iterdir())
    for example in parsed(name, functools.partial(run, set())):
        example.evaluate()
    left = set(folder.iterdir()) - before
    assert [path.name for path in left if not is_ignored(path)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_command_is_hidden_from_that(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert set(FENCE.findall(text)[::2]) <= LANGUAGES
    assert UNFENCED.findall(text) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_site_sees_each_list_and_table(name):
    """Unlike GitHub, Markdown of the site takes those right below a line of text for more of it."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.M | re.S)
    assert BELOW_TEXT.findall(text) == []


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("docs/")])
def test_code_is_no_wider_than_a_page(name):
    """docs/styles.css gives a hundred columns; printed text may be wider."""
    text = (ROOT / name).read_text(encoding="utf-8")
    code = re.findall(r"^ *```(?:sh|python|toml)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert [line for block in code for line in block.splitlines() if len(line) > 100] == []


def test_the_page_about_containers_counts_the_kernels():
    text = (ROOT / "docs" / "CONTAINERS.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\b(\d+) (?:prebuilt|kernels)", text)) == {str(len(all_routines()))}


@pytest.mark.parametrize("start", LEFT_OUT)
def test_what_does_not_run_here_is_shown_somewhere_and_says_why(start):
    lines = [shlex.join(words) for words in all_commands()]
    shown = [line for line in lines if line.startswith(start)]
    assert shown, f"no document shows '{start}'; take it out of the table"
    for path in re.findall(r"(?:^| )(?:\./)?(tests/\S+)", "\n".join(shown)):
        assert (ROOT / path).exists(), path
    pytest.skip(f"`{start.strip()}`: {LEFT_OUT[start]}")
