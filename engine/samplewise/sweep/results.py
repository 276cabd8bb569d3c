"""The results of a sweep: a row for each trial, and means over the seeds of each candidate."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from samplewise.checks import file_path, one_of, printable
from samplewise.errors import ParameterError
from samplewise.experiment.config_file import checked_options
from samplewise.experiment.experiment import Experiment
from samplewise.name_lists import quoted
from samplewise.sweep.candidates import (
    DONE,
    MISSING,
    Candidate,
    candidate_of,
    first_measured,
    ranked,
    simplest,
)
from samplewise.sweep.definition import BegunSweep, Sweep
from samplewise.sweep.journal import FILE, Entry, read

FIGURES = (
    *("test_accuracy", "test_loss", "test_rmse", "test_mae", "test_r2", "validation_accuracy"),
    *("validation_loss", "training_loss", "epochs_run", "stopped", "train_ms", "networks_at_once"),
    *("backend_used", "plan_used", "notes"),
)
"""The columns of what was measured; none has the name of a setting, which could be a factor."""


class SweepResult:
    """The results of a sweep, as far as it was run.

    Args:
        sweep: of the trials.
        entries: of its journal; of one trial the last counts.
        header: the first line of its journal; None where there is none.

    Attributes:
        data_fingerprint: a SHA-256 of the rows; empty without a header.
        environment: versions, processor and libraries with which the sweep was begun; likewise.
        rows: a dict for each trial: candidate, factors, seed, status, figures, reason of a failure.
    """

    def __init__(self, sweep: Sweep, entries: Iterable[Entry], header: Entry | None = None) -> None:
        self.sweep, self._trials = sweep, sweep.trials
        self.data_fingerprint = str((header or {}).get("data", ""))
        self.environment: dict[str, Any] = dict((header or {}).get("environment", {}))
        if sweep.sampler is not None:
            entries = list(entries)
            self._trials = sweep.proposed(entry["values"] for entry in entries)
        found = {self._trials.place(entry): _of_entry(entry) for entry in entries}
        outlines = map(self._trials.outline, range(len(self._trials)))
        self.rows = [
            {"candidate": candidate, **values, "seed": seed} | (found.get(i) or _of_entry({}))
            for i, (candidate, values, seed) in enumerate(outlines)
        ]
        self._ranked: dict[str, list[Candidate]] = {}

    def __repr__(self) -> str:
        """Return how many trials there are in each state."""
        states = Counter(row["status"] for row in self.rows)
        counts = ", ".join(f"{count:,} {status}" for status, count in sorted(states.items()))
        return f"SweepResult({self.sweep}: {counts or 'no trials yet'})"

    @cached_property
    def default_metric(self) -> str:
        """The first metric of the sweep that every trained trial has."""
        done = [row for row in self.rows if row["status"] == DONE]
        return first_measured(done, self.sweep.metrics)

    def candidates(self, metric: str | None = None) -> list[Candidate]:
        """Return the candidates, best first; those with a failed or missing trial come last.

        Args:
            metric: one of `Sweep.metrics`; None takes `default_metric`.
        """
        metric = self.default_metric if metric is None else metric
        one_of("metric", metric, self.sweep.metrics)
        if metric not in self._ranked:
            rows: dict[int, list[dict[str, Any]]] = {}
            for row in self.rows:
                rows.setdefault(row["candidate"], []).append(row)
            found = [candidate_of(self.sweep.factors, of_one, metric) for of_one in rows.values()]
            self._ranked[metric] = ranked(found, metric)
        return list(self._ranked[metric])

    def best(self, metric: str | None = None) -> Candidate | None:
        """Return the simplest candidate that is as good as the best, as far as the seeds can tell.

        Of those within one standard error of the best mean, the one of the fewest parameters, then
        of the fewest epochs, then of the best mean. One seed has no standard error: then only
        equals are within.

        Args:
            metric: as `candidates`.

        Returns:
            It; None where no candidate has all its trials.
        """
        return simplest(self.candidates(metric))

    def experiment(self, candidate: Candidate) -> Experiment:
        """Return the experiment of a candidate, with the first of its seeds."""
        return self._trials.candidate(candidate.number, candidate.values)[0].experiment

    def table(self) -> list[dict[str, Any]]:
        """Return the rows with lists as the texts that flags take, such as "8,2"."""
        return [{name: as_cell(value) for name, value in row.items()} for row in self.rows]

    def to_csv(self) -> str:
        """Return the rows as CSV with a header; a missing value is empty."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]) if self.rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.table())
        return text.getvalue()

    def to_frame(self) -> Any:
        """Return the rows as a frame of pandas.

        Raises:
            ParameterError: pandas is not installed.
        """
        check_table("pandas")
        import pandas as pd

        return pd.DataFrame(self.table())

    def to_parquet(self) -> bytes:
        """Return the rows as a Parquet file.

        Raises:
            ParameterError: pandas or pyarrow is not installed.
        """
        check_table("pandas", "pyarrow")
        return bytes(self.to_frame().to_parquet(engine="pyarrow", index=False))


def check_installed(package: str, named: str, how: str, otherwise: str) -> None:
    """Refuse to go on without a package; the texts make the message.

    Raises:
        ParameterError: it is not installed.
    """
    if find_spec(package) is None:
        raise ParameterError(f"{named} not installed; install {how}, or {otherwise}")


def check_table(*packages: str) -> None:
    """Refuse a table that needs other packages.

    Raises:
        ParameterError: one is not installed.
    """
    for package in packages:
        check_installed(package, f"{package} is", "it", "read trials.csv of the sweep's folder")


def read_results(folder: str | Path) -> SweepResult:
    """Return the results in the folder of a sweep, which may still be running.

    Raises:
        DataError: the folder holds no sweep.
    """
    path = file_path("folder", folder) / FILE
    header, entries = read(path)
    definition = dict(header["definition"])
    settings = checked_options(definition.pop("settings"), printable(path))
    sweep = BegunSweep(definition.pop("space"), settings, **definition)
    return SweepResult(sweep, entries, header)


def as_cell(value: Any) -> Any:
    """Return a value of a trial for a table: a list as text, "none" where it is empty."""
    if not isinstance(value, list):
        return value
    return ",".join(quoted(str(one)) for one in value) or "none"


def _of_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    figures = entry.get("figures", {})
    return {
        "status": entry.get("status", MISSING),
        "parameters": entry.get("parameters"),
        **{name: figures.get(name) for name in FIGURES},
        "reason": entry.get("reason"),
    }
