"""An experiment from flags, environment variables and a TOML file, and back to TOML."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomli_w

from samplewise._version import __version__
from samplewise.checks import printable, suggestion
from samplewise.errors import CombinationError, ConfigError, DataError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.value_kinds import VALUE_KINDS, ValueKind
from samplewise.io.reading import open_unchanged

MAX_CONFIG_BYTES = 2**20
PREFIX = "SAMPLEWISE_"


def _kinds() -> dict[str, ValueKind]:
    """Return what each field of an experiment takes, by the type that it is annotated with."""
    fields = dataclasses.fields(Experiment)
    return {field.name: VALUE_KINDS[str(field.type).removesuffix(" | None")] for field in fields}


KINDS = _kinds()


def read_config(path: Path) -> dict[str, Any]:
    """Return the settings in a TOML file, each checked, by the names of `Experiment`'s fields.

    Words may be joined by "-" or "_". A relative path in `data` is taken from the current folder,
    not from that of the file.

    Raises:
        ConfigError: no file, over 1 MiB, no TOML (the message has line and column), an unknown or
            repeated word, or a value of the wrong kind or out of range.
    """
    name = printable(path)
    settings: dict[str, Any] = {}
    for word, value in _table(path, name).items():
        field = word.replace("-", "_")
        if field not in KINDS:
            raise ConfigError(
                f"{name} has the unknown word '{printable(word)}'; known are {', '.join(KINDS)}"
                f"{suggestion(field, KINDS)}"
            )
        if field in settings:
            raise ConfigError(f"{name} has {field} twice, with '-' and with '_'; keep one")
        try:
            settings[field] = _checked(field, KINDS[field].from_toml(field, value))
        except ParameterError as error:
            raise ConfigError(f"{error} (in {name})") from error
    return settings


def write_config(experiment: Experiment) -> str:
    """Return the TOML text that `read_config` reads as this experiment; None is left out."""
    settings = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(experiment).items()
        if value is not None
    }
    return (
        f"# Written by samplewise {__version__}; run it again with --config. A relative "
        "path in `data` is taken\n# from the folder that samplewise is started in.\n"
        + tomli_w.dumps(settings)
    )


def effective(flags: Mapping[str, object], config: Path | None) -> Experiment:
    """Return the experiment that the user asked for.

    A flag wins over an environment variable (`SAMPLEWISE_LEARNING_RATE` and so on; an empty one
    counts as not set), that over the file, and the file over the default.

    Args:
        flags: text, or a bool, by field name; None where the flag was not given.
        config: a TOML file, or None.

    Raises:
        ParameterError: a value is of the wrong kind or out of range; the message names its source.
        ConfigError: as `read_config`.
    """
    settings = {} if config is None else read_config(config)
    for field in KINDS:
        variable = PREFIX + field.upper()
        text = os.environ.get(variable)
        if text:
            settings[field] = _from_text(field, text, variable)
    if os.environ.get(PREFIX + "BACKEND"):
        # Left to the registry, which reads the variable too and notes that it decided.
        settings["backend"] = None
    for field, value in flags.items():
        if value is not None:
            settings[field] = _from_text(field, value, "--" + field.replace("_", "-"))
    return Experiment(**settings)


def _from_text(field: str, given: object, source: str) -> object:
    try:
        value = KINDS[field].from_text(field, given) if isinstance(given, str) else given
        return _checked(field, value)
    except ParameterError as error:
        raise ParameterError(f"{error} (given by {source})") from error


def _checked(field: str, value: Any) -> Any:
    """Return the value after the experiment's own check of this one field."""
    # Whether fields go together shows once all are known.
    with suppress(CombinationError):
        Experiment(**{field: value})
    return value


def _table(path: Path, name: str) -> dict[str, Any]:
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
        return tomllib.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise ConfigError(
            f"{name} is nested too deeply; expected lines like epochs = 10"
        ) from error
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError, and integers too long
        raise ConfigError(f"{name} is not TOML: {printable(error)}") from error
