"""A request that cannot be met: one line on stderr, the right exit code, and nothing written."""

import errno
import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import samplewise.experiment.run
from samplewise.errors import ContractError, DivergenceError, OutputError, UnavailableBackendError
from samplewise.experiment import run_folder


def refused(ended, message, code=2):
    assert ended.out == ""
    lines = [line for line in ended.err.splitlines() if not line.startswith("epoch ")]
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert "Traceback" not in ended.err
    assert ended.code == code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("trian", "No such command 'trian'. Did you mean 'train'?"),
        ("--verison", "No such option: --verison"),
        ("train --epohcs 3", "No such option: --epohcs (Possible options: --epochs"),
        ("train --data IMAGES --epochs", "Option '--epochs' requires an argument"),
        ("train --epochs 3 --epochs 4", "'--epochs': given twice; give it once"),
        ("train --shuffle --no-shuffle", "'--shuffle': given twice"),
        ("train --lr 0.1", "No such option: --lr (Possible options: --learning-rate)"),
        ("train surplus", "unexpected extra argument(s) (surplus)"),
        ("data pictures", "joined by commas, as in 128,32; data are named by --data; see"),
        ("find-rate other.csv", "; data are named by --data; see `samplewise find-rate --help`"),
        ("evaluate run a.csv b.csv", "as in 128,32; see `samplewise evaluate --help`"),
        ("predict run a.csv b.csv", "as in 128,32; see `samplewise predict --help`"),
        ("train --hidden 10 20", "(20); an option takes one value: several are joined by commas"),
        ("train --epochs 0", "epochs: must be a whole number from 1 to 1,000,000, got 0"),
        ("train --epochs=-1", "epochs: must be a whole number from 1 to 1,000,000, got -1"),
        ("train --batch-size 2.5", "batch_size: must be a whole number, got '2.5'"),
        ("train --learning-rate nan", "learning_rate: must be a finite number above 0, got nan"),
        ("train --learning-rate=1e400", "learning_rate: must be a finite number above 0, got inf"),
        ("train --learning-rate=", "learning_rate: must be a number such as 0.1, got ''"),
        ("train --seed -1", "seed: must be a whole number of at least 0, got -1"),
        ("train --seed 1.5", "seed: must be a whole number, got '1.5'"),
        ("train --hidden 1000000000000", "parameters"),
        ("train --hidden 0", "hidden: must be a whole number of at least 1, got 0"),
        ("train --activation reul", "did you mean 'relu'?"),
        ("train --loss binary_cross_entropy", "needs 2 classes, but there are 3"),
        ("train --backend nubma_cpu", "did you mean 'numba_cpu'?"),
        ("train --split 0.001", "split: must leave a training and a test row, got 0.001"),
        ("train --classes 4,4", "classes: must be different, got 4, 4; name each once"),
        ("train --classes 4,8", "has no class '8'"),
        ("train --data nope", "'nope' is neither a dataset nor a path"),
        ("train --data synthetik", "did you mean 'synthetic'?"),
        ("train --data missing.npz", "missing.npz"),
        ("train --data=", "data: must name a source or a path, got ''"),
        ("train --config missing.toml", "missing.toml"),
        ("train --config .", "is a folder"),
        ("train --out a-file", "a-file is not a folder"),
        ("train --out a-file/below", "Not a directory"),
        ("train --out a-folder", "exists already"),
        ("train --out a-folder --force", "holds 'kept', which this command does not write"),
        ("train --out . --force", "current folder or above"),
        ("train --out /proc/nope", "cannot make"),
        ("evaluate", "Missing argument 'MODEL'"),
        ("evaluate missing", "missing"),
        ("evaluate a-folder", "holds no model.safetensors"),
        ("evaluate a-file", "is not a samplewise model"),
        ("evaluate MODEL", "name them, as in evaluate MODEL INPUT"),
        ("evaluate RUN iris --data iris", "--data: the rows are named by INPUT"),
        ("predict RUN iris --data iris", "--data: the rows are named by INPUT"),
        ("evaluate MODEL --data IMAGES", "the class '7', which this model does not know"),
        ("evaluate MODEL --data iris", "this model does not know"),
        ("evaluate MODEL --data IMAGES --part test", "only the folder of a run says"),
        ("evaluate MODEL --sha256 abc", "64 hexadecimal digits"),
        ("evaluate RUN --part tset", "did you mean 'test'?"),
        ("evaluate RUN --classes 4,7", "has no class '7'"),
        ("evaluate MODEL --data IMAGES", "choose with --classes 4,9"),
        ("evaluate LONG", "File name too long"),
        ("data --data LONG", "File name too long"),
        ("data --data IMAGES --out LONG", "File name too long"),
        (
            "data --data images --out images/a/sheet.png",
            "lies in the folder that this command reads",
        ),
        ("train --out LONG", "File name too long"),
        ("train --out ALMOST_LONG --checkpoint-every 1", "File name too long"),
        ("train --resume LONG", "File name too long; check the path"),
        ("bench --rounds x", "rounds: must be a whole number, got 'x'"),
        ("bench --backend nubma_cpu", "did you mean 'numba_cpu'?"),
        ("bench --backend reference,", "one or more, joined by commas"),
        ("predict RUN", "INPUT: is missing; name the rows to predict, or give --data"),
        ("predict RUN missing.png", "missing.png"),
        ("predict RUN a-folder", "a-folder"),
        ("predict RUN IMAGES --picture p.png", "choose it with --row"),
        ("predict RUN IMAGES --csv --json", "both print on stdout"),
        ("predict RUN IMAGES --out p.txt", "must end in .csv or .json"),
        ("predict RUN IMAGES --out a-folder", "must end in .csv or .json"),
        ("predict RUN IMAGES --out IMAGES --force", "must end in .csv or .json"),
        ("predict RUN IMAGES --out no/p.csv", "the folder no does not exist; make it"),
        ("predict RUN IMAGES --label x", "label: only a .csv table has a label column"),
        ("predict RUN picture.png --label x", "label: only a .csv table has a label column"),
        ("predict RUN iris --full-scale 9", "full_scale: only files and folders"),
        ("evaluate RUN --data IMAGES --drop x", "drop: only a .csv table has columns"),
        ("train --data iris --image-size 32x32", "image_size: only the images of a folder"),
        ("data --data IMAGES --fit pad", "fit: only the images of a folder are resized"),
        ("predict RUN IMAGES --full-scale x", "full_scale: must be a number such as 0.1, got 'x'"),
        ("evaluate RUN --label x", "--label needs INPUT or --data"),
        ("predict RUN IMAGES --row 60", "--row: must be a whole number from 0 to 59, got 60"),
        ("predict RUN IMAGES --row=-1", "got '-1'"),
        ("predict RUN IMAGES --row x", "got 'x'"),
        (
            "predict RUN iris --row 3",
            "rows of iris have 4 values, but this model takes 8 x 8 pixels",
        ),
        ("predict RUN digits.tiff", "or one image (.png, .jpg"),
        ("predict TABLE digits --row 3", "have 64 values, but this model takes 4 values"),
        ("predict RUN picture.png --row 3", "--row needs an input with rows"),
        ("predict RUN broken.png", "damaged, or not a PNG"),
        ("predict RUN wrong.npy", "one input of 8 x 8 pixels"),
        ("predict RUN objects.npy", "Python objects"),
        ("predict RUN nan.npy", "NaN or inf"),
        ("predict RUN text.npy", "not an npy array"),
        ("predict RUN picture.png --picture a-folder", "is a folder"),
        ("predict RUN picture.png --picture no/where.png", "the folder no does not exist; make it"),
        ("predict RUN picture.png --picture a-file", "exists already"),
        ("predict RUN picture.png --picture picture.png --force", "is an input of this command"),
        ("predict RUN picture.png --picture p.jpg", "written as PNG, got p.jpg; end it in .png"),
        ("predict TABLE picture.png", "takes 4 values of a table"),
        ("predict TABLE iris --row 3 --picture p.png", "leave out --picture"),
        ("data --data nope", "'nope' is neither a dataset"),
        ("data --data iris --out sheet.png", "is a table, not images"),
        ("data --data IMAGES --out a-file", "exists already"),
        ("data --data IMAGES --out sheet.jpg", "written as PNG, got sheet.jpg; end it in .png"),
        ("find-rate --data IMAGES --out rate.jpg", "written as PNG, got rate.jpg; end it in .png"),
        ("data --data COPY --out COPY --force", "is an input of this command"),
        ("data --data IMAGES --out a-file/sheet.png", "the folder a-file does not exist; make it"),
    ],
)
def test_a_bad_input_is_one_line_and_writes_nothing(
    cli, images, trained, trained_on_table, arguments, message
):
    bad_inputs(images)
    here = Path.cwd()
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    places = {
        "MODEL": trained / "model.safetensors",
        "RUN": trained,
        "TABLE": trained_on_table,
        "IMAGES": images,
        "COPY": "copy.npz",
        "LONG": "x" * 300,
        # Names made of it are too long: that of the folder of its checkpoints.
        "ALMOST_LONG": "x" * 250,
    }
    words = [places.get(word, word) for word in arguments.split()]
    if words[0] == "train" and "--data" not in arguments:
        words += ["--data", images]
    refused(cli(*words), message)
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    assert not (here / "run").exists()


def bad_inputs(images):
    from PIL import Image

    Path("a-file").write_bytes(b"kept")
    Path("a-folder").mkdir()
    Path("a-folder/kept").write_bytes(b"")
    shutil.copy(images, "copy.npz")
    Image.new("L", (8, 8)).save("picture.png")
    Image.new("L", (8, 8)).save("digits.tiff")
    Path("images/a").mkdir(parents=True)
    Path("broken.png").write_bytes(Path("picture.png").read_bytes()[:40])
    np.save("wrong.npy", np.zeros(63))
    np.save("objects.npy", np.array([{}] * 64), allow_pickle=True)
    np.save("nan.npy", np.full(64, np.nan))
    Path("text.npy").write_text("no array")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epohcs = 3", "unknown word 'epohcs'"),
        ("epochs = ", "is not TOML"),
        ("epochs = 0", "epochs: must be a whole number from 1 to 1,000,000, got 0"),
        ("a = " + "[" * 9_000, "nested too deeply"),
        ("", "is empty"),
    ],
)
def test_a_bad_configuration_is_one_line(cli, content, message):
    Path("config.toml").write_text(content)
    refused(cli("train", "--config", "config.toml"), message)


def test_a_bad_variable_is_named(cli, monkeypatch):
    monkeypatch.setenv("SAMPLEWISE_EPOCHS", "many")
    refused(cli("train"), "epochs: must be a whole number, got 'many' (given by SAMPLEWISE_EPOCHS)")


def test_an_error_of_the_backend_names_the_flag_that_set_the_option(cli, monkeypatch):
    command = ("train", "--data", "iris", "--backend", "vectorized", "--epochs", "1")
    message = "plan: vectorized takes its products in one way, got 'foo'; use blocked:64 or auto"
    refused(cli(*command, "--plan", "blocked:64:foo"), f"{message} (given by --plan)")
    monkeypatch.setenv("SAMPLEWISE_PLAN", "blocked:64:foo")
    assert "given by" not in cli(*command).err


def test_a_hint_names_only_classes_that_the_data_has(cli, trained, trained_on_table):
    ended = cli("evaluate", trained / "model.safetensors", "--data", "iris")
    refused(ended, "it knows 4, 9")
    assert "choose" not in ended.err


def test_values_too_large_to_standardize_are_one_line(cli):
    X = np.where(np.arange(80).reshape(40, 2) % 4 < 2, -1e308, 1e308)
    np.savez("large.npz", dataset=X, labels=np.arange(40) % 2)
    refused(cli("train", "--data", "large.npz"), "column 0 (counted from 0) has values up to")


def test_data_that_a_run_was_made_from_elsewhere_is_named(cli, images, monkeypatch, tmp_path):
    shutil.copy(images, "here.npz")
    assert cli("train", "--data", "here.npz", "--backend", "vectorized", "--epochs", 1).code == 0
    (tmp_path / "below").mkdir()
    monkeypatch.chdir("below")
    refused(cli("evaluate", "../run"), "trained on 'here.npz', which does not exist")
    assert cli("evaluate", "../run", "--data", "../here.npz").code == 0


def test_control_characters_and_bytes_of_no_text_are_escaped(cli):
    refused(cli("train", "--data", "a\x1b[2J\n\udcff"), r"a\x1b[2J\n\udcff")


def test_divergence_is_a_failed_run(cli, images):
    arguments = ["--activation", "relu", "--learning-rate", "1e300", "--backend", "vectorized"]
    ended = cli("train", "--data", images, *arguments, "--loss", "categorical_cross_entropy")
    refused(ended, "in epoch 1 at sample", code=1)
    assert "learning_rate 1e+300" in ended.err
    assert not Path("run").exists()


def disk_error(code):
    error = OutputError("cannot write")
    error.__cause__ = OSError(code, os.strerror(code))
    return error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UnavailableBackendError("it lacks"), 2, "it lacks"),
        (ContractError("broke it"), 1, "broke it"),
        (DivergenceError("the loss"), 1, "the loss"),
        (disk_error(errno.ENOSPC), 1, "cannot write"),
        (disk_error(errno.EACCES), 2, "cannot write"),
        (MemoryError(), 1, "not enough memory"),
        (PermissionError(errno.EACCES, "no", "file"), 1, "file"),
        (ModuleNotFoundError("no PIL", name="PIL"), 1, "imported: no PIL; install"),
        (ImportError("no X", name="samplewise.data"), 1, "internal error, ImportError: no X"),
        (KeyError("x\ny"), 1, "internal error, KeyError: 'x\\ny'; `samplewise --debug"),
        (KeyboardInterrupt(), 130, None),
    ],
)
def test_every_ending_has_its_exit_code(cli, images, monkeypatch, error, code, message):
    def fails(*args, **kwargs):
        raise error

    monkeypatch.setattr(samplewise.experiment.run, "run", fails)
    ended = cli("train", "--data", images)
    assert ended.code == code
    if message is not None:
        refused(ended, message, code)


def test_a_warning_is_one_line_without_its_place_in_the_source(cli, images, monkeypatch):
    def warns(*args, **kwargs):
        warnings.simplefilter("always")
        warnings.warn("labels are\nodd", stacklevel=1)
        raise DivergenceError("the loss")

    monkeypatch.setattr(samplewise.experiment.run, "run", warns)
    ended = cli("train", "--data", images)
    assert ended.err == "warning: labels are odd\nerror: the loss\n"


def test_debug_adds_the_traceback(cli):
    ended = cli("--debug", "train", "--epochs", "0")
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("error: epochs: must be a whole number from 1")
    assert ended.code == 2


def test_a_full_disk_at_the_end_keeps_the_old_run_and_fails(cli, images, monkeypatch):
    arguments = ("train", "--data", images, "--backend", "vectorized", "--epochs", 1)
    assert cli(*arguments).code == 0
    before = {path: path.read_bytes() for path in Path("run").iterdir()}

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    refused(
        cli(*arguments, "--force"), "No space left on device; make room, or write elsewhere", code=1
    )
    assert {path: path.read_bytes() for path in Path("run").iterdir()} == before
    assert [path.name for path in Path.cwd().iterdir()] == ["run"]


def test_a_full_disk_at_the_end_says_how_the_checkpoints_go_on(cli, images, monkeypatch):
    def full(*given, **named):
        raise OutputError("cannot write run: No space left on device")

    arguments = ("train", "--data", images, "--backend", "vectorized", "--epochs", 2)
    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_run", full)
        ended = cli(*arguments, "--checkpoint-every", 1)
        assert "go on with: samplewise train --resume run\nerror: cannot write run" in ended.err
        assert "--resume" not in cli(*arguments, "--out", "other").err
    assert cli("train", "--resume", "run").code == 0


@pytest.mark.parametrize("error", [MemoryError(), OutputError("cannot write run/loss.png")])
def test_pictures_that_fail_are_a_warning(cli, images, monkeypatch, error):
    def fail(result):
        raise error

    monkeypatch.setattr(run_folder, "_pictures", fail)
    ended = cli("train", "--data", images, "--backend", "vectorized", "--checkpoint-every", 1)
    assert ended.code == 0
    why = str(error) or "not enough memory"
    assert f"warning: pictures are missing, the run is whole without them: {why}" in ended.err
    assert [path.name for path in Path.cwd().iterdir()] == ["run"]


def test_a_run_that_is_repeated_on_changed_rows_says_so(cli):
    rows = [f"{i},{'ab'[i % 2]}" for i in range(20)]
    table = Path("t.csv")
    table.write_text("\n".join(["x,label", *rows]))
    words = ("--backend", "vectorized", "--epochs", 1)
    assert cli("train", "--data", "t.csv", *words).code == 0
    again = ("train", "--config", "run/config.toml", "--force", "--out")
    assert "changed" not in cli(*again, "same").err
    table.write_text("\n".join(["x,label", *rows[:-1], "3,a"]))
    ended = cli(*again, "other")
    assert ended.code == 0
    said = "rows of t.csv have changed since the run of run/config.toml: its figures do not come"
    assert said in ended.err
    # Rows that are chosen anew are no surprise, nor is a file of settings alone.
    assert "changed" not in cli(*again, "seed", "--seed", 3).err
    Path("alone.toml").write_text(Path("run/config.toml").read_text())
    assert "changed" not in cli("train", "--config", "alone.toml", "--out", "alone").err


@pytest.mark.parametrize("length", [0, 2**20, 2**63])
def test_a_hostile_model_is_refused_in_one_line(cli, length):
    Path("model").write_bytes(length.to_bytes(8, "little") + b'{"a": ' + b"[" * 5_000)
    refused(cli("predict", "model", "iris", "--row", 0), "model")


def test_another_hash_is_refused(cli, trained):
    refused(cli("evaluate", trained, "--sha256", "0" * 64), "0" * 64 + " was expected")


def test_a_run_folder_without_its_configuration_is_refused(cli, trained):
    shutil.copytree(trained, "copy")
    Path("copy/config.toml").unlink()
    refused(cli("evaluate", "copy"), "config.toml")


def test_json_stays_json_when_something_fails(cli):
    ended = cli("train", "--epochs", "0", "--json")
    refused(ended, "epochs: must be a whole number from 1 to 1,000,000, got 0")
    with pytest.raises(json.JSONDecodeError):
        json.loads(ended.out)
