import dataclasses

import numpy as np
import pytest

from faults.faulty_reference import FaultyBackend
from samplewise import registry
from samplewise.experiment.experiment import Experiment
from samplewise.registry import Choice
from samplewise.report.experiments import PART_ONE, Table
from samplewise.report.measure import measure
from samplewise.report.published import published_rows
from samplewise.report.write import document


@pytest.fixture(scope="session")
def short_tables():
    """Rows of two tables, each by itself, with fewer epochs."""
    wanted = {"rate-1": 2, "rate-0.1": 3, "final-1": 3, "final-2": 3}
    return [
        _alone(dataclasses.replace(row, epochs=wanted[row.id]))
        for row in published_rows()
        if row.id in wanted
    ]


def _alone(row):
    space = {"hidden": [row.hidden], "epochs": [row.epochs]}
    return Table(
        (row,), lambda _: {"settings": {"learning_rate": row.learning_rate}, "space": space}
    )


@pytest.fixture(scope="session")
def image_file(tmp_path_factory):
    """Writes square images, 20 a class, the brighter the later their class."""

    def write(classes, side=8):
        rng = np.random.default_rng(0)
        kinds = np.arange(20 * len(classes)) % len(classes)
        X = rng.integers(0, 100, (len(kinds), side * side)) + 50 * kinds[:, None]
        path = tmp_path_factory.mktemp("images") / "images.npz"
        np.savez(path, dataset=X.astype(np.uint8), labels=np.array(classes)[kinds])
        return path

    return write


@pytest.fixture(scope="session")
def settings(image_file):
    """The rows to measure on."""
    return Experiment.from_options(
        data=str(image_file(["4", "7", "9"])), backend="vectorized", seed=5
    )


@pytest.fixture(scope="session")
def measured(settings, short_tables):
    """Two runs of each short row."""
    return measure(PART_ONE, settings, repeats=2, tables=short_tables)


@pytest.fixture(scope="session")
def measured_at_once(settings, short_tables):
    """The same with a backend that trains the rows of a repeat at once."""
    choice = Choice(FaultyBackend("many"), "chosen by the test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "resolve", lambda *_: choice)
        found = measure(PART_ONE, settings, repeats=2, tables=short_tables)
        # Its models take their backend when they predict, and keep it.
        document(found)
        return found


@pytest.fixture(scope="session")
def measured_hostile(image_file, short_tables):
    """The same on data whose class names are an attack on every renderer."""
    path = image_file(["<script>alert(1)</script>", "](x)|`*_\\&amp;"])
    return measure(
        PART_ONE,
        Experiment.from_options(data=str(path), backend="vectorized"),
        repeats=1,
        tables=short_tables,
    )


@pytest.fixture(scope="session")
def measured_synthetic(short_tables):
    """The same on synthetic data."""
    settings = Experiment.from_options(backend="vectorized")
    return measure(PART_ONE, settings, repeats=1, tables=short_tables[2:])


@pytest.fixture(scope="session")
def measured_table(short_tables):
    """The same on a table of measurements."""
    settings = Experiment.from_options(data="breast_cancer", backend="vectorized", dtype="float32")
    return measure(PART_ONE, settings, repeats=1, tables=short_tables[1:3])
