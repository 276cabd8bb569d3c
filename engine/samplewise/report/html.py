"""A report as one HTML file that needs no other."""

from __future__ import annotations

import base64
from importlib.resources import files

from samplewise.report.document import Document
from samplewise.report.wording import printable_line


def render(document: Document) -> str:
    """Return the report as an HTML document: pictures and styles inline, no script."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    # Escaped by autoescape afterwards; a lone surrogate could not be written as UTF-8.
    environment.finalize = lambda value: printable_line(value) if type(value) is str else value
    text = files("samplewise.report").joinpath("report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(text).render(document=document)
