"""`samplewise backends`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.registry import Listing


AsMarkdown = Annotated[
    bool, options.switch("--markdown", "Print what works on which backend as Markdown.")
]
# Capabilities of a network and its training, in the order of the table.
FEATURES = ("layers", "activations", "losses", "optimizers", "dtypes", "plans", "step_fields")


def backends(as_markdown: AsMarkdown = False, as_json: options.AsJson = False) -> None:
    """List the backends: their capabilities, or the reason why one cannot run here."""
    from samplewise import registry

    listings = registry.listings()
    if as_markdown:
        console.result(_markdown([each for each in listings if each.available]))
        return
    if as_json:
        console.result_json(
            [{**vars(each), "capabilities": _capabilities(each) or None} for each in listings]
        )
        return
    header = ("name", "version", "distribution", "status", "capabilities")
    console.table([_row(listing) for listing in listings], header)


def _markdown(listings: Sequence[Listing]) -> str:
    """Return a table with a row for all names that the same backends offer."""
    offers = [_capabilities(listing) for listing in listings]
    lines = [
        "| | works | " + " | ".join(f"`{listing.name}`" for listing in listings) + " |",
        "|---|---|" + ":-:|" * len(listings),
    ]
    for feature in FEATURES:
        known = sorted({name for offer in offers for name in offer[feature]})
        found = {name: tuple(name in offer[feature] for offer in offers) for name in known}
        for who in sorted(set(found.values()), reverse=True):
            names = ", ".join(name for name in known if found[name] == who)
            lines.append(
                f"| {feature} | {names} | {' | '.join('x' if yes else '' for yes in who)} |"
            )
    return "\n".join(lines)


def _capabilities(listing: Listing) -> dict[str, Any]:
    """Return the capabilities as JSON values, sets sorted."""
    if listing.capabilities is None:
        return {}
    values = dataclasses.asdict(listing.capabilities)
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in values.items()
    }


def _row(listing: Listing) -> tuple[str, ...]:
    status = "available" if listing.available else f"unavailable: {listing.reason}"
    lines = [f"kernels: {listing.kernels}"] if listing.kernels else []
    for name, value in _capabilities(listing).items():
        lines.append(f"{name}: {_words(value)}")
    return listing.name, listing.version, listing.distribution, status, "\n".join(lines)


def _words(value: list[str] | str | bool) -> str:
    """Return a capability as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else ", ".join(value)
