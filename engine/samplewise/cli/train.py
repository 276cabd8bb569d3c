"""`samplewise train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.checks import printable
from samplewise.cli import console, options, signals
from samplewise.cli.options import output
from samplewise.errors import OutputError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.text import counted, three_digits

if TYPE_CHECKING:
    from samplewise.experiment.run import ExperimentResult
    from samplewise.experiment.run_checkpoints import RunCheckpoints


_STOPPED = {
    "target_loss": "early, as the loss reached --target-loss",
    "target_accuracy": "early, as the accuracy reached --target-accuracy",
    "max_steps": "after the steps of --max-steps",
    "max_seconds": "after the seconds of --max-seconds",
    "plateau": "early, as the learning rate had come down to --stop-rate",
}
RunFolder = Annotated[Path | None, output("FOLDER", "Folder to write the run to.  [default: run]")]
CheckpointEvery = Annotated[
    str | None,
    output(
        "EPOCHS|TIME",
        "Write a checkpoint so often, as in 10 (epochs) or 30s, which --resume goes on from.  "
        "[default: never]",
        "--checkpoint-every",
    ),
]
Resume = Annotated[
    Path | None,
    output(
        "FOLDER",
        "Go on with the run of this folder from its newest checkpoint, to the same bits as if "
        "it had not been stopped.",
        "--resume",
    ),
]


@options.settings()
def train(
    experiment: Experiment,
    out: RunFolder = None,
    checkpoint_every: CheckpointEvery = None,
    resume: Resume = None,
    config: options.ConfigFile = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a network, test it, and write model, history, plots and configuration to a folder.

    A setting comes from its option, else from a variable such as SAMPLEWISE_LEARNING_RATE, else
    from the file of --config, else from its default. Ctrl-C keeps what was trained so far. With
    --checkpoint-every, so does whatever else ends the program: --resume goes on.
    """
    from samplewise.experiment.run_folder import FILES
    from samplewise.io.writing import check_output_folder

    folder = _folder(out, resume)
    # What a stopped run has written is replaced by the whole of it.
    force = force or resume is not None
    check_output_folder(folder, force=force, known=FILES)
    checkpoints = _checkpoints(experiment, folder, checkpoint_every, resume, force=force)
    request = None if checkpoints is None else checkpoints.callback.request
    with signals.handled(request) as interrupts:
        result = _trained(experiment, interrupts, checkpoints, resume, config)
        if not result.history.epochs:
            console.note("interrupted before the first step; nothing was written")
        else:
            try:
                _keep(result, folder, force=force, as_json=as_json)
            except OutputError:
                if checkpoints is not None and not checkpoints.callback.folder.is_empty:
                    _note_resume(folder)
                raise
    if checkpoints is not None:
        _end(checkpoints, result, folder)
    raise typer.Exit(interrupts.exit_code)


def _end(checkpoints: RunCheckpoints, result: ExperimentResult, folder: Path) -> None:
    """Remove the checkpoints of a run that was not interrupted; else say how it goes on."""
    from samplewise.training.history import INTERRUPTED

    if result.history.stopped == INTERRUPTED:
        _note_resume(folder)
    else:
        checkpoints.remove()


def _note_resume(folder: Path) -> None:
    console.note(f"go on with: samplewise train --resume {printable(folder)}")


def _folder(out: Path | None, resume: Path | None) -> Path:
    if resume is None:
        return out or Path("run")
    if out is not None and out != resume:
        raise ParameterError(
            f"--out: a run that is resumed is written to {printable(resume)}, got "
            f"{printable(out)}; omit --out"
        )
    return resume


def _checkpoints(
    experiment: Experiment, out: Path, every: str | None, resume: Path | None, *, force: bool
) -> RunCheckpoints | None:
    if every is None and resume is None:
        return None
    from samplewise.experiment.run_checkpoints import RunCheckpoints
    from samplewise.training.callbacks.checkpoint import parsed_interval

    parsed_interval("--checkpoint-every", every)
    checkpoints = RunCheckpoints(out, every)
    if resume is None:
        checkpoints.begin(experiment, force=force)
    return checkpoints


def _trained(
    experiment: Experiment,
    interrupts: signals.Interrupts,
    checkpoints: RunCheckpoints | None,
    resume: Path | None,
    config: Path | None,
) -> ExperimentResult:
    from samplewise.cli.progress import EpochProgress
    from samplewise.experiment.prepared import prepare
    from samplewise.experiment.run import run
    from samplewise.training.callbacks import Callback
    from samplewise.training.history import History

    class KeepWhatIsTrained(Callback):
        """From the first step on, an interrupt ends training but not the command."""

        def on_train_begin(self, history: History) -> None:
            interrupts.finish = True

    initial = None
    if checkpoints is not None and resume is not None:
        initial = checkpoints.callback.snapshot()
        if initial is None:
            console.note("no checkpoint was written yet; starting from the first epoch")
    with EpochProgress() as progress:
        callbacks, data = [KeepWhatIsTrained(), progress], prepare(experiment)
        if config is not None:
            from samplewise.cli.trained import warn_of_other_rows

            warn_of_other_rows(config, experiment, data)
        if checkpoints is not None:
            checkpoints.check_test_rows(data.test)
            callbacks.append(checkpoints.callback)
        return run(experiment, data, initial=initial, callbacks=callbacks, stop=interrupts.stop)


def _keep(result: ExperimentResult, out: Path, *, force: bool, as_json: bool) -> None:
    from samplewise.experiment.run_folder import summary, write_pictures, write_run

    write_run(result, out, force=force)
    for text in result.history.notes:
        console.warning(text)
    figures = summary(result)
    if as_json:
        console.result_json({**figures, "folder": str(out)})
    else:
        console.table([*_stopped(result), *_rows(figures, out)])
    try:
        write_pictures(result, out)
    except (MemoryError, OutputError) as error:
        why = "not enough memory" if isinstance(error, MemoryError) else error
        console.warning(f"pictures are missing, the run is whole without them: {why}")


def _stopped(result: ExperimentResult) -> list[tuple[str, str]]:
    """Return the row that says why a training ended before its last epoch, if it did."""
    history, stopping = result.history, result.experiment.training.stopping
    if history.stopped == "finished":
        return []
    why = _STOPPED.get(history.stopped, history.stopped)
    if history.stopped == "patience":
        monitored = stopping.monitored(validated=history.validation_rows > 0).replace("_", " ")
        waited = counted(stopping.patience or 0, "epoch")
        why = f"early, as the {monitored} got no better in {waited} (--patience)"
    return [("stopped", why)]


def _rows(figures: dict[str, Any], out: Path) -> list[tuple[str, str]]:
    data = figures["data"]
    first, last = f"{figures['initial_loss']:.4g}", f"{figures['final_loss']:.4g}"
    rows = [
        ("synthetic data" if data["synthetic"] else "data", f"{data['name']}: {data['source']}"),
        ("network", figures["network"] + _classes(figures["classes"])),
        _tested(figures),
        ("loss", f"{first} in the first epoch, {last} in the last of {figures['epochs']}"),
        ("training", f"{figures['train_ms']:,.1f} ms, {figures['samples_per_s']:,.0f} samples/s"),
        ("backend", f"{figures['backend']} ({figures['backend_reason']})"),
        ("plan", _plan(figures["plan"], figures["epoch_ms"])),
        ("written to", str(out)),
    ]
    measured = _validation(figures, "final")
    if measured is not None:
        of_rows = counted(figures["data"]["validation_rows"], "row")
        rows.insert(4, ("validation", f"{measured} of {of_rows} after the last epoch"))
    if figures["best_epoch"] is not None:
        rows.insert(4, ("weights", _best(figures)))
    if data["standardized_targets"]:
        trained_on = "standardized: so are training and validation losses, but not the test loss"
        rows.insert(2, ("targets", trained_on))
    return rows


def _classes(names: list[str]) -> str:
    return f", classes {', '.join(names)}" if names else ""


def _tested(figures: dict[str, Any]) -> tuple[str, str]:
    from samplewise.experiment.scores import error_texts

    of_rows = counted(figures["data"]["test_rows"], "row")
    if figures["test_accuracy"] is None:
        texts = error_texts({name: figures[f"test_{name}"] for name in ("rmse", "mae", "r2")})
        errors = ", ".join(f"{name} {text}" for name, text in texts.items())
        return "test", f"loss {figures['test_loss']:.4g}, {errors} of {of_rows}"
    return "test accuracy", f"{figures['test_accuracy']:.1%} of {of_rows}"


def _best(figures: dict[str, Any]) -> str:
    measured = _validation(figures, "best")
    epoch = f"of epoch {figures['best_epoch']}, the best"
    return epoch if measured is None else f"{epoch}: validation {measured}"


def _validation(figures: dict[str, Any], which: str) -> str | None:
    loss, right = figures[f"{which}_validation_loss"], figures[f"{which}_validation_accuracy"]
    if loss is None:
        return None
    return f"loss {loss:.4g}" + ("" if right is None else f" and accuracy {right:.1%}")


def _plan(plan: dict[str, Any], epoch_ms: float) -> str:
    block = "" if plan["block"] is None else f", blocks of {plan['block']}"
    foreseen = (
        "" if plan["epoch_ms"] is None else f", {three_digits(plan['epoch_ms'])} ms predicted"
    )
    why = "; `samplewise explain` with the same options says why" if plan["reason"] else ""
    return f"{plan['name']}{block}: {three_digits(epoch_ms)} ms an epoch{foreseen}{why}"
