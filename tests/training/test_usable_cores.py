"""Cores that the affinity and the cgroup of a process allow."""

import os

import pytest

from samplewise.training import environment


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/job/step", {"job/cpu.max": "150000 100000", "job/step/cpu.max": "max 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/", {"cpu.max": "max 100000"}, 8),
        ("0::/other", {"job/cpu.max": "50000 100000"}, 8),
        (
            "3:cpu,cpuacct:/job\n2:memory:/m",
            {"cpu/job/cpu.cfs_quota_us": "300000", "cpu/job/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("3:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("not a group", {"cpu.max": "50000 100000"}, 8),
        ("0::/", {"cpu.max": "no number"}, 8),
    ],
)
def test_a_quota_of_the_cgroup_limits_the_cores(tmp_path, monkeypatch, groups, files, cores):
    (tmp_path / "self").write_text(groups)
    for name, text in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(environment, "PROCESS_CGROUPS", tmp_path / "self")
    monkeypatch.setattr(environment, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    environment._quota.cache_clear()
    assert environment.usable_cores() == cores
    monkeypatch.undo()
    environment._quota.cache_clear()
