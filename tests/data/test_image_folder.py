"""Folders of images."""

import io
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samplewise.data.inputs import load_inputs
from samplewise.data.sources import image_folder
from samplewise.data.sources.image_folder import load_image_folder, read_images
from samplewise.data.sources.npz_file import load_npz
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError
from samplewise.io import reading as regular_file

REAL = Path(__file__).parents[2].parent / "shared" / "data"

NOISE = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Two classes, one grey image each; a test puts its own file beside them."""
    root = tmp_path / "signs"
    for level, name in ((50, "four"), (200, "nine")):
        (root / name).mkdir(parents=True)
        Image.new("L", (28, 28), level).save(root / name / "a.png")
    return root


def put(folder, content, name="x.png"):
    (folder / "nine" / name).write_bytes(content)


def row_of(folder, content, name="x.png", size=(28, 28)):
    put(folder, content, name)
    return load_image_folder(folder, SourceOptions(image_size=size)).X[-1].reshape(size)


def test_one_folder_a_class(folder):
    put(folder, encoded(Image.fromarray(NOISE)))
    dataset = load_image_folder(folder)
    assert dataset.class_names == ("four", "nine")
    assert dataset.labels.tolist() == [0, 1, 1]
    assert dataset.X.dtype == np.uint8
    assert [dataset.X[0, 0], dataset.X[1, 0]] == [50, 200]
    np.testing.assert_array_equal(dataset.X[2].reshape(28, 28), NOISE)
    assert (dataset.image_shape, dataset.full_scale, dataset.name) == ((28, 28), 255.0, "signs")


def test_classes_and_files_in_code_point_order(tmp_path):
    for name in ("b", "a", "Z", "10", "9", "é"):
        (tmp_path / name).mkdir()
        for file, level in (("b.png", 2), ("B.png", 1), ("a.png", 0)):
            Image.new("L", (2, 2), level).save(tmp_path / name / f"{level}{file}")
    dataset = load_image_folder(tmp_path, SourceOptions(image_size=(2, 2)))
    assert dataset.class_names == ("10", "9", "Z", "a", "b", "é")
    assert dataset.X[:3, 0].tolist() == [0, 1, 2]
    assert dataset.image_shape == (2, 2)


def test_class_folders_of_either_unicode_form_are_the_same_classes(tmp_path):
    for level, name in enumerate(("a", "o\u0308", "p")):
        (tmp_path / name).mkdir()
        Image.new("L", (2, 2), level).save(tmp_path / name / "a.png")
    dataset = load_image_folder(tmp_path, SourceOptions(image_size=(2, 2)))
    assert dataset.class_names == ("a", "p", "ö")
    assert dataset.X[:, 0].tolist() == [0, 1, 2]
    assert [dataset.class_names[k] for k in dataset.labels] == ["a", "ö", "p"]
    assert load_inputs(tmp_path, SourceOptions(image_size=(2, 2))).classes == ("a", "ö", "p")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("PNG", "x.PNG"), ("BMP", "x.bmp"), ("GIF", "x.gif"), ("WEBP", "x.webp"), ("JPEG", "x.jpeg")],
)
def test_each_image_format_is_read(folder, kind, name):
    options = {"lossless": True} if kind == "WEBP" else {}
    options |= {"quality": 100} if kind == "JPEG" else {}
    row = row_of(folder, encoded(Image.fromarray(NOISE), kind, **options), name)
    assert np.abs(row.astype(int) - NOISE).max() <= (4 if kind == "JPEG" else 0)


def test_resized_by_lanczos_as_height_and_width(folder, tmp_path):
    big = Image.fromarray(np.kron(NOISE, np.ones((3, 2), dtype=np.uint8)))
    for name in ("four", "nine"):
        big.save(folder / name / "a.png")
    dataset = load_image_folder(folder, SourceOptions(image_size=(20, 10)))
    assert dataset.image_shape == (20, 10)
    expected = np.asarray(big.resize((10, 20), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(dataset.X[0].reshape(20, 10), expected)


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="the real sign digits are not beside the checkout")
def test_real_photographs_give_the_rows_of_the_real_file():
    photographs = load_image_folder(REAL / "sign-digits-photos")
    rows = load_npz(REAL / "sign-digits-28x28.npz")
    known = {row.tobytes(): label for row, label in zip(rows.X, rows.labels, strict=True)}
    assert len(photographs) == 60
    for row, label in zip(photographs.X, photographs.labels, strict=True):
        assert known.get(row.tobytes()) == label


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"text", "is damaged, or not a PNG")]
)
def test_bad_image_is_named(folder, content, message):
    put(folder, content)
    with pytest.raises(DataError, match=rf"x\.png {message}"):
        load_image_folder(folder)


def test_each_of_images_of_any_size_gives_the_row_that_it_gives_alone(folder):
    big = Image.fromarray(np.kron(NOISE, np.ones((3, 3), dtype=np.uint8)))
    put(folder, encoded(big))
    dataset = load_image_folder(folder)
    assert dataset.X[0, 0] == 50
    expected = np.asarray(big.resize((28, 28), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(dataset.X[-1].reshape(28, 28), expected)
    assert dataset.source.endswith(
        "signs, 2 sizes from 28 x 28 to 84 x 84 pixels, resized to 28 x 28"
    )


def test_images_of_one_size_that_is_the_rows_need_no_word(folder):
    assert load_image_folder(folder).source == "the images in the folder signs"


def test_stretching_different_shapes_is_told_once(folder):
    for name in ("x.png", "y.png"):
        put(folder, encoded(Image.new("L", (60, 40))), name)
    message = (
        r"signs: the images have different shapes, 2 sizes from 28 x 28 to 40 x 60 .*--fit pad"
    )
    with pytest.warns(UserWarning, match=message) as told:
        dataset = load_image_folder(folder)
    assert len(told) == 1
    assert "stretched to 28 x 28" in dataset.source


@pytest.mark.parametrize(("fit", "made"), [("pad", "padded"), ("crop", "cropped")])
def test_other_fits_keep_proportions_and_need_no_warning(folder, fit, made):
    half = np.zeros((20, 40), np.uint8)
    half[:, 10:30] = 200
    put(folder, encoded(Image.fromarray(half)))
    dataset = load_image_folder(folder, SourceOptions(fit=fit, image_size=(20, 20)))
    assert f"{made} to 20 x 20" in dataset.source
    row = dataset.X[-1].reshape(20, 20)
    assert np.unique(row[[0, -1]]).tolist() == ([200] if fit == "crop" else [100])


def test_sixteen_bit_images_that_are_all_nearly_black_are_told_once(folder):
    dark = encoded(Image.fromarray(NOISE.astype(np.uint16) * 4))
    put(folder, dark)
    put(folder, dark, "y.png")
    with pytest.warns(UserWarning, match=r"16-bit images of .*say --full-scale 1023") as told:
        load_image_folder(folder)
    assert len(told) == 1
    put(folder, encoded(Image.fromarray(NOISE.astype(np.uint16) * 257)), "z.png")
    load_image_folder(folder)


def test_the_users_full_scale_holds_for_every_image(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(NOISE.astype(np.uint16) * 4).save(tmp_path / name / "x.png")
    dataset = load_image_folder(tmp_path, SourceOptions(full_scale=1020))
    np.testing.assert_array_equal(dataset.X[0].reshape(28, 28), NOISE)
    assert dataset.full_scale == 255.0


def test_memory_is_checked_before_the_rows_are_made(folder, monkeypatch):
    monkeypatch.setattr(regular_file, "half_free_memory", lambda: 1000)
    with pytest.raises(DataError, match="2 images of 28 x 28 pixels takes 1,568 bytes"):
        load_image_folder(folder)


def test_file_over_the_limit(folder, monkeypatch):
    monkeypatch.setattr(image_folder, "MAX_FILE_BYTES", 20)
    with pytest.raises(DataError, match="at most 20 are allowed"):
        load_image_folder(folder)


def test_no_folder(tmp_path):
    with pytest.raises(DataError, match="cannot read the folder .*No such file"):
        load_image_folder(tmp_path / "missing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot read the folder .*Not a directory"):
        load_image_folder(tmp_path / "file")


def test_no_class_and_one_class(tmp_path):
    with pytest.raises(DataError, match="has 0 class folders; expected 1"):
        load_image_folder(tmp_path)
    (tmp_path / "only").mkdir()
    Image.fromarray(NOISE).save(tmp_path / "only" / "a.png")
    dataset = load_image_folder(tmp_path)
    assert (dataset.class_names, len(dataset)) == (("only",), 1)


def test_images_to_predict_lie_in_class_folders_or_in_none(folder, tmp_path):
    names, X = read_images(folder)
    assert names == ("four/a.png", "nine/a.png")
    assert X[:, 0].tolist() == [50, 200]
    flat = tmp_path / "flat"
    flat.mkdir()
    for name in ("b.png", "B.png"):
        Image.fromarray(NOISE).save(flat / name)
    (flat / ".DS_Store").touch()
    names, X = read_images(flat, SourceOptions(image_size=(14, 7), fit="pad"))
    assert (names, X.shape, X.dtype) == (("B.png", "b.png"), (2, 98), np.uint8)


def test_folders_with_nothing_to_predict(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="empty holds no image"):
        read_images(empty)
    Image.new("L", (28, 28)).save(folder / "stray.png")
    with pytest.raises(DataError, match=r"stray\.png lies outside the class folders"):
        read_images(folder)
    (empty / "notes.txt").touch()
    with pytest.raises(DataError, match=r"notes\.txt is not an image by its name"):
        read_images(empty)


def test_empty_class(folder):
    (folder / "ten").mkdir()
    (folder / "ten" / ".keep").touch()
    with pytest.raises(DataError, match="ten holds no image"):
        load_image_folder(folder)


def test_nested_folder(folder):
    (folder / "nine" / "more").mkdir()
    with pytest.raises(
        DataError, match="more is a folder inside a class folder.*, give .*nine as the data"
    ):
        load_image_folder(folder)


def test_image_outside_the_classes(folder):
    Image.new("L", (28, 28)).save(folder / "stray.png")
    with pytest.raises(DataError, match=r"stray\.png lies outside the class folders"):
        load_image_folder(folder)


@pytest.mark.parametrize("name", ["notes.txt", "x.svg", "x.tiff", "x.fits", "noending"])
def test_other_endings(folder, name):
    put(folder, encoded(Image.fromarray(NOISE)), name)
    with pytest.raises(DataError, match=rf"{name} is not an image by its name"):
        load_image_folder(folder)


def test_hidden_files_are_skipped(folder):
    (folder / ".git").mkdir()
    (folder / "__MACOSX" / "nine").mkdir(parents=True)
    (folder / ".DS_Store").write_text("x")
    (folder / "nine" / ".x.png.swp").write_text("x")
    (folder / "nine" / "Thumbs.db").write_text("x")
    assert len(load_image_folder(folder)) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat", "Cat"),
        ("stra\u00dfe", "STRASSE"),
        (unicodedata.normalize("NFC", "\u00e9"), unicodedata.normalize("NFD", "\u00e9")),
        # Folding takes the first letter apart, and leaves one of two accents on the second.
        ("\u0390", "\u03aa\u0301"),
    ],
    ids=["case", "folded", "form", "folded apart"],
)
def test_names_that_look_alike(tmp_path, one, other):
    (tmp_path / one).mkdir()
    try:
        (tmp_path / other).mkdir()
    except FileExistsError:
        pytest.skip("this file system takes the two names for one")
    with pytest.raises(DataError, match="by case, invisible characters or Unicode form"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("name", [b"a\x07", b"\xff", b" "])
def test_class_names_that_cannot_be_shown(folder, name):
    try:
        (folder / os.fsdecode(name)).mkdir()
    except OSError:
        pytest.skip("this file system does not take the name")
    with pytest.raises(DataError, match="label") as caught:
        load_image_folder(folder)
    assert str(caught.value).isprintable()


def test_links_inside_the_folder_are_followed(folder):
    (folder / "nine" / "b.png").symlink_to(folder / "four" / "a.png")
    assert load_image_folder(folder).X[:, 0].tolist() == [50, 200, 50]


@pytest.mark.parametrize("name", ["nine/b.png", "ten"])
def test_links_out_of_the_folder(folder, tmp_path, name):
    Image.new("L", (28, 28)).save(tmp_path / "b.png")
    (folder / name).symlink_to(tmp_path / "b.png")
    with pytest.raises(DataError, match="is a symbolic link out of"):
        load_image_folder(folder)


@pytest.mark.parametrize("target", ["loop.png", "nowhere.png"])
def test_links_that_lead_nowhere(folder, target):
    (folder / "nine" / "loop.png").symlink_to(folder / "nine" / target)
    with pytest.raises(DataError, match="loops or leads nowhere"):
        load_image_folder(folder)


@pytest.mark.parametrize("name", ["nine/b.png", "ten"])
@pytest.mark.parametrize("read", [load_image_folder, read_images])
def test_an_entry_that_cannot_be_looked_at_is_an_error_that_says_why(folder, name, read):
    (folder / name).symlink_to("x" * 300)
    root = folder / "nine" if read is read_images and "/" in name else folder
    with pytest.raises(DataError, match="cannot read .*: File name too long; check the path"):
        read(root)


def test_pipe_does_not_block(folder):
    os.mkfifo(folder / "nine" / "x.png")
    with pytest.raises(DataError, match="is a FIFO"):
        load_image_folder(folder)


def test_file_that_changes_while_it_is_read(folder, monkeypatch):
    class Touched(io.FileIO):
        def readall(self):
            os.utime(folder / "four" / "a.png", ns=(1, 1))
            return super().readall()

    monkeypatch.setattr(regular_file.io, "FileIO", Touched)
    with pytest.raises(DataError, match=r"a\.png changed while it was read"):
        load_image_folder(folder)
