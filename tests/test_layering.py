"""Imports go one way: each room of the engine may use only those below it."""

import ast
from pathlib import Path

ENGINE = Path(__file__).parents[1] / "engine" / "samplewise"
BACKENDS = Path(__file__).parents[1] / "backends" / "samplewise_backends"

# From the bottom up; a module may import from its own room and from lower ones.
ROOMS = [
    {"errors"},
    {"checks", "strict_json", "threads"},
    {"files", "regular_file", "plots"},
    {"network"},
    {"streams"},
    {"contract"},
    {"registry"},
    {"data"},
    {"training"},
    {"predictor"},
    {"model"},
    {"model_file"},
    {"experiment"},
    {"report", "testing"},
    {"bench"},
    {"cli"},
]
HEIGHT = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
OPEN_TO_BACKENDS = {"contract", "network", "checks", "errors", "threads"}


def imported_modules(path):
    """Every module that a file imports from our packages, with the line, type checking included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [node.module]
            if node.module in ("samplewise", "samplewise_backends"):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] in ("samplewise", "samplewise_backends"):
                yield name, node.lineno


def room(module):
    return module.split(".")[1] if "." in module else ""


def engine_breaches(root):
    for path in sorted(root.rglob("*.py")):
        own = path.relative_to(root).with_suffix("").parts[0]
        if own in ("__init__", "__main__"):
            continue
        for name, line in imported_modules(path):
            if name.startswith("samplewise_backends"):
                yield f"{path}:{line}: the engine imports the backend module {name}"
            elif room(name) not in ("__version__", own) and HEIGHT[room(name)] >= HEIGHT[own]:
                yield f"{path}:{line}: {own} imports {name}, which is not below it"


def test_the_engine_imports_downwards_only():
    assert list(engine_breaches(ENGINE)) == []


def test_a_breach_is_found(tmp_path):
    (tmp_path / "contract.py").write_text("from samplewise.training import loop\n")
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
                assert room(name) == own, f"{path}:{line} imports {name}"
            else:
                assert room(name) in OPEN_TO_BACKENDS, f"{path}:{line} imports {name}"


def compiling(root):
    """Files that ask a backend for a program, relative to the engine."""
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            owner, _, method = called.rpartition(".")
            if method in ("compile", "compile_many") and owner not in ("re", "self", "session"):
                yield str(path.relative_to(root))


def test_only_a_session_compiles_programs_that_train():
    """The other two predict; benchmarks time what lies below a session."""
    found = {name for name in compiling(ENGINE) if not name.startswith("bench/")}
    assert found == {"training/session.py", "predictor.py", "testing/problems.py"}
