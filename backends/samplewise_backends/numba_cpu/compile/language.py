"""The language of kernels: functions that numba knows there, and those that we add.

numba itself knows thousands, tries dozens of rules for every operator, and compiles the functions
behind many of them. Here it knows the rules of a few modules, none of which compiles anything.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import imputils, typing
from numba.core.typing import enumdecl, mathdecl
from numba.core.typing.templates import AbstractTemplate, Registry, RegistryLoader

TYPES = Registry()
"""The types of functions that we add; of a function that numba knows too, only ours hold."""
CODE = imputils.Registry("samplewise")
"""The instructions that they become."""


def lowers(*functions: Any) -> Callable[[Any], Any]:
    """Let a definition, as numba's `intrinsic` takes it, stand for Python functions in kernels."""

    def register(definition: Any) -> Any:
        for function in functions:
            TYPES.register_global(function, types.Function(_template(function, definition)))
        CODE.lower(definition, types.VarArg(types.Any))(_code_of(definition))
        return definition

    return register


def _template(function: Any, definition: Any) -> Any:
    def generic(template: Any, arguments: Any, _keywords: Any) -> Any:
        found = definition(template.context, *arguments)
        return found and found[0]

    rule = {"key": definition, "generic": generic, "prefer_literal": True}
    return type(f"Rule_{function.__name__}", (AbstractTemplate,), rule)


def _code_of(definition: Any) -> Any:
    def code(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        _, write = definition(context.typing_context, *signature.args)
        return write(context, builder, signature, values)

    return code


class Typing(typing.Context):
    """Types of the functions in the language of kernels."""

    def load_additional_registries(self) -> None:
        """Add the rules of this language; the caller then adds numba's own."""
        for registry in (TYPES, mathdecl.registry, enumdecl.registry):
            self.install_registry(registry)

    def install_registry(self, registry: Any) -> None:
        """Add the rules of a registry, but for those that compile a function."""
        loader = self._registries.setdefault(registry, RegistryLoader(registry))
        for rule in _without_overloads(loader.new_registrations("functions")):
            self.insert_function(rule(self))
        for rule in _without_overloads(loader.new_registrations("attributes")):
            self.insert_attributes(rule(self))
        ours = {function for function, _ in TYPES.globals} if registry is not TYPES else ()
        for function, kind in loader.new_registrations("globals"):
            if function not in ours:
                self._add_global(function, kind)

    def _add_global(self, function: Any, kind: Any) -> None:
        rules = getattr(kind, "templates", None)
        if rules is not None and not list(_without_overloads(rules)):
            return
        known = self._lookup_global(function)
        if known is not None:
            self._remove_global(function)
            kind = known.augment(kind)
        self._insert_global(function, kind)


def _without_overloads(rules: Any) -> Iterator[Any]:
    return (rule for rule in rules if not hasattr(rule, "_overload_func"))


def _extreme(relation: Any) -> Any:
    """Define the function of two numbers that returns the second where the relation holds."""

    def definition(typing: Any, first: Any, second: Any) -> Any:
        kind = typing.unify_types(types.unliteral(first), types.unliteral(second))

        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            compare = context.typing_context.resolve_value_type(relation)
            compared = compare.get_call_type(context.typing_context, (kind, kind), {})
            holds = context.get_function(compare, compared)(builder, [values[1], values[0]])
            return builder.select(holds, values[1], values[0])

        return kind(kind, kind), code

    return definition


lowers(max)(_extreme(operator.gt))
lowers(min)(_extreme(operator.lt))


@lowers(int)
def _int(typing: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.cast(builder, values[0], signature.args[0], types.intp)

    return types.intp(types.unliteral(number)), code
