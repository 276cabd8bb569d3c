"""Names and paths to datasets."""

import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from samplewise.data import loading as sources
from samplewise.data.dataset import Dataset
from samplewise.data.inputs import load_inputs
from samplewise.data.loading import SOURCES, load, options_read
from samplewise.data.sources.bundled import BUNDLED
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError, ParameterError

FILES = {"npz": "x.npz", "csv": "x.csv", "folder": "images"}


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "three.npz"
    np.savez(path, dataset=np.arange(12).reshape(6, 2), labels=list("abcabc"))
    return path


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "iris", "wine"])
def test_bundled_names(name):
    assert load(name).name == name


@pytest.fixture
def seeds(monkeypatch):
    """Record the seeds asked of a stand-in for the synthetic source."""
    asked = []
    drawn = Dataset("s", np.zeros((2, 1)), np.array([0, 1]), ("0", "1"), "s", synthetic=True)

    def load_synthetic(classes=None, seed=2024):
        asked.append(seed)
        return drawn

    module = SimpleNamespace(load_synthetic=load_synthetic)
    monkeypatch.setitem(sys.modules, "samplewise.data.sources.synthetic", module)
    return asked


def test_synthetic_and_its_seed(seeds):
    assert load("synthetic").synthetic
    assert load("synthetic:7").synthetic
    assert seeds == [2024, 7]


@pytest.mark.parametrize("seed", ["", "-1", "1.5", "x", "٣", "1" * 19])
def test_synthetic_with_no_seed_after_the_colon(seeds, seed):
    with pytest.raises(DataError, match="must be a whole number from 0, as in synthetic:7"):
        load(f"synthetic:{seed}")
    assert seeds == []


def test_sign_digits_by_name(monkeypatch):
    from samplewise.data.sources import sign_digits

    monkeypatch.setattr(
        sign_digits,
        "load_sign_digits",
        lambda: Dataset("sd", np.zeros((2, 1)), np.array([0, 1]), ("0", "1"), "s"),
    )
    assert load("sign-digits").name == "sd"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("t.TSV", "rename it to .csv"),
        ("iris.data", "rename it to .csv, where commas, semicolons or tabs separate"),
        ("t.csv.gz", "unpack it first"),
        ("t.parquet", "save its table as .csv"),
        ("t.npy", "store rows and labels in one file"),
        ("train-images-idx3-ubyte", "expected synthetic, "),
    ],
)
def test_files_of_other_kinds_are_refused_with_a_remedy(tmp_path, name, remedy):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=f"{name} is neither .* nor a folder; {remedy}"):
        load(str(tmp_path / name))


@pytest.mark.parametrize("read", [load, load_inputs])
@pytest.mark.parametrize("address", ["https://x.org/a/t.csv", "s3://x/t.npz", "file:///t", "x://"])
def test_an_address_in_a_network_is_refused_as_it_was_given(read, address):
    with pytest.raises(DataError, match=f"'{address}' is an address .*; download it, and give the"):
        read(address)


def test_a_folder_has_no_numbers_to_learn(tmp_path):
    with pytest.raises(DataError, match="is a folder, whose images have classes"):
        load(str(tmp_path), options=SourceOptions(numbers=True))


def test_the_ending_of_a_path_names_its_source(npz, tmp_path):
    assert load(str(npz)).class_names == ("a", "b", "c")
    upper = npz.rename(tmp_path / "T.NPZ")
    assert len(load(str(upper))) == 6
    (tmp_path / "t.csv").write_text("label,x\na,1\nb,2\n")
    assert load(str(tmp_path / "t.csv")).class_names == ("a", "b")
    for name in ("x", "y"):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("L", (28, 28)).save(tmp_path / "images" / name / "1.png")
    assert load(str(tmp_path / "images")).class_names == ("x", "y")


def test_classes_are_selected_in_the_given_order(npz):
    dataset = load(str(npz), classes=("c", "a"))
    assert dataset.class_names == ("c", "a")
    assert dataset.labels.tolist() == [1, 0, 1, 0]
    np.testing.assert_array_equal(dataset.X[:, 0], [0, 4, 6, 10])


def test_one_class_and_one_row_are_loaded(npz, tmp_path):
    """Training needs more; a trained network may be tried on them."""
    assert load(str(npz), classes=["b"]).class_names == ("b",)
    np.savez(tmp_path / "one.npz", dataset=[[1.0]], labels=["a"])
    assert load(str(tmp_path / "one.npz")).class_names == ("a",)


def test_no_classes_and_unknown_classes(npz):
    with pytest.raises(DataError, match="no row of the classes"):
        load(str(npz), classes=[])
    with pytest.raises(DataError, match="has no class 'd'"):
        load(str(npz), classes=["a", "d"])


@pytest.mark.parametrize("data", ["irsi", "Iris", "digits:3", "", "nowhere/at/all", "\x1b[31m"])
def test_unknown_name_lists_all(data):
    with pytest.raises(DataError, match="nor a path; expected synthetic, ") as caught:
        load(data)
    assert all(name in str(caught.value) for name in SOURCES)
    assert str(caught.value).isprintable()


def test_unknown_name_is_corrected():
    with pytest.raises(DataError, match="did you mean 'sign-digits'"):
        load("sign_digits")


def test_path_of_another_kind(tmp_path):
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(DataError, match=r"is neither an \.npz file, a \.csv file nor a folder"):
        load(str(tmp_path / "x.txt"))


@pytest.fixture
def every_source(npz, tmp_path):
    """A source of each kind, by the kind."""
    shutil.copy(npz, tmp_path / "x.npz")
    (tmp_path / "x.csv").write_text("x,label\n1,a\n2,b\n")
    (tmp_path / "images").mkdir()
    files = {kind: str(tmp_path / name) for kind, name in FILES.items()}
    return {"name": "iris", "synthetic": "synthetic:7", **files}


@pytest.mark.parametrize(
    ("option", "read_by", "reason"),
    [
        ({"label": "x"}, {"csv"}, "label: only a .csv table has a label column"),
        ({"drop": ("x",)}, {"csv"}, "drop: only a .csv table has columns to leave out"),
        ({"image_size": (9, 9)}, {"folder"}, "image_size: only the images of a folder are"),
        ({"fit": "pad"}, {"folder"}, "fit: only the images of a folder are resized"),
        ({"full_scale": 9.0}, set(FILES), "full_scale: only files and folders can have another"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_an_option_that_a_source_does_not_read_is_refused(every_source, option, read_by, reason):
    for kind, source in every_source.items():
        assert read_by.issuperset({kind}) == options_read(source).issuperset(option)
        if kind in read_by:
            continue
        for reader in (load, load_inputs):
            with pytest.raises(ParameterError, match=f"^{reason}.*, got '.*'; leave it out$"):
                reader(source, options=SourceOptions(**option))


def test_options_at_their_defaults_are_read_everywhere():
    assert len(load("iris", options=SourceOptions(image_size=(28, 28), fit="stretch"))) == 150


def test_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        load(str(tmp_path / "x.npz"))


def test_loaders_are_imported_when_used():
    code = (
        "import sys, samplewise.data.loading\n"
        "heavy = {'PIL', 'sklearn', 'pooch', 'requests', 'samplewise.data.sources.npz_file'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


def test_every_name_has_a_loader():
    assert set(SOURCES) == {"synthetic", "sign-digits", *BUNDLED}
    assert [sources._kind(name, SourceOptions()) for name in SOURCES] == list(SOURCES)
