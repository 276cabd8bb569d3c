"""Backends of installed distributions: found by their entry points, loaded and checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from samplewise.checks import printable
from samplewise.contract import CONTRACT_VERSION, ENTRY_POINT_GROUP, Backend, Capabilities
from samplewise.errors import ContractError, UnavailableBackendError, raised_by_signal_handler

AUTO = "auto"
OWN_DISTRIBUTION = "samplewise"


@dataclass(frozen=True)
class Offer:
    """An entry point, and the distribution that it comes from."""

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint


@cache
def offers() -> dict[str, Offer]:
    """Return the offers by the name that selects each; nothing is imported.

    A built-in keeps its plain name, and "auto" its meaning. A name that several other
    distributions offer has no plain form: each is selected as "distribution:name".

    Raises:
        UnavailableBackendError: samplewise itself runs without the metadata of an install.
    """
    found = [_offer(entry_point) for entry_point in entry_points(group=ENTRY_POINT_GROUP)]
    own = {offer.name: offer for offer in found if offer.distribution == OWN_DISTRIBUTION}
    if not own:
        raise UnavailableBackendError(
            "samplewise: its built-in backends are not registered, as the metadata of an install "
            "are missing; install it with pip, and let a tool that bundles programs copy the "
            "metadata of samplewise too"
        )
    others = [offer for offer in found if offer.distribution != OWN_DISTRIBUTION]
    named = dict(own)
    for offer in others:
        shared = sum(other.name == offer.name for other in others) > 1
        taken = shared or offer.name in own or offer.name == AUTO
        named[f"{offer.distribution}:{offer.name}" if taken else offer.name] = offer
    return named


def _offer(entry_point: EntryPoint) -> Offer:
    distribution = entry_point.dist
    if distribution is None:
        return Offer(entry_point.name, "unknown", "unknown", entry_point)
    return Offer(entry_point.name, distribution.name, distribution.version, entry_point)


@cache
def loaded_backend(name: str, device: str = "") -> Backend | Exception:
    """Return the backend on a device, or its error: a broken plugin must not break others."""
    offer = offers()[name]
    try:
        backend = offer.entry_point.load()
        _check_members(backend, offer)
        backend = _on_device(backend, device)
        _check_available(backend, offer)
        _check_members(backend, offer)
    except SystemExit as error:
        return ContractError(f"it left Python with SystemExit({error}) when it was loaded")
    except Exception as error:
        if raised_by_signal_handler(error):
            raise
        return error
    return backend


def _check_members(backend: Any, offer: Offer) -> None:
    where = _where(offer)
    for member in ("name", "capabilities", "compile"):
        if not hasattr(backend, member):
            raise ContractError(f"backend of {where}: `{member}` is missing")
    if not callable(backend.compile):
        raise ContractError(f"backend of {where}: `compile` must be callable")
    if not isinstance(backend.capabilities, Capabilities):
        raise ContractError(f"backend of {where}: `capabilities` must be a Capabilities instance")
    made_for = getattr(backend, "contract_version", CONTRACT_VERSION)
    if made_for != CONTRACT_VERSION:
        raise ContractError(
            f"backend of {where}: made for version {printable(made_for)} of the contract, "
            f"but this samplewise has version {CONTRACT_VERSION}; install a matching release"
        )
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


def _where(offer: Offer) -> str:
    return f"{offer.distribution} {offer.version} ({offer.entry_point.value})"


def _check_available(backend: Any, offer: Offer) -> None:
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


def described(error: Exception) -> str:
    """Return the reason why a backend did not load, as a part of a message."""
    # A reason that the backend itself gives is a sentence already.
    name = "" if isinstance(error, UnavailableBackendError) else f"{type(error).__name__}: "
    return printable(f"{name}{error}")


def forget() -> None:
    """Look at the installed distributions again when next asked."""
    loaded_backend.cache_clear()
    offers.cache_clear()
