"""Options of commands: those of the settings, made from their definitions, and those shared."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import starmap
from pathlib import Path
from typing import Annotated, Any

import typer

from samplewise.checks import printable
from samplewise.errors import CombinationError
from samplewise.experiment.config_file import WORDS, effective, from_flags, from_text, naming_flags
from samplewise.options.kinds import SWITCH
from samplewise.options.words import Word

OUTPUT = "Output"
READING = ("label", "drop", "full_scale")
"""The settings that also say how the rows are read that a model is used on."""
SOURCE = ("data", "classes", "label", "drop", "image_size", "fit", "full_scale")
"""The settings that describe the content of a dataset."""
Command = Callable[..., None]


def option(metavar: str | None, text: str, *flags: str, panel: str | None = None) -> Any:
    """Return an option of typer; without flags, they follow from the parameter's name."""
    return typer.Option(*flags, metavar=metavar, help=text, rich_help_panel=panel)


def output(metavar: str, text: str, flag: str = "--out") -> Any:
    """Return an option of typer about what is written."""
    return option(metavar, text, flag, panel=OUTPUT)


def switch(flags: str, text: str, panel: str | None = None) -> Any:
    """Return an option of typer that takes no value, such as "--json" or "--on/--off"."""
    return typer.Option(flags, help=text, rich_help_panel=panel)


ModelPath = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")
]
Sha256 = Annotated[
    str | None, option("HEX", "Refuse the model unless its file has this SHA-256.", "--sha256")
]
Force = Annotated[bool, switch("--force", "Replace an output that exists.", panel=OUTPUT)]
AsJson = Annotated[bool, switch("--json", "Print the result as JSON on stdout.", panel=OUTPUT)]
ConfigFile = Annotated[
    Path | None, option("FILE", "TOML file with the same words as the options.", "--config")
]


def settings(
    *words: str,
    without: Collection[str] = (),
    defaults: Mapping[str, str] | None = None,
    config: bool = True,
) -> Callable[[Command], Command]:
    """Return a decorator: the command gets options, and first the experiment that they make.

    Args:
        words: the settings that are options; none for all.
        without: settings that are not.
        defaults: for help texts, where a command has others than the experiment.
        config: whether a file may hold settings, too; a command that has a parameter of this name
            gets its path.
    """
    chosen = words or tuple(word for word in WORDS if word not in without)

    def decorate(command: Command) -> Command:
        takes_config = "config" in inspect.signature(command).parameters

        def run(**given: Any) -> None:
            flags = {word: given.pop(word, None) for word in chosen}
            path = given.get("config") if takes_config else given.pop("config", None)
            experiment = effective(flags, _config(path, given.get("resume")))
            with naming_flags(flags):
                command(experiment, **given)

        parameters = [_parameter(WORDS[word], defaults or {}) for word in chosen]
        if config and not takes_config:
            parameters.append(_keyword("config", ConfigFile))
        return _replaced(command, run, parameters)

    return decorate


def _config(config: Path | None, resume: Path | None) -> Path | None:
    """Return the file of settings: that of --config, or of the run that --resume names."""
    from samplewise.experiment.run_checkpoints import config_of

    if resume is None:
        return config
    if config is not None:
        raise CombinationError(
            f"--config: a run that is resumed has its own configuration, got {printable(config)}; "
            "omit --config"
        )
    return config_of(resume)


def given(
    *words: str, defaults: Mapping[str, str] | None = None, **texts: Any
) -> Callable[[Command], Command]:
    """Return a decorator: the command gets options, and first a dict of those that were given.

    Args:
        words: the settings that are options; their values are checked.
        defaults: for help texts, as the command has them.
        texts: types of the command's own options by name; their values are texts.
    """

    def decorate(command: Command) -> Command:
        def run(**values: Any) -> None:
            found = from_flags({word: values.pop(word, None) for word in words})
            own = {name: values.pop(name, None) for name in texts}
            found |= {name: text for name, text in own.items() if text is not None}
            command(found, **values)

        parameters = [_parameter(WORDS[word], defaults or {}) for word in words]
        return _replaced(command, run, [*parameters, *starmap(_keyword, texts.items())])

    return decorate


def take_source(found: dict[str, Any], given: str | None) -> None:
    """Put the rows that an argument names where --data has them: a command takes either.

    Args:
        found: the settings that were given, changed in place.
        given: the argument INPUT; None where there is none.

    Raises:
        ParameterError: it is empty.
        CombinationError: --data is given too.
    """
    if given is None:
        return
    if "data" in found:
        raise CombinationError(
            f"--data: the rows are named by INPUT, so it cannot be given too, got "
            f"'{printable(found['data'])}'; leave one of them out"
        )
    found["data"] = from_text("data", given, "INPUT")


def _replaced(command: Command, run: Command, parameters: Iterable[inspect.Parameter]) -> Command:
    """Return `run` under the command's name, with our parameters and its own but the first."""
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    functools.update_wrapper(run, command)
    vars(run).update(__signature__=inspect.Signature([*parameters, *keywords]))
    return run


def _parameter(word: Word, defaults: Mapping[str, str]) -> inspect.Parameter:
    """Return the parameter of a setting; None says that it was not given."""
    flag = "--" + word.name.replace("_", "-")
    switch = word.kind is SWITCH
    made = option(
        None if switch else word.kind.metavar,
        _help(word, defaults.get(word.name, word.default)),
        (word.flags or f"{flag}/--no-{flag[2:]}") if switch else flag,
        panel=word.panel,
    )
    return _keyword(word.name, Annotated[bool | None if switch else str | None, made])


def _keyword(name: str, annotation: Any) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=None, annotation=annotation)


def _help(word: Word, default: str) -> str:
    names = word.kind.names
    choices = "" if names is None else f"choices: {', '.join(names)}; "
    return f"{word.help[0].upper()}{word.help[1:]}.  [{choices}default: {default}]"
