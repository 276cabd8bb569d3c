"""`samplewise export` writes what `save_torch` does."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from samplewise import load_model, to_torch, torch_code


def test_weights_are_written_and_the_network_that_takes_them_is_printed(cli, trained):
    ended = cli("export", trained, "--out", "w.safetensors")
    model = load_model(trained / "model.safetensors")
    assert (ended.code, ended.out) == (0, torch_code(model))
    assert ended.err == "wrote w.safetensors\n"
    written = load_file("w.safetensors")
    for name, weights in to_torch(model).items():
        np.testing.assert_array_equal(written[name], weights)


def test_a_file_is_replaced_on_request_only_and_the_model_never(cli, trained):
    file = trained / "model.safetensors"
    assert cli("export", file, "--out", "w").code == 0
    ended = cli("export", file, "--out", "w")
    assert (ended.code, ended.err) == (
        2,
        "error: w exists already; name another file, or pass --force\n",
    )
    assert cli("export", file, "--out", "w", "--force").code == 0
    ended = cli("export", file, "--out", file, "--force")
    assert ended.code == 2
    assert "is an input of this command" in ended.err


@pytest.mark.parametrize("name", ["w.pt", "w.PTH", "w.npz"])
def test_a_name_of_another_format_is_refused(cli, trained, name):
    ended = cli("export", trained, "--out", name)
    assert ended.code == 2
    assert ended.err == (
        f"error: cannot write {name}: weights are written as safetensors; end the name in "
        ".safetensors\n"
    )
    assert not Path(name).exists()


def test_a_missing_option_is_named(cli, trained):
    ended = cli("export", trained)
    assert ended.code == 2
    assert "--out" in ended.err
