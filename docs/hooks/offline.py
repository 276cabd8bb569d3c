"""A hook of mkdocs: the site shows nothing that has to be loaded from the net."""

import re
from typing import Any

from mkdocs.exceptions import PluginError

LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>")
STYLES = re.compile(r"<link\b[^>]*\brel=[\"']?(?:stylesheet|preconnect|icon)\b[^>]*>")


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Return a page as it is.

    Raises:
        PluginError: the page has scripts, pictures or styles of another host.
    """
    styles = [tag for tag in STYLES.findall(output) if re.search(r"href=[\"']?(?:https?:)?//", tag)]
    if found := LOADED.findall(output) + styles:
        raise PluginError(f"{page.file.src_uri}: {found[0]} is loaded from the net; bring it along")
    return output
