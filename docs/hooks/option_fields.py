"""An extension of griffe: the reference shows options as Python has them.

Fields made by `option` and `Chosen` complete the docstring of their class, and get their default,
when the module runs; griffe only reads the source.
"""

import dataclasses
import importlib
import inspect
from typing import Any

import griffe

OPTION_MAKERS = ("option", "Chosen")


def classes_of(module: griffe.Module) -> Any:
    """Yield every class that a module and those below it define."""
    for member in module.members.values():
        if member.is_alias:
            continue
        if member.is_module:
            yield from classes_of(member)
        elif member.is_class:
            yield member


class OptionFields(griffe.Extension):
    """Take docstrings and defaults of classes decorated by `documented` from the classes."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Complete the classes of a package, before its dataclasses get their signatures."""
        for described in classes_of(pkg):
            if any(str(found.value) == "documented" for found in described.decorators):
                module = importlib.import_module(described.parent.canonical_path)
                self._complete(described, getattr(module, described.name))

    @staticmethod
    def _complete(described: griffe.Class, found: type) -> None:
        described.docstring.value = inspect.getdoc(found)
        defaults = {field.name: field.default for field in dataclasses.fields(found)}
        for name, member in described.members.items():
            made_by = getattr(getattr(member, "value", None), "function", "")
            if str(made_by).partition("[")[0] in OPTION_MAKERS:
                member.value = repr(defaults[name])
