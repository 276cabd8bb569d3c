"""A step of this backend that is wrong is found by samplewise's check."""

import pytest

from samplewise.contract import Capabilities
from samplewise.testing import certify
from samplewise_jax import JaxBackend, activations, compiled, losses, optimizers


class Small(JaxBackend):
    """The backend with few capabilities, so that its check takes seconds."""

    capabilities = Capabilities.of(
        layers=["dense"],
        activations=["identity", "tanh"],
        losses=["mean_squared_error"],
        optimizers=["sgd"],
        dtypes=["float64"],
    )


def half_gradient(z, y, _):
    e = z - y
    return (e * e).mean(), e / len(z)


def wrong_sign(theta, g, slots, k):
    return theta + k["eta"] * g, ()


@pytest.mark.parametrize(
    ("table", "name", "wrong", "rung"),
    [
        (losses.LOSSES, "mean_squared_error", half_gradient, "gradient"),
        (activations.ACTIVATIONS, "tanh", lambda z: z, "kernel"),
        (optimizers.UPDATES, "sgd", wrong_sign, "run"),
    ],
)
def test_a_wrong_formula_is_rejected(monkeypatch, table, name, wrong, rung):
    monkeypatch.setitem(table, name, wrong)
    compiled.compiled.cache_clear()
    try:
        certificate = certify(Small(), rungs=[rung])
        assert certificate.rungs[0].failed > 0
    finally:
        monkeypatch.undo()
        compiled.compiled.cache_clear()
