"""`samplewise export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from samplewise.cli import console, options
from samplewise.cli.options import output

Out = Annotated[Path, output("FILE", "File to write, such as weights.safetensors.")]


def export(
    model: options.ModelPath,
    out: Out,
    force: options.Force = False,
    sha256: options.Sha256 = None,
) -> None:
    """Write a model's weights for PyTorch, and print the nn.Sequential that takes them."""
    from samplewise.cli.outputs import check_output_file
    from samplewise.cli.trained import load_trained
    from samplewise.exchange import save_torch, torch_code
    from samplewise.io.writing import check_tensor_file

    check_tensor_file(out)
    check_output_file(out, force=force, source=model)
    trained = load_trained(model, sha256).model
    save_torch(trained, out)
    console.result(torch_code(trained).rstrip("\n"))
    console.note(f"wrote {out}")
