import dataclasses
import hashlib
import json
import os
import pickle
import random
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file

from model_files import (
    joined,
    made,
    parts,
    refused,
    table_model,
    with_metadata,
    with_metadata_text,
    with_tensor,
)
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ModelFileError, OutputError, ParameterError
from samplewise.io import tensor_file
from samplewise.model.model_file import KIND, load_model, save_model
from samplewise.network import multilayer_perceptron
from samplewise.network.losses import (
    CategoricalCrossEntropy,
    Huber,
    MultiLabelCrossEntropy,
    Poisson,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def good(path):
    save_model(made(), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "model",
    [
        made(),
        made(dtype="float32"),
        made(hidden=()),
        made(image_shape=(4, 1)),
        made(image_shape=(1, 4)),
        made(hidden=(5, 4), classes=("a", "ü", "日本")),
        made(preprocessing=Preprocessing("standardize")),
        made(preprocessing=Preprocessing("none"), image_shape=None),
        table_model(dtype="float32", classes=("x", "y", "z")),
    ],
)
def test_a_model_comes_back_bit_for_bit(model, path):
    save_model(model, path)
    back = load_model(path)
    np.testing.assert_array_equal(back.parameters, model.parameters, strict=True)
    rows = np.random.default_rng(1).uniform(0, 255, (5, 4))
    np.testing.assert_array_equal(back.predict(rows), model.predict(rows))
    same = ("network", "loss", "class_names", "image_shape", "trained_on")
    assert [getattr(back, name) for name in same] == [getattr(model, name) for name in same]


def test_numbers_of_numpy_come_back_as_those_of_python(path):
    white, shape = np.float32(0.1), (np.int64(2), np.int32(2))
    scaled = Preprocessing("scale", full_scale=white)
    save_model(made(preprocessing=scaled, full_scale=white, image_shape=shape), path)
    back = load_model(path)
    assert (back.image_shape, back.full_scale) == ((2, 2), float(white))
    assert type(back.image_shape[0]) is int


@pytest.mark.parametrize(
    "values",
    [
        lambda numbers: numbers,
        tuple,
        np.float32,
        np.int16,
        lambda numbers: np.array(numbers, ">f8"),
    ],
    ids=["list", "tuple", "float32", "int16", "other byte order"],
)
def test_a_mean_and_a_deviation_in_any_numbers_come_back(values, path):
    mean, deviation = values([3.0, -1, 0, 7]), values([1.0, 2, 3, 4])
    given = Preprocessing("standardize", mean=mean, deviation=deviation)
    save_model(made(preprocessing=given, image_shape=None), path)
    want, rows = table_model(), np.arange(8.0).reshape(2, 4)
    want = dataclasses.replace(want, preprocessing=load_model(path).preprocessing)
    np.testing.assert_array_equal(want.preprocessing.mean, [3.0, -1, 0, 7])
    for few in (rows, rows[:1]):
        predicted = made(preprocessing=given, image_shape=None).probabilities(few)
        np.testing.assert_array_equal(predicted, want.probabilities(few))


def test_a_mean_that_is_not_numbers_is_refused():
    with pytest.raises(DataError, match="preprocessing: mean: expected numbers, got text"):
        Preprocessing("standardize", mean=["a", "b"], deviation=[1, 2])


def test_a_model_without_names_of_its_classes_is_not_written(path):
    """As that of a classifier that was fitted to a single class."""
    with pytest.raises(ModelFileError, match="has no class names.*; fit it to rows of two classes"):
        save_model(made(class_names=()), path)
    assert not path.exists()
    save_model(dataclasses.replace(made(class_names=()), class_names=["no", "yes"]), path)
    assert load_model(path).class_names == ("no", "yes")


def test_a_path_may_be_a_text(path):
    save_model(made(), str(path))
    np.testing.assert_array_equal(load_model(str(path)).parameters, made().parameters)


def test_the_file_is_what_the_library_reads_and_the_same_every_time(path, good):
    tensors = load_file(path)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "0.weight": (3, 4),
        "0.bias": (3,),
        "1.weight": (1, 3),
        "1.bias": (1,),
    }
    views = made().network.layout.views(made().parameters)
    np.testing.assert_array_equal(tensors["0.weight"], views["0.weight"])
    save_model(made(), path)
    assert path.read_bytes() == good


def test_the_parameters_are_aligned_and_can_be_written(path):
    save_model(made(), path)
    parameters = load_model(path).parameters
    assert parameters.ctypes.data % 64 == 0
    assert parameters.flags.writeable


def test_a_header_of_896_bytes_is_no_pickle(path, good):
    header, data = parts(good)
    content = joined(json.dumps(header).encode().ljust(896), data)
    assert content.startswith(b"\x80\x03")
    path.write_bytes(content)
    assert load_model(path).class_names == ("4", "9")


def header_length(length):
    return lambda good: struct.pack("<Q", length) + good[8:]


def other_header(raw):
    return lambda good: joined(raw, parts(good)[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda good: good[:5], "not a samplewise model"),
        (header_length(0), "not a samplewise model|damaged"),
        (header_length(2**63), "not a samplewise model"),
        (header_length(2**20 + 1), "not a samplewise model"),
        (header_length(2**20), "ends inside its header"),
        (other_header(b" {}"), "not a samplewise model"),
        (other_header(b'{"a": "\xff"}'), "header of .* is damaged"),
        (other_header(b"{nonsense}"), "header of .* is damaged"),
        (other_header(b'{"a": {}, "a": {}}'), "the key 'a' twice"),
        (other_header(b'{"a":' + b"[" * 1_000_000), "nested deeper"),
        (other_header(b'{"a": NaN}'), "NaN is not a JSON number"),
        (other_header(b"{}"), "its metadata must be one text"),
        (other_header(b'{"__metadata__": {}}'), "its metadata must be one text"),
        (other_header(b'{"__metadata__": {"samplewise": 1}}'), "its metadata must be one text"),
        (other_header(b'{"__metadata__": {"samplewise": "{}", "x": ""}}'), "must be one text"),
    ],
)
def test_a_header_that_is_none_is_refused(path, good, change, message):
    refused(path, change(good), message)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ({"data_offsets": [-8, 16]}, "lengths from 0"),
        ({"data_offsets": [24, 0]}, "a start before an end"),
        ({"data_offsets": [0, 8]}, "takes 24 bytes"),
        ({"data_offsets": [0, 24, 24]}, "a start before an end"),
        ({"data_offsets": [0.0, 24]}, "lengths from 0"),
        ({"data_offsets": [False, 24]}, "lengths from 0"),
        ({"data_offsets": None}, "lengths from 0"),
        ({"data_offsets": [0, 24]}, "starts at byte"),
        ({"data_offsets": [8, 32]}, "starts at byte"),
        ({"data_offsets": [10**17, 10**17 + 24]}, "starts at byte"),
        ({"shape": [10**17, 10**17]}, "which takes 80,000"),
        ({"shape": [-3]}, "lengths from 0"),
        ({"shape": [[3]]}, "lengths from 0"),
        ({"shape": [1] * 9}, "lengths from 0"),
        ({"shape": [3, 1]}, "the description says float64"),
        ({"shape": [6], "dtype": "F32"}, "the description says float64"),
        ({"dtype": "I64"}, "must be F32, F64 or U8"),
        ({"dtype": ["F64"]}, "must be F32, F64 or U8"),
        ({"extra": 1}, "and nothing else"),
    ],
)
def test_a_tensor_out_of_place_is_refused(path, good, tensor, message):
    name = "0.bias" if tensor.get("data_offsets") != [0, 24] else "1.bias"
    header, _ = parts(good)
    if message == "starts at byte":
        size = header[name]["data_offsets"][1] - header[name]["data_offsets"][0]
        start = tensor["data_offsets"][0]
        tensor = {"data_offsets": [start, start + size]}
    refused(path, with_tensor(good, name, **tensor), message)


def test_missing_and_extra_tensors_and_bytes_are_refused(path, good):
    header, data = parts(good)
    extra = {"dtype": "F64", "shape": [1], "data_offsets": [len(data), len(data) + 8]}
    refused(path, joined({**header, "2.bias": extra}, data + bytes(8)), "2.bias")
    empty = {"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}
    refused(path, joined({**header, "x\x1b": empty}, data), r"x\\x1b")
    del header["1.weight"]
    refused(path, joined(header, data), "starts at byte|but its header claims")
    refused(path, good + b"PK\x05\x06" + bytes(18), "something was appended")
    refused(path, good[:-1], "it was cut")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 4, "samplewise": "7.1.0"}, "format 4, written by samplewise 7.1.0"),
        ({"format": 3}, "of format 3, lacks target_preprocessing; use another copy"),
        ({"target_preprocessing": {"name": "none", "full_scale": None}}, "has unknown target"),
        ({"format": True}, "must name a format from 1 to 3, got True; use another copy"),
        ({"format": ...}, "must name a format .*, got None"),
        ({"loss": ...}, "lacks loss"),
        ({"module": "os", "loss": ...}, "lacks loss and has unknown module"),
        ({"loss": "os.system"}, "loss: must be .* got 'os.system'"),
        ({"loss": ["x"]}, "loss: must be"),
        ({"loss": "categorical_cross_entropy"}, "must have 2 outputs for .* of 2 classes, got 1"),
        ({"network": None}, "network: must be a table, got None"),
        ({"network": {"input_shape": [4], "layers": []}}, "0 layers"),
        ({"network": {"input_shape": [4], "layers": [{"kind": "lambda"}]}}, "kind of a layer"),
        ({"network": {"input_shape": [10**17] * 2000, "layers": []}}, "lengths, got 2,000"),
        ({"network": {"input_shape": [10**17] * 8, "layers": [
            {"kind": "dense", "units": 10**17, "activation": "identity"}]}}, "parameters"),
        ({"network": {"input_shape": [4], "layers": [
            {"kind": "dense", "units": 1, "activation": "swish"}]}}, "must be .* got 'swish'"),
        ({"network": {"input_shape": [4], "layers": [
            {"kind": "dense", "units": 1, "activation": "tanh"}]}}, "last layer: must be identity"),
        ({"network": {"input_shape": [4], "layers": [
            {"kind": "dense", "units": 1, "activation": "identity"}]}}, "1.bias"),
        ({"network": {"input_shape": [4], "layers": [1] * 1001}}, "1001 layers"),
        ({"classes": ["4"]}, "2 to 10,000 texts"),
        ({"classes": ["4"] * 10_001}, "2 to 10,000 texts"),
        ({"classes": ["4", "4"]}, "classes: must differ, got '4' twice"),
        ({"classes": ["4", 9]}, "classes: must be a text, got 9"),
        ({"classes": ["4", ""]}, "model.safetensors is not valid: classes: a label is empty"),
        ({"classes": ["4", "x" * 1_001]}, "1,001 characters"),
        ({"classes": ["4", "\x1b[2J"]}, "control characters"),
        ({"classes": ["4", "\ud800"]}, "lone surrogates"),
        ({"trained_on": "a\nb"}, "control characters"),
        ({"trained_on": 3}, "trained_on: must be .* got 3"),
        ({"dtype": "float16"}, "dtype: must be .* got 'float16'"),
        ({"dtype": "float32"}, "the description says float32"),
        ({"image_shape": [2, 3]}, "image_shape: must make 4 inputs, .* got 2 x 3"),
        ({"image_shape": [4]}, "a height and a width"),
        ({"image_shape": [-2, -2]}, "image_shape: must be .* got -2"),
        ({"preprocessing": "scale"}, "preprocessing: must be a table of name .* got 'scale'"),
        ({"preprocessing": {"name": "auto", "full_scale": None}}, "'auto'"),
        ({"preprocessing": {"name": "scale", "full_scale": None}}, "full_scale: must be .* None"),
        ({"preprocessing": {"name": "scale", "full_scale": 0}}, "full_scale: must be .* got 0.0"),
        (
            {"preprocessing": {"name": "none", "full_scale": 1}},
            "full_scale of preprocessing: must be null unless its name is scale, got 1 with none",
        ),
        ({"preprocessing": {"name": "standardize", "full_scale": None}, "image_shape": None},
         "preprocessing.deviation, preprocessing.mean"),
    ],
)  # fmt: skip
def test_a_description_that_does_not_hold_is_refused(path, good, changes, message):
    refused(path, with_metadata(good, **changes), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "metadata of .* is damaged"),
        ("[]", "must name a format"),
        ("[" * 30_000 + "]" * 30_000, "nested deeper"),
        ('{"format": 1, "format": 1}', "twice"),
        (" " * 65_536, "metadata of .* is damaged"),
        (" " * 65_537, "at most 65,536"),
        ('{"format": ' + "9" * 5_000 + "}", "digits"),
    ],
)
def test_metadata_that_is_no_strict_json_is_refused(path, good, text, message):
    refused(path, with_metadata_text(good, text), message)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(path, good, value):
    refused(path, good[:-8] + struct.pack("<d", value), "NaN or infinity")


@pytest.mark.parametrize("name", ["preprocessing.mean", "preprocessing.deviation"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_mean_or_deviation_that_is_not_finite_is_refused(path, name, value):
    save_model(table_model(), path)
    header, data = parts(path.read_bytes())
    _, stop = header[name]["data_offsets"]
    changed = data[: stop - 8] + struct.pack("<d", value) + data[stop:]
    refused(path, joined(header, changed), f"'{name}' of .* holds NaN or infinity")


def test_a_deviation_of_zero_is_refused(path):
    save_model(table_model(), path)
    header, data = parts(path.read_bytes())
    start, stop = header["preprocessing.deviation"]["data_offsets"]
    refused(path, joined(header, data[:start] + bytes(stop - start) + data[stop:]), "above 0")


def spoilt():
    """A model whose weights were changed after it was made."""
    model = made()
    model.parameters[0] = np.nan
    return model


@pytest.mark.parametrize(
    "model",
    [
        made(class_names=("4", "9\n")),
        made(class_names=("4", "4")),
        spoilt(),
        made(inputs=10, image_shape=None, classes=tuple("x" * 900 + str(i) for i in range(100))),
        made(image_shape=None, preprocessing=Preprocessing("standardize")),
    ],
)
def test_what_could_not_be_read_back_is_not_written(model, path):
    with pytest.raises(ModelFileError):
        save_model(model, path)
    assert list(path.parent.iterdir()) == []


def a_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"")


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (lambda path: path.write_bytes(pickle.dumps({"a": 1}, protocol=2)), "a Python pickle"),
        (lambda path: path.write_bytes(pickle.dumps(print, protocol=5)), "a Python pickle"),
        (a_zip, "a zip archive, as PyTorch's .pt"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500)), "an HDF5 file"),
        (lambda path: path.write_bytes(b"some text, long enough"), "something else"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.mkdir(), "a folder"),
        (os.mkfifo, "FIFO"),
        (lambda path: None, "No such file"),
    ],
)
def test_another_kind_of_file_is_named_and_refused(path, write, kind):
    write(path)
    with pytest.raises(ModelFileError, match=kind):
        load_model(path)


def test_the_hash_is_compared_before_the_file_is_parsed(path, good):
    right = hashlib.sha256(good).hexdigest()
    assert load_model(path, sha256=right.upper()).trained_on == "synthetic"
    path.write_bytes(b"anything")
    with pytest.raises(ModelFileError, match=f"{right} was expected"):
        load_model(path, sha256=right)
    with pytest.raises(ParameterError, match="64 hexadecimal digits"):
        load_model(path, sha256="abc")


def test_cutting_and_flipping_bytes_gives_a_model_or_our_error(path, good):
    generator = random.Random(0)
    before = set(sys.modules)
    length = struct.unpack("<Q", good[:8])[0]
    for position in [*range(0, 8 + length, 7), *generator.sample(range(len(good)), 60)]:
        flipped = bytearray(good)
        flipped[position] ^= 1 << generator.randrange(8)
        for content in (bytes(flipped), good[:position]):
            path.write_bytes(content)
            try:
                load_model(path)
            except ModelFileError:
                continue
    assert set(sys.modules) == before


def test_reading_takes_memory_for_the_file_and_the_parameters_only(path):
    save_model(made(hidden=(500,), inputs=2_500, image_shape=(50, 50)), path)
    size = path.stat().st_size
    tracemalloc.start()
    load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * size + 2**20


def test_a_file_too_large_for_the_memory_is_refused_unread(path, monkeypatch):
    with path.open("wb") as file:
        file.truncate(2**30)
    monkeypatch.setattr("samplewise.io.reading.half_free_memory", lambda: 2**20)
    with pytest.raises(ModelFileError, match="at most 1,048,576 are allowed"):
        load_model(path)


def test_a_folder_that_cannot_be_written_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        save_model(made(), tmp_path / "missing" / "model.safetensors")


def test_the_header_limits_are_those_promised():
    assert KIND.max_header_bytes == 2**20
    assert tensor_file.MAX_METADATA_BYTES == 2**16


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        (Huber(0.25), ()),
        (Poisson(), ("visits", "sales")),
        (MultiLabelCrossEntropy(), ("wet", "cold")),
        (CategoricalCrossEntropy(0.125), ("a", "b")),
    ],
    ids=lambda value: getattr(value, "name", "names"),
)
def test_a_loss_of_numbers_or_with_options_comes_back(path, loss, names):
    network = multilayer_perceptron(4, (3,), 2)
    saved = made(network=network, parameters=network.layout.zeros("float64"), loss=loss)
    saved = dataclasses.replace(saved, class_names=names)
    save_model(saved, path)
    loaded = load_model(path)
    assert (loaded.loss, loaded.class_names) == (loss, names)
    rows = np.eye(4)
    np.testing.assert_array_equal(loaded.predict(rows), saved.predict(rows))


def test_a_loss_without_options_is_described_as_ever(good):
    header, _ = parts(good)
    described = json.loads(header["__metadata__"]["samplewise"])
    assert described["loss"] == "binary_cross_entropy"


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"name": "huber", "delta": -1}, "delta: must be .* got -1"),
        ({"name": "huber", "beta": 1}, "huber has delta, not"),
        ({"delta": 1}, "loss: must be .* got None"),
        ("poisson", "network: must have 2 outputs for poisson of 2 classes, got 1"),
        (["huber"], "loss: must be"),
    ],
)
def test_a_loss_that_is_none_is_refused(path, good, loss, message):
    refused(path, with_metadata(good, loss=loss), message)


@pytest.mark.parametrize("name", ["model.pt", "model.PKL", "model.h5"])
def test_a_name_of_another_format_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match="weights are written as safetensors; end the name in"):
        save_model(made(), tmp_path / name)
    assert not list(tmp_path.iterdir())
