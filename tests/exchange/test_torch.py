"""Models go to PyTorch and its weights come back, with the same logits."""

import numpy as np
import pytest
from safetensors.numpy import load_file

import samplewise
from samplewise import (
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
    Model,
    Network,
    from_torch,
    save_torch,
    to_torch,
    torch_code,
)
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ModelFileError, ParameterError
from samplewise.network.activations import ACTIVATIONS, CUSTOM
from samplewise.network.losses import loss_named

IMAGE = (2, 9, 8)
NETWORKS = {
    **{name: Network((5,), (Dense(6, name), Dense(3))) for name in ACTIVATIONS},
    "linear": Network((5,), (Dense(3),)),
    "valid": Network(IMAGE, (Conv2D(4, (3, 2), activation="relu"), Dense(3))),
    "same, odd": Network(IMAGE, (Conv2D(4, (3, 2), padding="same"), Flatten(), Dense(3))),
    "same, stride": Network(IMAGE, (Conv2D(4, 3, stride=2, padding="same"), Dense(3))),
    "pools": Network(
        IMAGE,
        (Conv2D(4, 3, activation="tanh"), MaxPool2D(), AvgPool2D((2, 1), stride=2), Dense(3)),
    ),
    "global pool": Network(IMAGE, (Conv2D(4, 3), GlobalAvgPool(), Dense(3))),
    "norm": Network((5,), (Dense(6, "relu"), LayerNorm(1e-3), Dropout(0.3), Dense(3))),
    "image norm": Network(IMAGE, (LayerNorm(), Conv2D(4, 3), LayerNorm(), Dense(3))),
}


def model(network, dtype=np.float64, loss="categorical_cross_entropy", **others):
    """A model of random weights."""
    parameters = network.layout.zeros(dtype)
    for view in network.layout.views(parameters).values():
        view[...] = np.random.default_rng(1).normal(size=view.shape)
    names = ("a", "b", "c") if loss == "categorical_cross_entropy" else ()
    settings = {"preprocessing": Preprocessing("none"), "backend": "reference", **others}
    return Model(
        network, loss_named(loss), parameters, names, image_shape=None, trained_on="d", **settings
    )


def rows(network, count=7):
    return np.random.default_rng(2).normal(size=(count, network.inputs))


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    # Rows of size 20 too, near which PyTorch's own softplus is not exact.
    given, X = model(NETWORKS[name]), np.vstack([rows(NETWORKS[name]) * k for k in (1, 4, 20)])
    made = {}
    exec(torch_code(given), made)
    network = made["network"].eval()
    network.load_state_dict({key: torch.from_numpy(W) for key, W in to_torch(given).items()})
    with torch.no_grad():
        logits = network(torch.from_numpy(X.reshape(-1, *given.network.input_shape))).numpy()
    np.testing.assert_allclose(logits, given.logits(X), rtol=1e-12, atol=1e-12)
    # Tensors that were trained there, and need gradients, come back from a state dict.
    again = from_torch(network.state_dict(), given)
    np.testing.assert_array_equal(again.parameters, given.parameters)


def test_a_file_is_read_by_pytorchs_own_reader(tmp_path):
    pytest.importorskip("torch")
    from safetensors.torch import load_file as load_tensors
    from safetensors.torch import save_file as save_tensors

    given = model(NETWORKS["pools"])
    save_torch(given, tmp_path / "weights.safetensors")
    state = load_tensors(tmp_path / "weights.safetensors")
    assert {name: tuple(W.shape) for name, W in state.items()} == {
        name: W.shape for name, W in to_torch(given).items()
    }
    save_tensors(state, tmp_path / "back.safetensors")
    again = from_torch(tmp_path / "back.safetensors", given)
    np.testing.assert_array_equal(again.parameters, given.parameters)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_comes_back_to_the_same_bits(name, tmp_path):
    given = model(NETWORKS[name])
    save_torch(given, tmp_path / "w.safetensors")
    again = from_torch(str(tmp_path / "w.safetensors"), given)
    np.testing.assert_array_equal(again.parameters, given.parameters)
    assert again.class_names == given.class_names


def test_names_are_those_of_the_sequential_in_the_text(tmp_path):
    given = model(NETWORKS["same, odd"])
    assert list(to_torch(given)) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    assert torch_code(given).splitlines() == [
        "from torch import nn",
        "",
        "# Takes rows of shape (n, 2, 9, 8).",
        "# Gives a logit a class; the probabilities are their softmax.",
        "network = nn.Sequential(",
        "    nn.ZeroPad2d((0, 1, 1, 1)),",
        "    nn.Conv2d(2, 4, (3, 2), 1),",
        "    nn.Flatten(),",
        "    nn.Linear(288, 3),",
        ").double()",
    ]
    save_torch(given, tmp_path / "w")
    header = (tmp_path / "w").read_bytes()
    assert b'"format":"pt"' in header
    assert b"nn.Conv2d(2, 4, (3, 2), 1)" in header
    assert set(load_file(tmp_path / "w")) == set(to_torch(given))


def test_the_text_says_the_dtype_and_the_preprocessing():
    text = torch_code(
        model(NETWORKS["linear"], np.float32, preprocessing=Preprocessing("scale", 255.0))
    )
    assert "rows of shape (n, 5), divided by 255.0." in text
    assert text.endswith("\n)\n")
    mean = np.zeros(5)
    standardized = Preprocessing("standardize", mean=mean, deviation=mean + 1)
    text = torch_code(
        model(NETWORKS["linear"], loss="mean_squared_error", preprocessing=standardized)
    )
    assert "(n, 5), after model.preprocessing.apply.\n# Gives the predicted numbers." in text


def test_the_state_dict_is_a_copy():
    given = model(NETWORKS["linear"])
    to_torch(given)["0.weight"][...] = 7
    assert not (given.parameters == 7).any()


def test_a_custom_activation_is_named():
    samplewise.register_activation("cosine", np.cos, lambda z: -np.sin(z))
    try:
        with pytest.raises(ParameterError, match="to_torch: layer 0 has the activation cosine"):
            to_torch(model(Network((5,), (Dense(2, "cosine"), Dense(3)))))
    finally:
        del CUSTOM["cosine"]


def test_weights_of_another_sequential_are_matched_in_their_order():
    given = model(NETWORKS["relu"])
    first, bias, second, last = to_torch(given).values()
    # Numbers of two digits, which a file would put before smaller ones.
    state = {
        "net.10.weight": second,
        "net.10.bias": last,
        "net.2.weight": first,
        "net.2.bias": bias,
    }
    np.testing.assert_array_equal(from_torch(state, given).parameters, given.parameters)


def test_a_network_needs_its_loss_and_gets_names():
    network = NETWORKS["relu"]
    state = {name: W.astype(np.float32) for name, W in to_torch(model(network)).items()}
    found = from_torch(state, network, loss="categorical_cross_entropy")
    assert (found.class_names, found.parameters.dtype) == (("0", "1", "2"), np.float32)
    named = from_torch(state, network, loss=loss_named("poisson"), class_names=["x", "y", "z"])
    assert named.class_names == ("x", "y", "z")
    wide = from_torch({**state, "0.bias": np.zeros(6)}, network, loss="poisson")
    assert (wide.class_names, wide.parameters.dtype) == ((), np.float64)
    half = {name: W.astype(np.float16) for name, W in state.items()}
    assert from_torch(half, network, loss="poisson").parameters.dtype == np.float32


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs the loss whose link"),
        ({"loss": "log_loss"}, "must be one of"),
        ({"loss": "binary_cross_entropy"}, "needs 1 output"),
        ({"loss": "categorical_cross_entropy", "class_names": ["a"]}, "3 different texts"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused(settings, message):
    network = NETWORKS["linear"]
    with pytest.raises(ParameterError, match=message):
        from_torch(to_torch(model(network)), network, **settings)


def test_a_model_keeps_its_own_loss():
    given = model(NETWORKS["linear"])
    with pytest.raises(ParameterError, match="brings its own loss and class_names"):
        from_torch(to_torch(given), given, loss="poisson")


class OnAnotherDevice:
    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


W = np.zeros((3, 5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.bias": None}, "has 0.weight, 0.bias, but the state dict 0.weight"),
        ({"1.running_mean": W}, "'1.running_mean' is not a weight .* to 0.weight, 0.bias"),
        ({"fc1.weight": W}, "'fc1.weight' is not a weight of an nn.Sequential"),
        ({"net.0.weight": W}, "'net.0.weight' is not a weight of an nn.Sequential"),
        ({"1.weight": W}, "but the state dict 0.weight, 0.bias, 1.weight"),
        ({"0.weight": W.T}, r"'0.weight' has shape \(5, 3\), but the network has \(3, 5\) there"),
        ({"0.weight": W.astype(int)}, "'0.weight' must be of float64, .* got int64"),
        ({"0.weight": W * np.nan}, "'0.weight' holds NaN or infinity"),
        ({"0.bias": OnAnotherDevice()}, r"'0.bias' cannot be read as an array .*cpu\(\)"),
    ],
)
def test_a_state_dict_of_another_network_is_refused(change, message):
    given = model(NETWORKS["linear"])
    state = {name: W for name, W in {**to_torch(given), **change}.items() if W is not None}
    with pytest.raises(DataError, match=f"from_torch: .*{message}"):
        from_torch(state, given)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04" + bytes(20), "is a zip archive, .*; write one with safetensors.torch"),
        (b"\x80\x02" + bytes(20), "is a Python pickle"),
        (b"\x10" + bytes(7) + b"{" + bytes(20), "is damaged"),
        (b"", "is empty"),
        (None, "cannot read"),
    ],
)
def test_a_file_that_is_not_safetensors_is_refused(content, message, tmp_path):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    message = message.replace("is a ", "is not a safetensors file but a ", 1)
    with pytest.raises(ModelFileError, match=message):
        from_torch(tmp_path / "file", model(NETWORKS["linear"]))


def test_a_file_of_bfloat16_is_refused_with_the_remedy(tmp_path):
    header = b'{"0.bias":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}}'
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header + bytes(6))
    with pytest.raises(ModelFileError, match=r"holds tensors of BF16; write it from network.float"):
        from_torch(tmp_path / "w", model(NETWORKS["linear"]))
