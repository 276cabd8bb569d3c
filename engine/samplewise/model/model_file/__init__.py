"""A trained network in one safetensors file, written whole and read without trusting it.

Tensors are named as in PyTorch: `0.weight` (O, I), `0.bias` (O,), ... What else a model is made of
is one JSON text in the file's metadata. Nothing in a file can name code to import.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from samplewise.checks import file_path, instance_of, must_be, printable
from samplewise.errors import DataError, ModelFileError, ParameterError
from samplewise.io import tensor_file
from samplewise.io.reading import read_with_room
from samplewise.io.tensor_file import FileKind
from samplewise.io.writing import check_tensor_file, write_bytes
from samplewise.model.model import MODEL_MADE_BY, Model
from samplewise.model.model_file import description, tensors
from samplewise.network import ClassLoss

__all__ = ["load_model", "save_model"]

MODEL_OF_RUN = "model.safetensors"
"""Name of the model in the folder of a run."""

KIND = FileKind(
    "samplewise model", "samplewise train", "samplewise", ModelFileError, ("F32", "F64", "U8")
)


def save_model(model: Model, path: Path | str) -> None:
    """Write a model to a file, whole or not at all; an existing file is replaced.

    Args:
        model: trained.
        path: the file, such as "model.safetensors"; its folder must exist.

    Raises:
        ModelFileError: the model holds what `load_model` would refuse, such as weights that are not
            finite or class names of more than 64 KiB; or it learnt classes and has no names of
            them, as a classifier's that was fitted to a single class.
        OutputError: the file cannot be written, or its name has the ending of another format.
    """
    instance_of("model", model, Model, MODEL_MADE_BY)
    written = file_path("path", path)
    check_tensor_file(written)
    if isinstance(model.loss, ClassLoss) and not model.class_names:
        raise ModelFileError(
            f"cannot write {printable(path)}: the model has no class names, as one fitted to rows "
            "of a single class; fit it to rows of two classes or more, or name all classes by "
            "dataclasses.replace(model, class_names=[...])"
        )
    content = tensor_file.pack(KIND, tensors.tensors_of(model), description.text_of(model))
    _model(content, f"the model for {printable(path)}")
    write_bytes(written, content)


def load_model(path: Path | str, *, sha256: str | None = None) -> Model:
    """Read a model that `save_model` wrote. Safe for a file from anywhere.

    Takes memory for the file and once more for the parameters.

    Args:
        path: the file; of a run, `model.safetensors` in its folder.
        sha256: refuse the file unless its content has this SHA-256, 64 hexadecimal digits.

    Raises:
        ModelFileError: missing, damaged, hostile, of a newer format, of another kind (pickles, zip
            archives and HDF5 are named and never opened), or not of this hash.
        ParameterError: `sha256` is not a SHA-256.
    """
    name = printable(path)
    expected = None if sha256 is None else _checked_sha256(sha256)
    try:
        content = read_with_room(file_path("path", path))
    except DataError as error:
        hint = f": the model of this run is {name}/{MODEL_OF_RUN}" if _is_of_run(path) else ""
        raise ModelFileError(f"{error}{hint}") from error
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise ModelFileError(
            f"{name} has the SHA-256 {hashlib.sha256(content).hexdigest()}, but {expected} was "
            "expected; it is another file, or was changed"
        )
    return _model(content, name)


def _is_of_run(path: Path | str) -> bool:
    with suppress(OSError):
        return (Path(path) / MODEL_OF_RUN).is_file()
    return False


def _checked_sha256(given: str) -> str:
    digits = given.strip().lower()
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise ParameterError(must_be("sha256", "64 hexadecimal digits", given))
    return digits


def _model(content: bytes, name: str) -> Model:
    header = tensor_file.read_header(KIND, content, name)
    return tensors.build(header, content, name)
