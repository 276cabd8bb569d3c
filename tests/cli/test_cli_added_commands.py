"""Commands that other packages add: listed without being imported, loaded when they run."""

import importlib.metadata
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from types import SimpleNamespace

import pytest
import typer

from samplewise.cli.commands import ADDED, COMMANDS, ENTRY_POINT_GROUP, LazyGroup

LOADED = """
import sys
from samplewise.cli.app import main
code = main(sys.argv[1:])
modules = ("samplewise.cli.train", "samplewise.cli.backends", "samplewise_bench")
print(*(name for name in modules if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


def added(name, value, package="theirs"):
    entry_point = EntryPoint(name, value, ENTRY_POINT_GROUP)
    vars(entry_point).update(dist=SimpleNamespace(name=package))
    return entry_point


@pytest.fixture
def offered(monkeypatch):
    """Offer entry points besides the installed ones."""

    def offer(*extra):
        found = [*entry_points(group=ENTRY_POINT_GROUP), *extra]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found)

    return offer


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["--help"], ""),
        (["backends", "--help"], "samplewise.cli.backends"),
        (["scaling", "--help"], "samplewise_bench"),
    ],
)
def test_a_command_is_imported_only_when_it_is_named(arguments, loaded):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == f"{loaded}\n"
    if arguments == ["--help"]:
        assert all(f"\n  {name} " in done.stdout for name in ("report", "bench", "scaling"))


def test_the_help_line_of_a_command_is_the_first_of_its_docstring():
    group = LazyGroup(name="samplewise")
    assert set(group.list_commands(None)) == {*COMMANDS, *ADDED}
    for name, command in group.commands.items():
        assert command.help == command.load().help.split("\n\n")[0], name


def test_the_list_of_commands_has_their_whole_lines(cli):
    listed = " ".join(cli("--help").out.split())
    for name, line in {**COMMANDS, **ADDED}.items():
        assert f" {name} {line}" in listed


def test_an_unknown_command_is_compared_with_added_ones(cli):
    ended = cli("benhc")
    assert ended.code == 2
    assert "Did you mean 'bench'?" in ended.err


def greet(name: str = "you") -> None:
    """Greet somebody."""
    typer.echo(f"hello {name}")


def test_a_command_of_another_package_is_listed_and_runs(cli, offered):
    offered(added("greet", f"{__name__}:greet"))
    assert "Added by theirs." in cli("--help").out
    assert cli("greet", "--name", "world") == (0, "hello world\n", "")
    assert "given twice" in cli("greet", "--name", "a", "--name", "b").err


def test_a_command_of_this_package_cannot_be_replaced(cli, offered):
    offered(added("backends", f"{__name__}:greet"))
    assert "List the backends" in cli("backends", "--help").out


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module:run", "ModuleNotFoundError: No module named 'no_such_module'"),
        (f"{__name__}:no_such_function", "AttributeError"),
    ],
)
def test_a_command_that_cannot_be_loaded_is_named_with_its_package(cli, offered, value, reason):
    offered(added("broken", value))
    assert cli("--help").code == 0
    ended = cli("broken")
    assert ended.code == 2
    assert ended.err.startswith(f"error: command 'broken' of theirs: {value} cannot be loaded")
    assert reason in ended.err
    assert ended.err.endswith("reinstall or remove theirs\n")
