"""The folder that `samplewise train` writes, whole or absent, and the pictures added to it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from samplewise.experiment.config_file import write_config
from samplewise.experiment.run import ExperimentResult
from samplewise.experiment.scores import finite
from samplewise.io import strict_json
from samplewise.io.writing import new_folder, write_bytes, write_text
from samplewise.model.model_file import MODEL_OF_RUN, save_model

CONFIG = "config.toml"
RESULT = "result.json"
HISTORY_JSON = "history.json"
HISTORY_CSV = "history.csv"
LOSS_PLOT = "loss.png"
CONFUSION_PLOT = "confusion.png"
FILES = (MODEL_OF_RUN, CONFIG, RESULT, HISTORY_JSON, HISTORY_CSV, LOSS_PLOT, CONFUSION_PLOT)


def write_run(result: ExperimentResult, folder: Path, *, force: bool) -> None:
    """Write model, history and configuration of a run of at least one epoch.

    Raises:
        OutputError: as `check_output_folder`, or the disk is full; then nothing is left, and what
            was there before stays.
        ModelFileError: as `save_model`.
    """
    with new_folder(folder, force=force, known=FILES) as new:
        save_model(result.model, new / MODEL_OF_RUN)
        write_text(new / CONFIG, write_config(result.experiment))
        write_text(new / RESULT, strict_json.text_of(summary(result)) + "\n")
        write_text(new / HISTORY_JSON, result.history.to_json() + "\n")
        write_text(new / HISTORY_CSV, result.history.to_csv())


def write_pictures(result: ExperimentResult, folder: Path) -> None:
    """Add the pictures of a run to its folder, each whole or absent; the run is valid without.

    Drawing takes longer than a small training, so that a command prints its result before.

    Args:
        result: of at least one epoch.
        folder: as `write_run` left it.

    Raises:
        OutputError: the disk is full, or the folder is gone.
    """
    for name, picture in _pictures(result).items():
        write_bytes(folder / name, picture)


def _pictures(result: ExperimentResult) -> dict[str, bytes]:
    from samplewise.plots import figures

    # The layers last: a long title is cut at its end, and those of a convolution are long.
    what = f"{result.data.title}: {result.model.network}"
    curves = {"training": result.history.losses}
    if result.history.validation_losses:
        curves["validation"] = result.history.validation_losses
    best = result.history.best_epoch
    pictures = {LOSS_PLOT: figures.loss_curves(curves, f"Loss on {what}", best_epoch=best)}
    if result.confusion is not None:
        title = f"{result.test_accuracy:.1%} of the test rows right on {what}"
        names = result.model.class_names
        pictures[CONFUSION_PLOT] = figures.confusion(result.confusion, names, title)
    return pictures


def summary(result: ExperimentResult) -> dict[str, Any]:
    """Return the figures of a run of at least one epoch, as JSON values.

    `epoch_ms` is the mean wall time of an epoch of all rows, to hold against that of the plan. A
    run that was shared has no times of its own, but says what all its networks took.
    """
    history, data = result.history, result.data
    samples, ms = sum(record.samples for record in history.epochs), history.train_ms
    best = next((one for one in history.epochs if one.epoch == history.best_epoch), None)
    return {
        "data": {
            "name": data.training.name,
            "source": data.training.source,
            "synthetic": data.training.synthetic,
            "standardized_targets": data.standardizes_targets,
            "training_fingerprint": data.training.fingerprint(),
            "test_fingerprint": data.test.fingerprint(),
            "training_rows": len(data.training),
            "trained_on_rows": history.rows,
            "validation_rows": history.validation_rows,
            "test_rows": len(data.test),
        },
        "network": str(result.model.network),
        "classes": list(data.training.class_names),
        "target_names": list(data.training.target_names),
        "test_accuracy": result.test_accuracy,
        "test_loss": result.test_loss,
        "test_rmse": finite(result.test_rmse),
        "test_mae": finite(result.test_mae),
        "test_r2": finite(result.test_r2),
        "confusion": None if result.confusion is None else result.confusion.tolist(),
        "initial_loss": history.losses[0],
        "final_loss": history.losses[-1],
        "final_validation_loss": history.epochs[-1].validation_loss,
        "final_validation_accuracy": history.epochs[-1].validation_accuracy,
        "best_epoch": history.best_epoch,
        "best_validation_loss": None if best is None else best.validation_loss,
        "best_validation_accuracy": None if best is None else best.validation_accuracy,
        "epochs": len(history.epochs),
        "train_ms": ms,
        "shared": None if history.shared is None else dataclasses.asdict(history.shared),
        "compile_ms": history.compile_ms,
        "samples_per_s": None if ms is None else samples / ms * 1e3,
        "epoch_ms": None if ms is None else ms / samples * history.rows,
        "plan": history.plan,
        "backend": history.backend,
        "backend_reason": history.backend_reason,
        "stopped": history.stopped,
        "notes": history.notes,
    }
