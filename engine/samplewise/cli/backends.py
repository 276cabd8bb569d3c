"""`samplewise backends`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.registry import Listing


def backends(as_json: options.AsJson = False) -> None:
    """List the backends: what each can do, or why it cannot run here."""
    from samplewise import registry

    listings = registry.listings()
    if as_json:
        console.result_json([_as_json(listing) for listing in listings])
        return
    header = ("name", "version", "distribution", "status", "capabilities")
    console.table([_row(listing) for listing in listings], header)


def _capabilities(listing: Listing) -> dict[str, Any]:
    """Return the capabilities as JSON values, sets sorted."""
    if listing.capabilities is None:
        return {}
    values = dataclasses.asdict(listing.capabilities)
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in values.items()
    }


def _as_json(listing: Listing) -> dict[str, Any]:
    row = {field.name: getattr(listing, field.name) for field in dataclasses.fields(listing)}
    return {**row, "capabilities": _capabilities(listing) or None}


def _row(listing: Listing) -> tuple[str, ...]:
    status = "available" if listing.available else f"unavailable: {listing.reason}"
    lines = []
    for name, value in _capabilities(listing).items():
        text = ", ".join(value) if isinstance(value, list) else "yes" if value else "no"
        lines.append(f"{name}: {text}")
    return listing.name, listing.version, listing.distribution, status, "\n".join(lines)
