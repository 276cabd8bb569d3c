"""The commands and the options before them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from samplewise import __version__
from samplewise.cli.backends import backends
from samplewise.cli.bench import bench
from samplewise.cli.check_backend import check_backend
from samplewise.cli.data import data
from samplewise.cli.evaluate import evaluate
from samplewise.cli.explain import explain
from samplewise.cli.find_rate import find_rate
from samplewise.cli.predict import predict
from samplewise.cli.report import report
from samplewise.cli.scaling import scaling
from samplewise.cli.summary import summary
from samplewise.cli.train import train

COMMANDS = (
    *(train, find_rate, explain, summary, evaluate, predict),
    *(data, backends, check_backend, report, bench, scaling),
)


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


def application() -> typer.Typer:
    """Return the command line, not yet run."""
    app = typer.Typer(
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
