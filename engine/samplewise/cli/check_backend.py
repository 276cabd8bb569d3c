"""`samplewise check-backend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from samplewise.cli import console, options
from samplewise.cli.options import option, switch

Name = Annotated[str, typer.Argument(help="Backend, as `samplewise backends` lists it.")]
Thorough = Annotated[
    bool,
    switch("--thorough", "Test any three capabilities together, not any two. Takes minutes."),
]
JsonFile = Annotated[
    Path | None, option("FILE", "Write the certificate to this file, as JSON.", "--json")
]


def check_backend(
    name: Name,
    thorough: Thorough = False,
    json_file: JsonFile = None,
    force: options.Force = False,
) -> None:
    """Test a backend against the reference; exit code 1 if it disagrees."""
    from samplewise import registry
    from samplewise.cli.outputs import check_output_file
    from samplewise.io.writing import write_text
    from samplewise.testing import certify

    backend = registry.load(name)
    if json_file is not None:
        check_output_file(json_file, force=force)
    certificate = certify(backend, thorough=thorough)
    if json_file is not None:
        write_text(json_file, certificate.to_json() + "\n")
    console.result(str(certificate))
    if not certificate.passed:
        raise typer.Exit(1)
