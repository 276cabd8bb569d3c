"""Backends by name, found through entry points, loaded when asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np

from samplewise.checks import listed, printable, suggestion
from samplewise.contract import CONTRACT_VERSION, ENTRY_POINT_GROUP, Backend, Capabilities
from samplewise.contract.plan import AUTO_PLAN
from samplewise.errors import ContractError, UnavailableBackendError, UnknownBackendError
from samplewise.network import Loss, Network, Optimizer

ENVIRONMENT_VARIABLE = "SAMPLEWISE_BACKEND"
AUTO = "auto"
# What `auto` tries, the fastest first.
PREFERENCE = ("numba_cpu", "vectorized")
OWN_DISTRIBUTION = "samplewise"
_OF_DEVICE = "; name the backend whose device it is"


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
    """A backend, and the reason for the choice; both go into the history."""

    backend: Backend
    reason: str


@dataclass(frozen=True)
class _Offer:
    """An entry point, and the distribution that it comes from."""

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint


@cache
def _offers() -> dict[str, _Offer]:
    """Return the offers by the name that selects each; nothing is imported.

    A built-in keeps its plain name, and "auto" its meaning. A name that several other
    distributions offer has no plain form: each is selected as "distribution:name".
    """
    found = [_offer(entry_point) for entry_point in entry_points(group=ENTRY_POINT_GROUP)]
    own = {offer.name: offer for offer in found if offer.distribution == OWN_DISTRIBUTION}
    others = [offer for offer in found if offer.distribution != OWN_DISTRIBUTION]
    offers = dict(own)
    for offer in others:
        shared = sum(other.name == offer.name for other in others) > 1
        taken = shared or offer.name in own or offer.name == AUTO
        offers[f"{offer.distribution}:{offer.name}" if taken else offer.name] = offer
    return offers


def _offer(entry_point: EntryPoint) -> _Offer:
    distribution = entry_point.dist
    if distribution is None:
        return _Offer(entry_point.name, "unknown", "unknown", entry_point)
    return _Offer(entry_point.name, distribution.name, distribution.version, entry_point)


@cache
def _load(name: str, device: str = "") -> Backend | Exception:
    """Return the backend on a device, or its error: a broken plugin must not break others."""
    offer = _offers()[name]
    try:
        backend = offer.entry_point.load()
        _check_members(backend, offer)
        backend = _on_device(backend, device)
        _check_available(backend, offer)
        _check_members(backend, offer)
    except SystemExit as error:
        return ContractError(f"it left Python with SystemExit({error}) when it was loaded")
    except Exception as error:  # noqa: BLE001 - a plugin's module may raise anything
        return error
    return backend


def _check_members(backend: Any, offer: _Offer) -> None:
    where = _where(offer)
    for member in ("name", "capabilities", "compile"):
        if not hasattr(backend, member):
            raise ContractError(f"backend of {where}: `{member}` is missing")
    if not callable(backend.compile):
        raise ContractError(f"backend of {where}: `compile` must be callable")
    if not isinstance(backend.capabilities, Capabilities):
        raise ContractError(f"backend of {where}: `capabilities` must be a Capabilities instance")
    _check_version(getattr(backend, "contract_version", CONTRACT_VERSION), where)
    if backend.name != offer.name:
        raise ContractError(
            f"backend of {where}: `name` must be '{offer.name}' as in its entry point, got "
            f"'{printable(backend.name)}'"
        )


def _on_device(backend: Any, device: str) -> Any:
    """Return the backend on a device; "" is the one that it takes by itself.

    Raises:
        UnavailableBackendError: it has one device, and this is another.
    """
    bind = getattr(backend, "on_device", None)
    bound = backend if bind is None else bind(device)
    own = backend.capabilities.device
    # The contract's own `on_device`, which a class may inherit, returns the backend as it is.
    if bound is backend and device.removesuffix(":0") not in ("", own.removesuffix(":0")):
        raise UnavailableBackendError(f"it has no device '{printable(device)}', only {own}")
    return bound


def _where(offer: _Offer) -> str:
    return f"{offer.distribution} {offer.version} ({offer.entry_point.value})"


def _check_available(backend: Any, offer: _Offer) -> None:
    """Refuse a backend that cannot run here; one without `unavailable` can.

    Raises:
        UnavailableBackendError: it cannot; the message is the reason that it gives.
        ContractError: it gives none.
    """
    ask = getattr(backend, "unavailable", None)
    reason = ask() if ask is not None else None
    if reason is None:
        return
    if isinstance(reason, str) and reason.strip():
        raise UnavailableBackendError(reason)
    raise ContractError(
        f"backend of {_where(offer)}: `unavailable` must return the reason, or None where the "
        f"backend can run, got {printable(repr(reason))}"
    )


def _check_version(made_for: object, where: str) -> None:
    if made_for != CONTRACT_VERSION:
        raise ContractError(
            f"backend of {where}: made for version {printable(made_for)} of the contract, "
            f"but this samplewise has version {CONTRACT_VERSION}; install a matching release"
        )


def _describe(error: Exception) -> str:
    # A reason that the backend itself gives is a sentence already.
    name = "" if isinstance(error, UnavailableBackendError) else f"{type(error).__name__}: "
    return printable(f"{name}{error}")


def names() -> list[str]:
    """Return the names that `backend=` takes, without loading any backend."""
    return sorted(_offers())


def listings() -> list[Listing]:
    """Load every backend, and return a listing of each, sorted by name."""
    rows = []
    for name in names():
        offer, loaded = _offers()[name], _load(name)
        failed = isinstance(loaded, Exception)
        reason = _describe(loaded) if isinstance(loaded, Exception) else ""
        capabilities = None if isinstance(loaded, Exception) else loaded.capabilities
        kernels = "" if failed else str(getattr(loaded, "kernels", ""))
        whose = offer.distribution, offer.version
        rows.append(Listing(name, *whose, not failed, reason, capabilities, kernels))
    return rows


def refresh() -> None:
    """Forget the offers; the next call looks at the installed distributions again."""
    _load.cache_clear()
    _offers.cache_clear()


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
    if not isinstance(name, str) or name not in _offers():
        same = [known for known in names() if known.endswith(f":{name}")]
        hint = f"; several offer it: {', '.join(same)}" if same else suggestion(str(name), names())
        raise UnknownBackendError(
            f"'{printable(name)}' is not a backend; known: {listed([AUTO, *names()])}{hint}"
        )
    loaded = _load(name) if device is None else _load(name, device)
    if isinstance(loaded, Exception) and device is not None:
        raise UnavailableBackendError(
            f"backend '{name}' cannot run on device '{printable(device)}': {_describe(loaded)}"
        ) from loaded
    if isinstance(loaded, Exception):
        usable = ", ".join(row.name for row in listings() if row.available)
        raise UnavailableBackendError(
            f"backend '{name}' of {_offers()[name].distribution} is unavailable: "
            f"{_describe(loaded)}; available: {usable}"
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
    name = name or os.environ.get(ENVIRONMENT_VARIABLE) or AUTO
    if name != AUTO:
        load(name, device)
        return
    if device is None:
        return
    passed_over: list[str] = []
    for tried in PREFERENCE:
        try:
            load(tried, device)
        except (UnknownBackendError, UnavailableBackendError) as error:
            passed_over.append(str(error))
        else:
            return
    raise UnavailableBackendError(f"{'; '.join(passed_over)}{_OF_DEVICE}")


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
    reason = "named by the caller"
    if name is None:
        name = os.environ.get(ENVIRONMENT_VARIABLE) or AUTO
        reason = f"named by {ENVIRONMENT_VARIABLE}"
    if name == AUTO:
        return _choose(network, loss, optimizer, dtype, plan, step_fields, device)
    backend = load(name, device)
    missing = backend.capabilities.missing(network, loss, optimizer, dtype, plan, step_fields)
    if missing:
        hint = "; plan auto suits every backend" if plan != AUTO_PLAN else ""
        raise UnavailableBackendError(
            f"backend '{name}' cannot run this network: it lacks {', '.join(missing)}; "
            f"`samplewise backends` lists the capabilities of each{hint}"
        )
    return Choice(backend, reason)


def _choose(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    dtype: np.dtype[Any],
    plan: str,
    step_fields: Iterable[str],
    device: str | None,
) -> Choice:
    passed_over: list[str] = []
    for name in PREFERENCE:
        try:
            choice = resolve(name, network, loss, optimizer, dtype, plan, step_fields, device)
        except (UnknownBackendError, UnavailableBackendError) as error:
            passed_over.append(str(error))
            continue
        reason = "auto: the fastest that runs here"
        return Choice(choice.backend, "; ".join([reason, *passed_over]))
    hint = "" if device is None else _OF_DEVICE
    raise UnavailableBackendError(
        f"no backend can run this network: {'; '.join(passed_over)}{hint}"
    )
