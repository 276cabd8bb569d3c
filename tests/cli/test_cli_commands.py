import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import classification_report

import samplewise
from samplewise import registry
from samplewise.contract import Plan
from samplewise.data.loading import load
from samplewise.model.model_file import load_model
from samplewise.text import three_digits

PNG = b"\x89PNG\r\n"
FAST = ("--backend", "vectorized", "--epochs", 2)


def test_the_version(cli):
    assert cli("--version") == (0, f"samplewise {samplewise.__version__}\n", "")


def test_the_package_is_a_command_too():
    command = [sys.executable, "-m", "samplewise", "trian"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("error: No such command 'trian'. Did you mean 'train'?")


def test_no_command_shows_what_there_is(cli):
    ended = cli()
    assert ended.code == 2
    for command in ("train", "evaluate", "predict", "data", "backends", "report", "bench"):
        assert f"\n  {command} " in ended.out


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "data", "backends"])
def test_every_command_has_help(cli, command):
    ended = cli(command, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert f"Usage: samplewise {command}" in ended.out
    assert "--json" in ended.out


def test_train_writes_a_run_and_says_what_came_of_it(cli, images):
    ended = cli("train", "--data", images, *FAST)
    assert ended.code == 0
    for text in ("test accuracy", "of 12 rows", "64-10-3, classes 4, 7, 9", "vectorized", "run"):
        assert text in ended.out
    assert [line.split()[1] for line in ended.err.splitlines()] == ["1/2", "2/2"]
    assert load_model(Path("run/model.safetensors")).class_names == ("4", "7", "9")


def test_train_tells_the_plan_and_what_an_epoch_took(cli, images):
    ended = cli("train", "--data", images, *FAST, "--plan", "direct")
    figures = json.loads(Path("run/result.json").read_text())
    assert figures["plan"]["name"] == "direct"
    assert figures["plan"] == json.loads(Path("run/history.json").read_text())["plan"]
    assert figures["epoch_ms"] == pytest.approx(figures["train_ms"] / 2)
    (line,) = (line for line in ended.out.splitlines() if line.startswith("plan "))
    assert f"direct: {three_digits(figures['epoch_ms'])} ms an epoch" in line


def test_a_plan_is_shown_with_its_block_and_what_was_predicted():
    from samplewise.cli.train import _plan

    plan = dataclasses.asdict(Plan("blocked", "the fastest of 3", block=64, epoch_ms=1.25))
    assert _plan(plan, 1.5) == (
        "blocked, blocks of 64: 1.50 ms an epoch, 1.25 ms predicted; `samplewise explain` with the "
        "same options says why"
    )
    assert _plan({**plan, "reason": "", "epoch_ms": None, "block": None}, 1234.5) == (
        "blocked: 1,234 ms an epoch"
    )


def test_train_without_the_accuracy_shows_and_writes_none(cli, images):
    ended = cli("train", "--data", images, *FAST, "--no-track-accuracy")
    assert ended.code == 0
    assert len(ended.err.splitlines()) == 2
    assert "accuracy" not in ended.err
    assert "test accuracy" in ended.out
    epochs = json.loads(Path("run/history.json").read_text())["epochs"]
    assert [epoch["accuracy"] for epoch in epochs] == [None, None]
    assert Path("run/loss.png").read_bytes().startswith(PNG)
    assert "track_accuracy = false" in Path("run/config.toml").read_text()


def test_train_calls_synthetic_data_synthetic(cli):
    ended = cli("train", "--data", "synthetic:5", "--classes", "0,1", *FAST)
    assert ended.out.startswith("synthetic data")
    assert "synthetic" in load_model(Path("run/model.safetensors")).trained_on


def test_train_shows_the_notes_of_the_history(cli, images):
    ended = cli("train", "--data", images, *FAST, "--preprocess", "none", "--batch-size", 1000)
    assert "warning: inputs reach 2" in ended.err
    assert "warning: batch_size is 1000, but training has 48 rows" in ended.err


def test_train_as_json(cli, images):
    ended = cli("train", "--data", images, *FAST, "--json", "--out", "a/b")
    figures = json.loads(ended.out)
    assert figures.pop("folder") == "a/b"
    assert figures == json.loads(Path("a/b/result.json").read_text())
    assert ended.err.startswith("epoch 1/2")


def test_a_flag_wins_over_a_variable_over_the_file(cli, images, monkeypatch):
    Path("ours.toml").write_text(
        f'data = "{images}"\nepochs = 7\nseed = 7\nbatch-size = 7\nbackend = "reference"\n'
    )
    monkeypatch.setenv("SAMPLEWISE_SEED", "5")
    monkeypatch.setenv("SAMPLEWISE_EPOCHS", "5")
    monkeypatch.setenv("SAMPLEWISE_BACKEND", "vectorized")
    assert cli("train", "--config", "ours.toml", "--epochs", 2).code == 0
    settings = json.loads(Path("run/history.json").read_text())
    chosen = [settings["settings"][name] for name in ("epochs", "seed", "batch_size")]
    assert chosen == [2, 5, 7]
    assert settings["settings"]["learning_rate"] == 0.1
    assert settings["backend_reason"] == "named by SAMPLEWISE_BACKEND"


def test_the_configuration_of_a_run_gives_the_same_model_file(cli, images):
    options = ("--shuffle", "--hidden", "5,3", "--dtype", "float32", "--seed", 3, "--stratify")
    assert cli("train", "--data", images, *FAST, *options).code == 0
    assert cli("train", "--config", "run/config.toml", "--out", "again").code == 0
    for name in ("model.safetensors", "config.toml", "loss.png", "confusion.png"):
        assert Path("run", name).read_bytes() == Path("again", name).read_bytes()


def test_a_run_may_be_repeated_in_place_with_its_own_configuration(cli, images):
    assert cli("train", "--data", images, *FAST).code == 0
    before = Path("run/model.safetensors").read_bytes()
    assert cli("train", "--config", "run/config.toml", "--force").code == 0
    assert Path("run/model.safetensors").read_bytes() == before


def test_evaluate_a_run_folder_tests_on_the_rows_kept_for_it(cli, trained):
    figures = json.loads(cli("evaluate", trained, "--json").out)
    result = json.loads((trained / "result.json").read_text())
    assert (figures["part"], figures["rows"]) == ("test", result["data"]["test_rows"])
    assert figures["accuracy"] == result["test_accuracy"]
    assert figures["confusion"] == result["confusion"]


def test_the_environment_does_not_change_what_a_run_is_tested_on(cli, trained, monkeypatch):
    before = cli("evaluate", trained, "--json")
    monkeypatch.setenv("SAMPLEWISE_SEED", "99")
    monkeypatch.setenv("SAMPLEWISE_DATA", "iris")
    assert cli("evaluate", trained, "--json") == before


@pytest.mark.parametrize(("part", "rows"), [("train", 32), ("test", 8), ("all", 40)])
def test_evaluate_a_part(cli, trained, part, rows):
    assert json.loads(cli("evaluate", trained, "--part", part, "--json").out)["rows"] == rows


@pytest.mark.parametrize("part", ["test", "train"])
def test_evaluate_chooses_classes_among_the_rows_of_the_part(cli, images, part):
    assert cli("train", "--data", images, *FAST).code == 0
    every = json.loads(cli("evaluate", "run", "--part", part, "--json").out)
    some = json.loads(cli("evaluate", "run", "--part", part, "--classes", "9,4", "--json").out)
    for known in ("4", "9"):
        place = every["classes"].index(known)
        assert some["confusion"][place] == every["confusion"][place]
    assert sum(some["confusion"][every["classes"].index("7")]) == 0


def test_predict_needs_no_configuration_beside_the_model(cli, trained, images):
    Path("bare").mkdir()
    Path("bare/model.safetensors").write_bytes((trained / "model.safetensors").read_bytes())
    assert cli("predict", "bare", images, "--row", 3) == cli("predict", trained, images, "--row", 3)
    assert "bare/config.toml" in cli("evaluate", "bare").err


def test_a_whole_number_may_be_as_long_as_in_a_file(cli):
    assert "epochs: must be a whole number from 1 to" in cli("train", "--epochs", 10**30).err


def test_evaluate_gives_the_report_of_scikit_learn(cli, trained, images):
    model = trained / "model.safetensors"
    ended = cli("evaluate", model, "--data", images, "--classes", "9,4", "--json")
    figures = json.loads(ended.out)
    data = load(str(images), ("4", "9"))
    predicted = load_model(model).predict(data.X)
    expected = classification_report(
        data.labels, predicted, target_names=["4", "9"], output_dict=True, zero_division=0
    )
    assert figures["classification_report"] == expected
    assert figures["classes"] == ["4", "9"]


def test_evaluate_says_where_the_data_have_changed_since_training(cli, images):
    with np.load(images) as arrays:
        dataset, labels = arrays["dataset"], arrays["labels"]
    np.savez("mine.npz", dataset=dataset, labels=labels)
    cli("train", "--data", "mine.npz", "--backend", "vectorized")
    assert cli("evaluate", "run").err == ""
    np.savez("mine.npz", dataset=dataset[::-1], labels=labels[::-1])
    assert "mine.npz has changed since this run" in cli("evaluate", "run").err


def test_evaluate_prints_tables(cli, trained):
    ended = cli("evaluate", trained)
    assert (ended.code, ended.err) == (0, "")
    for text in ("accuracy", "precision", "recall", "macro avg", "true, predicted as"):
        assert text in ended.out


@pytest.mark.filterwarnings("always:unit:UserWarning")
def test_numbers_on_another_scale_are_told_and_not_rescaled(cli, trained, images):
    with np.load(images) as arrays:
        dataset, labels = arrays["dataset"], arrays["labels"]
    arguments = ("evaluate", trained, "--part", "all", "--classes", "4,9", "--json", "--data")
    np.savez("unit.npz", dataset=dataset / 255, labels=labels)
    np.savez("whole.npz", dataset=dataset.astype(np.int64), labels=labels)
    plain, unit, whole = (cli(*arguments, data) for data in (images, "unit.npz", "whole.npz"))
    assert (
        "unit: values reach 0.937255, but white was 255 in training; if white is 1 here" in unit.err
    )
    assert (plain.err, whole.err) == ("", "")
    first, same = json.loads(plain.out), json.loads(whole.out)
    assert (first["loss"], first["confusion"]) == (same["loss"], same["confusion"])


@pytest.fixture
def bright(images):
    """One bright image as a photograph, as arrays, and its number in the dataset."""
    pixels = np.load(images)["dataset"][2].reshape(8, 8)
    Image.fromarray(pixels).save("bright.png")
    Image.fromarray(pixels).resize((80, 40)).convert("RGB").save("bright.jpg")
    np.save("square.npy", pixels)
    np.save("row.npy", pixels.ravel().astype(np.float32))


@pytest.mark.parametrize("given", ["bright.png", "bright.jpg", "square.npy", "row.npy", "DATA"])
def test_predict_takes_images_arrays_and_rows(cli, trained, images, bright, given):
    what = (images, "--row", 2) if given == "DATA" else (given,)
    ended = cli("predict", trained, *what, "--json")
    figures = json.loads(ended.out)
    assert (ended.code, figures["class"]) == (0, "9")
    assert list(figures["probabilities"]) == ["4", "9"]
    assert sum(figures["probabilities"].values()) == pytest.approx(1)
    assert figures["true_class"] == ("9" if given == "DATA" else None)


def test_an_image_and_the_same_array_give_the_same_probabilities(cli, trained, bright):
    answers = [cli("predict", trained, name, "--json") for name in ("bright.png", "square.npy")]
    first, second = (json.loads(answer.out)["probabilities"] for answer in answers)
    assert first == second


def test_predict_prints_every_class_and_draws_on_request(cli, trained, images, bright):
    ended = cli("predict", trained, images, "--row", 2, "--picture", "picture.png")
    assert (ended.code, ended.err) == (0, "")
    assert "true class   9" in ended.out
    assert "probability" in ended.out
    assert Path("picture.png").read_bytes().startswith(PNG)
    assert cli("predict", trained, "bright.png", "--picture", "picture.png").code == 2
    assert cli("predict", trained, "bright.png", "--picture", "picture.png", "--force").code == 0


def test_predict_a_row_of_a_table(cli, trained_on_table):
    figures = json.loads(cli("predict", trained_on_table, "iris", "--row", 0, "--json").out)
    assert figures["true_class"] == "setosa"
    np.save("row.npy", np.array([5.1, 3.5, 1.4, 0.2]))
    same = json.loads(cli("predict", trained_on_table, "row.npy", "--json").out)
    assert same["probabilities"] == figures["probabilities"]


def test_data_describes_and_draws(cli, images):
    ended = cli("data", "--data", images, "--classes", "9,4", "--out", "sheet.png")
    assert (ended.code, ended.err) == (0, "")
    assert "8 x 8" in ended.out
    assert Path("sheet.png").read_bytes().startswith(PNG)
    figures = json.loads(cli("data", "--data", images, "--json").out)
    assert figures["classes"] == {"4": 20, "7": 20, "9": 20}
    assert figures["fingerprint"] == load(str(images)).fingerprint()


def test_backends_are_listed_with_what_they_can(cli):
    ended = cli("backends")
    assert (ended.code, ended.err) == (0, "")
    for text in (
        "reference",
        "vectorized",
        "numba_cpu",
        "available",
        "activations: elu",
        "kernels: ",
        "deterministic: yes",
        "device: cpu",
        "matmul_precision: full",
    ):
        assert text in ended.out
    rows = {row["name"]: row for row in json.loads(cli("backends", "--json").out)}
    assert rows["reference"]["available"] is True
    assert rows["reference"]["capabilities"]["dtypes"] == ["float32", "float64"]


def test_an_unavailable_backend_is_listed_with_its_reason(cli, monkeypatch):
    from samplewise import registry

    broken = registry.Listing("broken", "plugin", "1.0", False, "ImportError: [no] it", None)
    monkeypatch.setattr(registry, "listings", lambda: [broken])
    assert "unavailable: ImportError: [no] it" in cli("backends").out
    assert json.loads(cli("backends", "--json").out)[0]["capabilities"] is None


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], "numpy numba matplotlib sklearn rich scipy pydantic"),
        (["train", "--help"], "numpy numba matplotlib sklearn rich scipy pydantic"),
        (["train", "--data", "{}", "--backend", "vectorized", "--epochs", "1"],
         "numba sklearn pandas scipy.stats matplotlib.pyplot pydantic"),
    ],
)  # fmt: skip
def test_a_command_loads_only_what_it_needs(images, arguments, unwanted):
    code = (
        "import sys\nfrom samplewise.cli.app import main\nmain(sys.argv[1:])\n"
        "print('loaded', *sys.modules)"
    )
    given = [argument.format(images) for argument in arguments]
    done = subprocess.run(
        [sys.executable, "-c", code, *given],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    loaded = done.stdout.splitlines()[-1].split()
    assert loaded[0] == "loaded"
    assert not set(unwanted.split()) & set(loaded)


def test_the_readme_s_table_of_features_is_what_backends_prints(cli):
    readme = Path(__file__).parents[2] / "README.md"
    others = [each.name for each in registry.listings() if each.name not in registry.PREFERENCE]
    if set(others) != {"reference"}:
        pytest.skip(f"other backends are installed: {others}")
    assert cli("backends", "--markdown").out in readme.read_text(encoding="utf-8")
