"""Imports go one way: each room of the engine may use only those below it."""

import ast
import re
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[1] / "engine" / "samplewise"
BACKENDS = Path(__file__).parents[1] / "backends" / "samplewise_backends"
BENCH = "samplewise_bench"
BENCHMARKS = Path(__file__).parents[1] / "benchmarks" / BENCH

# From the bottom up; a module may import from its own room and from lower ones.
ROOMS = [
    {"errors", "lazy", "locks", "other_names"},
    {"_version", "checks", "text", "threads", "warn"},
    {"logging", "name_lists", "registered", "variables"},
    {"io", "plots"},
    {"options"},
    {"network"},
    {"streams"},
    {"contract"},
    {"plugins"},
    {"registry"},
    {"data"},
    # A training gives models, to its caller and to callbacks: a model needs no training.
    {"model"},
    {"training"},
    {"estimators"},
    {"displays", "exchange"},
    {"experiment"},
    {"sweep"},
    {"report", "testing"},
    {"cli"},
]
HEIGHT = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
OURS = ("samplewise", "samplewise_backends", BENCH)
# From the bottom up, the rooms inside the compiled backend.
NUMBA_ROOMS = [
    {"compile"},
    {"kernels"},
    {"build"},
    {"plans"},
    {"planner"},
    {"trainers"},
    {"program", "many", "availability", "preparation"},
    {"backend"},
]
OPEN_TO_BACKENDS = {"contract", "network", "checks", "errors", "locks", "threads"}


def test_the_architecture_names_the_rooms_in_this_order():
    text = (ENGINE.parents[1] / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    chain = text.partition("\n    cli ->")[2].partition("\n    samplewise_backends")[0]
    rooms = [{"cli"}, *(set(re.split(r",\s*", level.strip())) for level in chain.split("->"))]
    assert rooms == ROOMS[::-1]


def imported_modules(path):
    """Every module that a file imports from our packages, with the line, type checking included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [node.module]
            if node.module in OURS:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] in OURS:
                yield name, node.lineno


def room(module):
    return module.split(".")[1] if "." in module else ""


def engine_breaches(root):
    for path in sorted(root.rglob("*.py")):
        own = path.relative_to(root).with_suffix("").parts[0]
        if own in ("__init__", "__main__"):
            continue
        for name, line in imported_modules(path):
            if name.startswith(("samplewise_backends", BENCH)):
                yield f"{path}:{line}: the engine imports {name}, which is outside it"
            elif room(name) != own and HEIGHT[room(name)] >= HEIGHT[own]:
                yield f"{path}:{line}: {own} imports {name}, which is not below it"


def test_the_engine_imports_downwards_only():
    assert list(engine_breaches(ENGINE)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "from samplewise.training import train",
        "from samplewise_bench import timing",
        "import samplewise_bench.peers.race",
        "from samplewise_backends import reference",
    ],
)
def test_a_breach_is_found(tmp_path, statement):
    (tmp_path / "contract.py").write_text(f"def later():\n    {statement}\n")
    assert len(list(engine_breaches(tmp_path))) == 1


def test_every_room_has_a_level():
    found = {path.stem for path in ENGINE.iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms = found - {"__init__", "__main__", "__pycache__", "py"}
    assert rooms == set(HEIGHT)


def test_backends_import_the_contract_and_the_network_and_never_one_another():
    for path in sorted(BACKENDS.rglob("*.py")):
        own = path.relative_to(BACKENDS).parts[0]
        for name, line in imported_modules(path):
            if name.startswith("samplewise_backends."):
                assert room(name) in {own, "exact"}, f"{path}:{line} imports {name}"
            else:
                assert not name.startswith(BENCH), f"{path}:{line} imports {name}"
                assert room(name) in OPEN_TO_BACKENDS, f"{path}:{line} imports {name}"


def compiling(root):
    """Files that ask anything but `re` and a session for a program, relative to the root."""
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in ("compile", "compile_many")
                and ast.unparse(node.value).split(".")[-1] not in ("re", "session")
                and ast.unparse(node) != "self.compile"
            ):
                yield str(path.relative_to(root))


def test_only_a_session_compiles_programs_that_train():
    """Plugins are asked for the method only, a predictor does not train, and these are peers."""
    assert set(compiling(ENGINE)) == {
        "training/programs.py",
        "training/session.py",
        "plugins.py",
        "model/predictor.py",
        "testing/problems.py",
    }
    assert set(compiling(BENCHMARKS)) == {"peers/jax_steps.py", "peers/pytorch.py"}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("backend.compile(network)", 1),
        ("registry.load('reference').compile_many(networks)", 1),
        ("made = partial(backend.compile, network)", 1),
        ("self.session.compile(warm_up=False)", 0),
        ("re.compile('a')", 0),
    ],
)
def test_a_compiled_program_is_found(tmp_path, statement, found):
    (tmp_path / "module.py").write_text(statement)
    assert len(list(compiling(tmp_path))) == found


def test_the_rooms_of_the_compiled_backend_import_downwards_only():
    height = {room: level for level, rooms in enumerate(NUMBA_ROOMS) for room in rooms}
    for path in sorted((BACKENDS / "numba_cpu").rglob("*.py")):
        own = path.relative_to(BACKENDS / "numba_cpu").with_suffix("").parts[0]
        for name, line in imported_modules(path):
            if name.startswith("samplewise_backends.numba_cpu.") and own != "__init__":
                other = name.split(".")[2]
                lower = other == own or height[other] < height[own]
                assert lower, f"{path}:{line}: {own} imports {name}, which is not below it"
