"""Backends by name, found through entry points, loaded when asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from operator import is_
from typing import Any, TypeVar

import numpy as np

from samplewise import plugins
from samplewise.checks import listed, printable, suggestion
from samplewise.contract import Backend, Capabilities
from samplewise.contract.plan import AUTO_PLAN
from samplewise.errors import SamplewiseError, UnavailableBackendError, UnknownBackendError
from samplewise.network import Loss, Network, Optimizer
from samplewise.network.activations import check_activation
from samplewise.plugins import AUTO, described, loaded_backend, offers
from samplewise.variables import PREFIX, warn_of_variables

ENVIRONMENT_VARIABLE = PREFIX + "BACKEND"
# What `auto` tries, the fastest first.
PREFERENCE = ("numba_cpu", "vectorized")
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Listing:
    """One row of `samplewise backends`.

    Args:
        name: the name that `backend=` takes.
        distribution, version: the installed distribution that offers it.
        available: whether it loads and runs here.
        reason: why it is not available; empty where it is.
        capabilities: None where it does not load.
        kernels: where its compiled code comes from; empty where it does not say so.
    """

    name: str
    distribution: str
    version: str
    available: bool
    reason: str
    capabilities: Capabilities | None
    kernels: str = ""


@dataclass(frozen=True)
class Choice:
    """A backend, and the reason for the choice; both go into the history.

    Args:
        unavailable: why a backend that auto prefers does not load or cannot run here; empty where
            none was passed over for that.
    """

    backend: Backend
    reason: str
    unavailable: str = ""


def names() -> list[str]:
    """Return the names that `backend=` takes, without loading any backend."""
    return sorted(offers())


def listings() -> list[Listing]:
    """Load every backend, and return a listing of each, sorted by name."""
    rows = []
    for name in names():
        offer, loaded = offers()[name], loaded_backend(name)
        whose = name, offer.distribution, offer.version
        if isinstance(loaded, Exception):
            rows.append(Listing(*whose, False, described(loaded), None))
        else:
            kernels = str(getattr(loaded, "kernels", ""))
            rows.append(Listing(*whose, True, "", loaded.capabilities, kernels))
    return rows


def refresh() -> None:
    """Forget the offers; the next call looks at the installed distributions again."""
    plugins.forget()


def load(name: str, device: str | None = None) -> Backend:
    """Return the backend of this name.

    Args:
        name: a backend's name.
        device: that computes, such as "gpu:0"; None leaves it to the backend.

    Raises:
        UnknownBackendError: nothing installed offers it; the message lists the known names.
        UnavailableBackendError: it is offered but does not load, cannot run here or has no such
            device, chained to its cause.
    """
    if not isinstance(name, str) or name not in offers():
        same = [known for known in names() if known.endswith(f":{name}")]
        hint = f"; several offer it: {', '.join(same)}" if same else suggestion(str(name), names())
        raise UnknownBackendError(
            f"'{printable(name)}' is not a backend; known: {listed([AUTO, *names()])}{hint}"
        )
    loaded = loaded_backend(name) if device is None else loaded_backend(name, device)
    if isinstance(loaded, Exception) and device is not None:
        raise UnavailableBackendError(
            f"backend '{name}' cannot run on device '{printable(device)}': {described(loaded)}"
        ) from loaded
    if isinstance(loaded, Exception):
        usable = ", ".join(row.name for row in listings() if row.available)
        raise UnavailableBackendError(
            f"backend '{name}' of {offers()[name].distribution} is unavailable: "
            f"{described(loaded)}; available: {usable}"
        ) from loaded
    return loaded


def check_here(name: str | None, device: str | None = None) -> None:
    """Refuse a backend or a device that is not here, whatever it shall run.

    Args:
        name: as `resolve`.
        device: as `load`; "auto" needs a backend that has it.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `resolve`.
    """
    if name is None:
        name = os.environ.get(ENVIRONMENT_VARIABLE) or AUTO
    if name != AUTO:
        load(name, device)
        return
    if device is not None:
        _first_preferred(lambda tried: load(tried, device), "", device)


@cache
def _look_at_variables() -> None:
    """Warn of misspelt variables, once in a process: a search resolves thousands of times."""
    warn_of_variables(backends=offers)


def resolve(
    name: str | None,
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    dtype: np.dtype[Any],
    plan: str = AUTO_PLAN,
    step_fields: Iterable[str] = (),
    device: str | None = None,
) -> Choice:
    """Choose the backend of a run.

    Args:
        name: a backend's name or "auto"; None asks SAMPLEWISE_BACKEND, then means "auto".
        network: the backend must be able to compile it.
        loss: likewise.
        optimizer: likewise.
        dtype: likewise.
        plan: likewise.
        step_fields: the names of `Capabilities.step_fields` that its steps use.
        device: as `load`; "auto" chooses among backends that have it.

    Raises:
        UnknownBackendError: nothing installed offers `name`.
        UnavailableBackendError: it does not load, cannot run here, or lacks something that this run
            needs.
    """
    _look_at_variables()
    needed = network, loss, optimizer, dtype, plan, step_fields
    reason = "named by the caller"
    if name is None:
        name = os.environ.get(ENVIRONMENT_VARIABLE) or AUTO
        reason = f"named by {ENVIRONMENT_VARIABLE}"
    if name != AUTO:
        return Choice(_suited_backend(name, device, *needed), reason)
    backend, passed_over = _first_preferred(
        lambda preferred: _suited_backend(preferred, device, *needed),
        "no backend can run this network: ",
        device,
    )
    reason = "; ".join(["auto: the fastest that runs here", *map(str, passed_over)])
    # Only an error of loading has a cause: a backend that lacks something is as good as ever.
    broken = (str(error) for error in passed_over if error.__cause__ is not None)
    return Choice(backend, reason, next(broken, ""))


def _suited_backend(
    name: str,
    device: str | None,
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    dtype: np.dtype[Any],
    plan: str,
    step_fields: Iterable[str],
) -> Backend:
    """Return the backend of a name, which must be able to run what is needed."""
    backend = load(name, device)
    missing = _missing(backend.capabilities, network, loss, optimizer, dtype, plan, step_fields)
    if missing:
        # A network that comes from another process may have one that is custom there.
        for layer in network.layers:
            check_activation(layer.activation)
        hint = "; plan auto suits every backend" if plan != AUTO_PLAN else ""
        raise UnavailableBackendError(
            f"backend '{name}' cannot run this network: it lacks {', '.join(missing)}; "
            f"`samplewise backends` lists the capabilities of each{hint}"
        )
    return backend


# The last arguments of `_missing` for which nothing was missing. Whoever trains one small network
# after another asks with the same ones each time: comparing takes 1 us; collecting all names takes
# 3, and 24 right after a training.
_suited: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []


def _missing(
    capabilities: Capabilities,
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    *named: Any,
) -> list[str]:
    """Return `capabilities.missing(...)` of these arguments; the last empty answer is kept."""
    described = capabilities, network, loss, optimizer
    for known, names in _suited:
        # By `is`: an optimizer of a user may not define `==`.
        if names == named and all(map(is_, known, described)):
            return []
    missing = capabilities.missing(network, loss, optimizer, *named)
    if not missing:
        _suited[:] = [(described, named)]
    return missing


def _first_preferred(
    attempt: Callable[[str], _Found], problem: str, device: str | None
) -> tuple[_Found, list[SamplewiseError]]:
    """Return the result of the first of `PREFERENCE` that has one, and the errors before it."""
    passed_over: list[SamplewiseError] = []
    # Its error is nothing of a single backend.
    offers()
    for name in PREFERENCE:
        try:
            return attempt(name), passed_over
        except (UnknownBackendError, UnavailableBackendError) as error:
            passed_over.append(error)
    hint = "" if device is None else "; name the backend whose device it is"
    raise UnavailableBackendError(f"{problem}{'; '.join(map(str, passed_over))}{hint}")
