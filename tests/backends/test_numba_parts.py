"""The canary uses every part of numba that numba_cpu uses, and runs before all tests."""

import ast
from pathlib import Path

import numba
from llvmlite import ir
from numba.core import caching, ccallback
from numba.core.options import DefaultOptions

TESTS = Path(__file__).parents[1]
CANARY = Path(__file__).with_name("test_0_numba_canary.py")
BACKEND = TESTS.parent / "backends" / "samplewise_backends" / "numba_cpu"
LIBRARIES = {"numba", "llvmlite"}
# The members of these count in a file that names the class.
CLASSES = {"FunctionCache": caching.FunctionCache, "CFunc": ccallback.CFunc}


def origins(nodes):
    """Return the dotted name of each name that a file imports from numba and llvmlite."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
            found |= {name: name for name in modules if name.split(".")[0] in LIBRARIES}
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in LIBRARIES:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def parts_of_an_attribute(node, known, classes, lowers):
    """Yield the names of the parts that an expression with a dot uses."""
    owner = getattr(node.value, "id", getattr(node.value, "attr", None))
    if owner in known:
        yield f"{known[owner]}.{node.attr}"
    if owner in ("context", "builder") and lowers:
        yield f"{owner}.{node.attr}"
    if node.attr.isupper() and hasattr(numba.config, node.attr):
        yield f"numba.config.{node.attr}"
    if not node.attr.startswith("_"):
        yield from (f"{name}.{node.attr}" for name in classes if hasattr(CLASSES[name], node.attr))
    elif not node.attr.endswith("__") and node.attr != "_replace":
        yield node.attr


def own_private_names(nodes):
    """Return the private functions and attributes that a file defines itself."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and getattr(node.value, "id", None) == "self"
        ):
            yield node.attr


def used_parts(*texts):
    """Return the parts of numba and llvmlite that the sources use, by name."""
    used = set()
    for text in texts:
        nodes = list(ast.walk(ast.parse(text)))
        known, lowers = origins(nodes), "llvmlite" in text
        classes = [name for name in CLASSES if name in text]
        used |= set(known.values())
        for node in nodes:
            if isinstance(node, ast.Attribute):
                used |= set(parts_of_an_attribute(node, known, classes, lowers))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # Options of kernels, and instructions whose names are passed on.
                if hasattr(DefaultOptions, node.value):
                    used.add(f"option {node.value}")
                elif lowers and hasattr(ir.IRBuilder, node.value):
                    used.add(f"builder.{node.value}")
            elif isinstance(node, ast.keyword) and node.arg and hasattr(DefaultOptions, node.arg):
                used.add(f"option {node.arg}")
        used -= set(own_private_names(nodes))
    return used


def backend_sources():
    return [path.read_text(encoding="utf-8") for path in sorted(BACKEND.rglob("*.py"))]


def test_the_canary_covers_every_part_that_the_backend_uses():
    used = used_parts(*backend_sources())
    assert {"numba.core.lowering.Lower", "_make_subtarget", "_lookup_global"} <= used
    missing = used - used_parts(CANARY.read_text(encoding="utf-8"))
    assert not missing, f"add a test to {CANARY.name} for {sorted(missing)}"


def test_a_new_use_is_seen():
    new = """
from llvmlite import ir
from numba.core import caching, codegen

def lower(context, builder):
    codegen.initialize(numba.config.OPT)
    builder.atomic_rmw(view._meminfo, context.nrt)
    caching.FunctionCache.enable(numba.njit(parallel=True))
"""
    assert used_parts(new) >= {
        "llvmlite.ir",
        "numba.core.codegen",
        "numba.core.codegen.initialize",
        "numba.config.OPT",
        "builder.atomic_rmw",
        "_meminfo",
        "context.nrt",
        "FunctionCache.enable",
        "option parallel",
    }


def test_the_canary_is_collected_first():
    # pytest takes the entries of a folder by name; a file below tests/ sorts by its whole path.
    files = sorted(TESTS.rglob("test_*.py"), key=lambda path: path.relative_to(TESTS).parts)
    assert files[0] == CANARY
