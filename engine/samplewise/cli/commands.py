"""The commands, those that other packages add, and the options before them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from samplewise._version import __version__
from samplewise.errors import UnavailableCommandError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# Each is a function of a module of the same name, and imported only when it runs: lists of
# commands show these lines, the first of each function's docstring.
COMMANDS = {
    "train": "Train a network, test it, and write model, history, plots and configuration to a "
    "folder.",
    "sweep": "Train every candidate of a sweep with every seed, and write a table and a page of "
    "them.",
    "find-rate": "Suggest a learning rate: train one pass while the rate grows, until the loss "
    "breaks.",
    "explain": "Show the plan that `train` would choose with these settings, its reason and the "
    "time.",
    "summary": "Show the network that `train` would build: shapes, parameters, work and memory.",
    "evaluate": "Test a model: loss, accuracy, precision and recall of each class, confusion "
    "matrix.",
    "predict": "Predict the class of every row and the probability of every class, or numbers.",
    "export": "Write a model's weights for PyTorch, and print the nn.Sequential that takes them.",
    "data": "Describe a dataset, and draw a sheet of its images on request.",
    "backends": "List the backends: their capabilities, or the reason why one cannot run here.",
    "warm-up": "Compile all kernels and measure the machine now, so that no later start has to.",
    "check-backend": "Test a backend against the reference; exit code 1 if it disagrees.",
    "report": "Run the report's experiments again and write a report beside its published figures.",
}
# Functions of other packages, annotated for typer as those of `COMMANDS` are.
ENTRY_POINT_GROUP = "samplewise.commands"
ADDED = {
    "bench": "Time backends on rows of the report, on one core, after checking that they agree.",
    "scaling": "Time training at many sizes on one core, and fit how time and memory grow with "
    "each.",
}


class _Conversion:
    """Converts the value of a parameter as typer does, but only where there is one to convert.

    typer imports pydantic, a tenth of a second, for every value but a bool, None included. Texts
    and paths need no conversion.
    """

    def __init__(self, parameter: Any) -> None:
        self._full = parameter.get_runtime_param

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value, converted to the parameter's type."""
        wanted = param.type_descriptor.annotation
        if param.nargs == 1 and not param.multiple:
            kinds = [kind for kind in get_args(wanted) or (wanted,) if isinstance(kind, type)]
            if value is None or any(isinstance(value, kind) for kind in kinds):
                return value
            if wanted is Path and isinstance(value, str):
                return Path(value)
        return self._full().coerce(value, param=param, ctx=ctx)


class _QuickToStart:
    """A command or group that imports nothing for options that are not given."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, each with a conversion of its own."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if "get_runtime_param" not in vars(parameter):
                conversion = _Conversion(parameter)
                parameter.get_runtime_param = lambda found=conversion: found
        return parameters


class OnceEach(_QuickToStart, TyperCommand):
    """A command that refuses an option given twice, of which the first would be lost."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as usual, after looking for repetitions and for words of other libraries.

        Raises:
            BadParameter: an option is given twice.
            TyperException: as usual; an unknown option names the one that it is here.
        """
        try:
            _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        except typer.TyperException as error:
            self._name_option(error)
            raise
        for parameter in order:
            if order.count(parameter) > 1 and not parameter.multiple:
                raise typer.BadParameter(
                    "given twice; give it once", ctx=ctx, param_hint=f"'{parameter.opts[0]}'"
                )
        return super().parse_args(ctx, args)

    def _name_option(self, error: Any) -> None:
        from samplewise.other_names import ours

        names = ours(getattr(error, "option_name", "").lstrip("-"))
        flags = ["--" + name.replace("_", "-") for name in names]
        known = [flag for flag in flags if any(flag in each.opts for each in self.params)]
        if known:
            error.possibilities = known

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options under the headings of their panels, as plain text."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                argument = parameter.param_type_name == "argument"
                panel = "Arguments" if argument else getattr(parameter, "rich_help_panel", None)
                panels.setdefault(panel or "Options", []).append(record)
        for panel, records in panels.items():
            if records:
                with formatter.section(panel):
                    formatter.write_dl(records)


class Unloaded(TyperCommand):
    """Stands for a command in lists, and until it runs."""

    def __init__(self, name: str, help_line: str, function: Callable[[], Any]) -> None:
        super().__init__(name, help=help_line)
        self._function = function

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return the whole line; the list of commands wraps it."""
        del limit
        return self.help or ""

    def load(self) -> Any:
        """Return the command, imported."""
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(self.name, cls=OnceEach)(self._function())
        return typer.main.get_command(app)


class LazyGroup(_QuickToStart, TyperGroup):
    """Commands of this package first, which no other package can replace, then added ones.

    Entry points are read only for a list of all commands or a name that is not built in.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name, help_line in COMMANDS.items():
            self.add_command(Unloaded(name, help_line, partial(_built_in, name.replace("-", "_"))))

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names; nothing is imported."""
        self._discover()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, not loaded; None for an unknown name."""
        if cmd_name not in self.commands:
            self._discover()
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command to run, loaded, and the arguments left for it."""
        name, command, left = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Unloaded) else command, left

    def _discover(self) -> None:
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=ENTRY_POINT_GROUP):
            if entry_point.name not in self.commands:
                package = entry_point.dist.name if entry_point.dist else "an unknown package"
                help_line = ADDED.get(entry_point.name, f"Added by {package}.")
                function = partial(_added, entry_point, package)
                self.add_command(Unloaded(entry_point.name, help_line, function))


def _built_in(name: str) -> Any:
    return getattr(import_module(f"samplewise.cli.{name}"), name)


def _added(entry_point: EntryPoint, package: str) -> Any:
    try:
        return entry_point.load()
    except Exception as error:
        raise UnavailableCommandError(
            f"command '{entry_point.name}' of {package}: {entry_point.value} cannot be loaded, "
            f"got {type(error).__name__}: {error}; reinstall or remove {package}"
        ) from error


def application() -> typer.Typer:
    """Return the command line, not yet run."""
    app = typer.Typer(
        cls=LazyGroup,
        help="Train small neural networks on a CPU, on backends that provably agree.",
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_before)
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
    """Show the commands where none was named. `app.main` sees to --debug."""
    del version, debug
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)
