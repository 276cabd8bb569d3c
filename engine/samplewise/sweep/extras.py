"""Packages that a part of a sweep needs, and an install may lack."""

from __future__ import annotations

from importlib.util import find_spec

from samplewise.errors import ParameterError


def check_table(*packages: str) -> None:
    """Refuse a table that needs other packages.

    Raises:
        ParameterError: one is not installed.
    """
    for package in packages:
        _check(package, f"{package} is", "it", "read trials.csv of the sweep's folder")


def check_optuna() -> None:
    """Refuse a sampler without optuna.

    Raises:
        ParameterError: it is not installed.
    """
    how = "it by pip install 'samplewise[optuna]'"
    _check("optuna", "sampler: optuna is", how, "leave out the sampler")


def check_dask() -> None:
    """Refuse a cluster without dask's workers.

    Raises:
        ParameterError: distributed is not installed.
    """
    how = "it by pip install 'samplewise[dask]'"
    _check("distributed", "dask: distributed is", how, "use --jobs")


def _check(package: str, named: str, how: str, otherwise: str) -> None:
    if find_spec(package) is None:
        raise ParameterError(f"{named} not installed; install {how}, or {otherwise}")
