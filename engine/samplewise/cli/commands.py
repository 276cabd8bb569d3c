"""The commands, those that other packages add, and the options before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from samplewise import __version__
from samplewise.cli.backends import backends
from samplewise.cli.data import data
from samplewise.cli.evaluate import evaluate
from samplewise.cli.explain import explain
from samplewise.cli.find_rate import find_rate
from samplewise.cli.predict import predict
from samplewise.cli.report import report
from samplewise.cli.summary import summary
from samplewise.cli.train import train
from samplewise.errors import UnavailableCommandError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

COMMANDS = (train, find_rate, explain, summary, evaluate, predict, data, backends, report)
# Functions, annotated for typer as those of `COMMANDS` are.
ENTRY_POINT_GROUP = "samplewise.commands"
# The help lines of commands that are imported only when they run.
ADDED_HELP = {
    "bench": "Time backends on rows of the report, on one core, after checking that they agree.",
    "scaling": (
        "Time training at many sizes on one core, and fit how time and memory grow with each."
    ),
}


class OnceEach(TyperCommand):
    """A command that refuses an option given twice, of which the first would be lost."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as usual, after looking for repetitions.

        Raises:
            BadParameter: an option is given twice.
        """
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in order:
            if order.count(parameter) > 1 and not parameter.multiple:
                raise typer.BadParameter(
                    "given twice; give it once", ctx=ctx, param_hint=f"'{parameter.opts[0]}'"
                )
        return super().parse_args(ctx, args)


class AddedCommand(TyperCommand):
    """Stands for a command that an entry point adds: in lists, and until it runs."""

    def __init__(self, entry_point: EntryPoint) -> None:
        package = entry_point.dist.name if entry_point.dist else "an unknown package"
        added = f"Added by {package}."
        super().__init__(entry_point.name, help=ADDED_HELP.get(entry_point.name, added))
        self._entry_point, self._package = entry_point, package

    def load(self) -> Any:
        """Import the command.

        Raises:
            UnavailableCommandError: its module cannot be imported or lacks the function.
        """
        try:
            function = self._entry_point.load()
        except Exception as error:
            raise UnavailableCommandError(
                f"command '{self.name}' of {self._package}: {self._entry_point.value} cannot be "
                f"loaded, got {type(error).__name__}: {error}; reinstall or remove {self._package}"
            ) from error
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(self.name, cls=OnceEach)(function)
        return typer.main.get_command(app)


class PluggableGroup(TyperGroup):
    """Commands of this package first, which no other package can replace, then added ones.

    Entry points are read only for a list of all commands or a name that is not built in.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names; nothing is imported."""
        self._discover()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, None for an unknown name; nothing is imported."""
        if cmd_name not in self.commands:
            self._discover()
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command to run, imported, and the arguments left for it."""
        name, command, left = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, AddedCommand) else command, left

    def _discover(self) -> None:
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=ENTRY_POINT_GROUP):
            if entry_point.name not in self.commands:
                self.add_command(AddedCommand(entry_point))


def application() -> typer.Typer:
    """Return the command line, not yet run."""
    app = typer.Typer(
        cls=PluggableGroup,
        help="Train small neural networks on a CPU, on backends that provably agree.",
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_before)
    for command in COMMANDS:
        app.command(cls=OnceEach)(command)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"samplewise {__version__}")
        raise typer.Exit


def _before(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print the traceback of an error.")
    ] = False,
) -> None:
    """Show what there is where no command was named. `app.main` sees to --debug."""
    del version, debug
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)
