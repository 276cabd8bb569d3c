"""An experiment from flags, environment variables and a TOML file, and back to TOML."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from samplewise._version import __version__
from samplewise.checks import printable, suggestion_or_list
from samplewise.errors import (
    CombinationError,
    ConfigError,
    DataError,
    ErrorList,
    ParameterError,
)
from samplewise.experiment.experiment import Experiment
from samplewise.io.reading import decoded, open_unchanged
from samplewise.options.words import words_of
from samplewise.plugins import offers
from samplewise.variables import PREFIX, warn_of_variables

MAX_CONFIG_BYTES = 2**20
SEE_HELP = "; `samplewise train --help` explains each"


WORDS = words_of(Experiment)
"""The options of an experiment, by the names that are used here."""


def read_config(path: Path) -> dict[str, Any]:
    """Return the options in a TOML file, each checked, by their names in `WORDS`.

    Words may be joined by "-" or "_". A relative path in `data`, `validation_data` and `test_data`
    is taken from the current folder, not from that of the file.

    Raises:
        ConfigError: no file, over 1 MiB, no TOML (the message has line and column), an unknown or
            repeated word, or a value of the wrong kind or out of range.
    """
    return checked_options(toml_table(path), printable(path))


def checked_options(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the options in a table of TOML values, each checked.

    Args:
        table: by words that may be joined by "-" or "_".
        name: of its source, for messages.

    Raises:
        ConfigError: as `read_config`.
    """
    settings: dict[str, Any] = {}
    errors = ErrorList(ConfigError)
    for written, value in table.items():
        word = written.replace("-", "_")
        with errors:
            if word in settings:
                raise ConfigError(f"{name} has {word} twice, with '-' and with '_'; keep one")
            settings[word] = _checked_option(written, word, value, name)
    errors.check()
    return settings


def _checked_option(written: str, word: str, value: Any, name: str) -> Any:
    if word not in WORDS:
        if isinstance(value, dict) and any(key.replace("-", "_") in WORDS for key in value):
            raise ConfigError(
                f"{name} has options in the table [{printable(written)}]; leave out the line "
                "with its name, as options stand outside of tables"
            )
        raise ConfigError(
            f"{name} has the unknown word '{printable(written)}'"
            f"{suggestion_or_list(word, WORDS, 'Known words', SEE_HELP)}"
        )
    try:
        return WORDS[word].kind.from_toml(word, value)
    except ParameterError as error:
        raise ConfigError(f"{error} (in {name})") from error


def write_config(experiment: Experiment) -> str:
    """Return the TOML text that `read_config` reads as this experiment; None is left out."""
    settings = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in experiment.to_options().items()
        if value is not None
    }
    return (
        f"# Written by samplewise {__version__}; run it again with --config. A relative "
        "path in `data`, `validation_data`\n# and `test_data` is taken from the folder that "
        "samplewise is started in.\n" + tomli_w.dumps(settings)
    )


def effective(flags: Mapping[str, object], config: Path | None) -> Experiment:
    """Return the experiment that the user asked for.

    A flag wins over an environment variable (`SAMPLEWISE_LEARNING_RATE` and so on; an empty one
    counts as not set), that over the file, and the file over the default. A misspelt
    variable is a warning.

    Args:
        flags: text, or a bool, by word; None where the flag was not given.
        config: a TOML file, or None.

    Raises:
        ParameterError: a value is of the wrong kind or out of range; the message names its source.
        CombinationError: a flag describes the layers, and another one the hidden layers.
        ConfigError: as `read_config`.
    """
    _check_layers(flags)
    warn_of_variables(WORDS, offers)
    settings, errors = {}, ErrorList(ParameterError)
    if config is not None:
        with errors:
            settings = read_config(config)
    for word in WORDS:
        variable = PREFIX + word.upper()
        text = os.environ.get(variable)
        if text:
            with errors:
                settings[word] = from_text(word, text, variable)
    with errors:
        settings |= from_flags(flags)
    errors.check()
    if flags.get("backend") is None and os.environ.get(PREFIX + "BACKEND"):
        # Left to the registry, which reads the variable too and notes that it decided.
        settings["backend"] = None
    return Experiment.from_options(**settings)


def _check_layers(flags: Mapping[str, object]) -> None:
    # Of flags only: the file that a run has written holds the defaults too.
    for word in ("hidden", "activation"):
        if flags.get("layers") is not None and flags.get(word) is not None:
            raise CombinationError(
                f"--layers: it describes all layers, so --{word} cannot be given too, got "
                f"'{printable(flags[word])}'; leave one of them out"
            )


def from_flags(flags: Mapping[str, object]) -> dict[str, Any]:
    """Return the checked values of the flags that were given.

    Raises:
        ParameterError: as `effective`.
    """
    found, errors = {}, ErrorList(ParameterError)
    for word, given in flags.items():
        if given is not None:
            with errors:
                found[word] = from_text(word, given, _flag(word))
    errors.check()
    return found


@contextmanager
def naming_flags(flags: Mapping[str, object]) -> Iterator[None]:
    """Add the flag to an error about its option that is found only when the option is used.

    Raises:
        ParameterError: what the block raised; with the flag where it begins with an option's name.
    """
    try:
        yield
    except ParameterError as error:
        word = str(error).partition(":")[0]
        if flags.get(word) is None:
            raise
        raise type(error)(f"{error} (given by {_flag(word)})") from error


def _flag(word: str) -> str:
    return "--" + word.replace("_", "-")


def from_text(word: str, given: object, source: str) -> Any:
    """Return the checked value of an option given as a text, or as the bool of a switch.

    Raises:
        ParameterError: the value is of the wrong kind or out of range.
    """
    kind = WORDS[word].kind
    try:
        return kind.from_text(word, given) if isinstance(given, str) else kind.check(word, given)
    except ParameterError as error:
        raise ParameterError(f"{error} (given by {source})") from error


def toml_table(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        ConfigError: no file, over 1 MiB, or not TOML; the message has line and column.
    """
    name = printable(path)
    try:
        with open_unchanged(path) as file:
            # One byte more than allowed tells that there are more.
            content = file.read(MAX_CONFIG_BYTES + 1)
    except DataError as error:
        raise ConfigError(str(error)) from error
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigError(
            f"{name} is larger than {MAX_CONFIG_BYTES:,} bytes; expected a short TOML file"
        )
    try:
        return tomllib.loads(decoded(content, name))
    except DataError as error:
        raise ConfigError(str(error)) from error
    except RecursionError as error:
        raise ConfigError(
            f"{name} is nested too deeply; expected lines like epochs = 10"
        ) from error
    except ValueError as error:  # TOMLDecodeError, and integers too long
        raise ConfigError(f"{name} is not TOML: {printable(error)}") from error
