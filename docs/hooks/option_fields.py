"""An extension of griffe: the reference shows options as Python has them.

Fields made by `option`, `Chosen` and `parameter` complete the docstring of their class, and get
their default, when the module runs; griffe only reads the source.
"""

import dataclasses
import importlib
import inspect
from typing import Any

import griffe

OPTION_MAKERS = ("option", "Chosen", "parameter")


def classes_of(module: griffe.Module) -> Any:
    """Yield every class that a module and those below it define."""
    for member in module.members.values():
        if member.is_alias:
            continue
        if member.is_module:
            yield from classes_of(member)
        elif member.is_class:
            yield member


def is_made(member: Any) -> bool:
    """Return True if one of `OPTION_MAKERS` makes the value of a member."""
    function = getattr(getattr(member, "value", None), "function", "")
    return str(function).partition("[")[0] in OPTION_MAKERS


class OptionFields(griffe.Extension):
    """Take docstrings and defaults of dataclasses from the classes themselves."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Complete the classes of a package, before its dataclasses get their signatures."""
        for described in classes_of(pkg):
            made = [name for name, member in described.members.items() if is_made(member)]
            decorated = any(str(found.value) == "documented" for found in described.decorators)
            if not made and not decorated:
                continue
            module = importlib.import_module(described.parent.canonical_path)
            found = getattr(module, described.name)
            if decorated:
                described.docstring.value = inspect.getdoc(found)
            defaults = {field.name: field.default for field in dataclasses.fields(found)}
            for name in made:
                described.members[name].value = repr(defaults[name])
