"""A sweep back to the TOML text that describes it."""

from __future__ import annotations

import tomli_w

from samplewise._version import __version__
from samplewise.sweep.definition import Sweep

SWEEP = "sweep.toml"
"""The file of its definition in the folder of a sweep."""


def write_sweep(sweep: Sweep) -> str:
    """Return the TOML text that `read_sweep` reads as this sweep; None is left out."""
    definition = {name: value for name, value in sweep.definition.items() if value is not None}
    # Tables last, as words after one would belong to it.
    ordered = dict(sorted(definition.items(), key=lambda item: isinstance(item[1], dict)))
    return (
        f"# Written by samplewise {__version__}; run it again with samplewise sweep. A relative "
        "path in `data`,\n# `validation_data` and `test_data` is taken from the folder that "
        "samplewise is started in.\n" + tomli_w.dumps(ordered)
    )
