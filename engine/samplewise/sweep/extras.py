"""Packages that a part of a sweep needs, and an install may lack."""

from __future__ import annotations

from importlib.util import find_spec

from samplewise.errors import ParameterError


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
