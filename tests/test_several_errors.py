"""Errors that are found together are named together: the first few, and how many there are."""

import copy
import pickle
import weakref

import numpy as np
import pytest
from PIL import Image

from samplewise.data.class_indices import indices_among
from samplewise.data.columns import Column, check_columns
from samplewise.data.labels import encode_labels
from samplewise.data.loading import load
from samplewise.data.named_rows import rows_of_frame
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import (
    CombinationError,
    ConfigError,
    DataError,
    ErrorList,
    ParameterError,
    UnknownArgumentError,
)
from samplewise.experiment.config_file import effective, read_config
from samplewise.experiment.experiment import Experiment
from samplewise.sweep.definition import read_sweep
from samplewise.sweep.space import Space
from samplewise.training.settings.training_settings import TrainingSettings


def raised(kind, call, *given, **named):
    with pytest.raises(kind) as caught:
        call(*given, **named)
    message = str(caught.value)
    assert message.isprintable()
    return message


def test_one_error_is_raised_as_it_is():
    errors, error = ErrorList(DataError), DataError("one")
    errors.check()
    with errors:
        raise error
    with pytest.raises(DataError) as caught:
        errors.check()
    assert (caught.value, caught.value.parts) == (error, ())


def test_an_error_of_another_kind_is_not_taken():
    errors = ErrorList(DataError)
    with pytest.raises(ParameterError), errors:
        raise ParameterError("other")
    assert not errors


def test_several_errors_are_numbered_and_counted():
    errors = ErrorList(DataError)
    for number in range(1000):
        errors.add(DataError(f"e{number}"))
    message = raised(DataError, errors.check)
    assert message == "1,000 errors: (1) e0; (2) e1; (3) e2; and 997 more"
    outer = ErrorList(DataError)
    outer.add(DataError("first"))
    inner = ErrorList(DataError)
    inner.add(DataError("a"))
    inner.add(DataError("b"))
    with outer:
        inner.check()
    assert raised(DataError, outer.check) == "3 errors: (1) first; (2) a; (3) b"
    with outer:
        errors.check()
    assert raised(DataError, outer.check).startswith("1,003 errors: (1) first; (2) a; ")


def test_several_errors_are_of_the_class_that_they_share():
    errors = ErrorList(ParameterError)
    errors.add(ConfigError("a"))
    errors.add(ConfigError("b"))
    with pytest.raises(ConfigError) as caught:
        errors.check()
    for same in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert (str(same), same.count, len(same.parts)) == (str(caught.value), 2, 2)
    errors.add(CombinationError("c"))
    with pytest.raises(ParameterError) as caught:
        errors.check()
    assert type(caught.value) is ParameterError


def test_errors_after_the_first_one_hold_no_frames():
    class Content:
        pass

    def fail(contents):
        content = Content()
        contents.append(weakref.ref(content))
        try:
            raise ValueError
        except ValueError as error:
            raise DataError("damaged") from error

    errors, contents = ErrorList(DataError), []
    for _ in range(3):
        with errors:
            fail(contents)
    assert [one() is not None for one in contents] == [True, False, False]


def test_images_of_a_folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("L", (4, 4)).save(tmp_path / name / f"{number}.png")
    broken = ["a/1.png", "a/2.png", "b/0.png", "b/2.png"]
    for name in broken:
        (tmp_path / name).write_bytes(b"no image")
    message = raised(DataError, load, str(tmp_path))
    assert message.startswith("4 errors: (1) ")
    assert [name in message for name in broken] == [True, True, True, False]
    assert message.endswith("; and 1 more")


def test_files_of_a_folder_that_are_not_images(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "notes.txt").write_text("text")
    (tmp_path / "c").mkdir()
    message = raised(DataError, load, str(tmp_path))
    assert message.startswith("5 errors: (1) ")
    assert "notes.txt is not an image" in message
    (tmp_path / "x.txt").write_text("")
    (tmp_path / "y.txt").write_text("")
    message = raised(DataError, load, str(tmp_path))
    assert message.count("lies outside the class folders") == 2


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            ("a,,x", "a,1,x,", ",2,z"),
            ("3 errors: ", "line 2, column 'n'", "line 3: 4 cells", "line 4, column 'label'"),
        ),
        (
            (",,",),
            ("3 errors: ", "line 2, column 'label'", "line 2, column 'n'", "column 't'"),
        ),
        (("a,1,x", 'a,"1,5",y', "a,z,7"), ("3 errors: ", "'1,5'", "'z'", "'7' is a number")),
        (("a,1e999,x", "", "a,1e999,x"), ("2 errors: ", "line 2, column 'n'", "line 4, col")),
        (("a,,x", 'a,"1'), ("2 errors: ", "line 2, column 'n'", "line 3: unexpected end")),
    ],
)
def test_lines_of_a_table(tmp_path, rows, expected):
    path = tmp_path / "t.csv"
    path.write_text("label,n,t\n" + "\n".join(rows) + "\n")
    message = raised(DataError, load, str(path))
    assert all(text in message for text in expected), message
    assert message.startswith(expected[0])


def test_a_missing_first_cell_does_not_make_errors_of_the_numbers_below(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("label,n\na,\nb,1\nb,2\na,?\n")
    message = raised(DataError, load, str(path))
    assert message.startswith("2 errors: ")
    assert "line 2" in message
    assert "line 5" in message


def test_values_of_a_frame():
    class Frame(dict):
        columns = ("age", "flag")

    frame = Frame(age=np.array([1.0, np.nan, np.inf]), flag=np.array(["true", "yes", None], object))
    columns = (Column("age"), Column("flag", "boolean"))
    message = raised(DataError, rows_of_frame, frame, columns, "X")
    assert message.startswith("4 errors: (1) X: column 'age': missing value ('nan') in row 1 ")
    assert "(3) X: column 'flag': 'yes' in row 1" in message


def test_all_wrong_settings_are_named_at_once():
    message = raised(ParameterError, TrainingSettings, epochs=0, batch_size=0, threads="x")
    for word in ("3 errors: ", "epochs", "batch_size", "threads"):
        assert word in message
    words = {"epochs": 0, "momentum": -1, "split": 2, "standardize_targets": True, "hidden": (0,)}
    message = raised(ParameterError, Experiment.from_options, **words)
    assert message.startswith("4 errors: (1) split: ")
    words = {"epochs": 0, "validation_data": "iris", "validation_fraction": 7}
    message = raised(ParameterError, Experiment.from_options, **words)
    assert message.startswith("2 errors: ")
    assert raised(CombinationError, Experiment.from_options, beta1=0.5, beta2=0.5).startswith(
        "2 er"
    )
    assert raised(ParameterError, Experiment.from_options, ephocs=1, bach=2).startswith(
        "2 errors: "
    )
    message = raised(UnknownArgumentError, TrainingSettings, ephocs=1, bach=2)
    assert message.startswith("2 errors: (1) TrainingSettings: 'ephocs' is not an argument")


def test_files_of_settings(tmp_path, monkeypatch):
    path = tmp_path / "c.toml"
    path.write_text('epochs = 0\nbach = 3\nlearning_rate = "x"\n')
    assert raised(ConfigError, read_config, path).startswith("3 errors: (1) epochs: ")
    monkeypatch.setenv("SAMPLEWISE_SEED", "-1")
    message = raised(ParameterError, effective, {"threads": "0"}, path)
    assert message.startswith("5 errors: ")


def test_files_of_sweeps(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(
        "sampls = 3\nepochs = 4\n[settings]\nbatch_size = 0\n"
        "[space]\nmomentum = [2, 3]\nseed = [1]\n"
    )
    message = raised(ParameterError, read_sweep, path)
    assert message.startswith("5 errors: (1) ")
    assert message.count("s.toml") == 3
    path.write_text("[space]\nmomentum = [2, 3]\nbach = [1]\n")
    message = raised(ParameterError, read_sweep, path)
    assert message.startswith("3 errors: (1) space.momentum[0]: ")
    assert message.count(f"(in {path})") == 3
    assert raised(ParameterError, Space.of, {"bach": [1], "momentun": [1]}).startswith("2 errors: ")


def test_columns_of_names_and_columns_that_are_not_there(tmp_path):
    path = tmp_path / "t.csv"
    lines = [f"{i % 2},{i},name {i},ticket {i}" for i in range(30)]
    path.write_text("\n".join(["label,n,name,ticket", *lines]) + "\n")
    message = raised(DataError, load, str(path))
    assert message.startswith("2 errors: (1) ")
    assert "--drop name; (2) " in message
    assert message.endswith("--drop ticket")
    message = raised(DataError, load, str(path), options=SourceOptions(drop=("nam", "x", "ticket")))
    assert message.startswith("2 errors: (1) ")
    assert "did you mean 'name'?" in message


def test_labels_and_options_of_a_source():
    message = raised(DataError, encode_labels, np.array(["a", " ", "b\n"]), "x")
    assert message.startswith("2 errors: (1) x: a label is empty; ")
    options = SourceOptions(label="x", full_scale=3.0)
    message = raised(ParameterError, load, "iris", options=options)
    assert message.startswith("2 errors: (1) ")
    message = raised(DataError, indices_among, np.array(["c", "a", "d"]), ("a", "b"), "targets")
    assert message.startswith("2 errors: (1) targets hold the class 'c', but")
    message = raised(DataError, check_columns, [Column(" "), Column("x" * 2000)], "t")
    assert message.startswith("2 errors: (1) ")
