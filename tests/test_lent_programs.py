"""The first call of a model borrows a program, which the next model of its kind has then."""

import gc
import weakref

import numpy as np
import pytest

from samplewise import registry
from samplewise.model.programs import MOST_BYTES, PREDICTED_AT_ONCE, PREDICTING
from samplewise.network import Dense, Network
from samplewise.network.custom import CUSTOM_ACTIVATIONS, register_activation
from samplewise.network.losses import CategoricalCrossEntropy
from samplewise.training.result import model_of

BACKENDS = ("vectorized", "numba_cpu")
LOSS = CategoricalCrossEntropy()
NETWORK = Network((4,), (Dense(5, "relu"), Dense(3)))
RNG = np.random.default_rng(3)
X, OTHER = RNG.standard_normal((2, 300, 4))


def model_with(network=NETWORK, backend="numba_cpu", seed=0, dtype=np.float64):
    weights = np.random.default_rng(seed).standard_normal(network.layout.size)
    names = tuple(map(str, range(network.outputs)))
    return model_of(network, LOSS, weights.astype(dtype), names, backend)


@pytest.fixture
def compiled(monkeypatch):
    """Networks that a program was compiled for."""
    seen = []

    def counting(own):
        return lambda self, network, *rest: seen.append(network) or own(self, network, *rest)

    for kind in (type(registry.load(name)) for name in BACKENDS):
        monkeypatch.setattr(kind, "compile", counting(kind.compile))
    return seen


@pytest.mark.parametrize("backend", BACKENDS)
def test_models_of_equal_networks_borrow_one_program_with_the_bits_of_their_own(backend, compiled):
    wanted = []
    for seed in range(3):
        wanted.append(model_with(backend=backend, seed=seed).logits(X).tobytes())
        PREDICTING.clear()
    compiled.clear()
    equal = Network((4,), (Dense(5, "relu"), Dense(3)))
    found = [model_with(equal, backend, seed).logits(X).tobytes() for seed in range(3)]
    assert found == wanted
    assert len(compiled) == 1


def test_what_one_model_overflowed_reaches_no_other():
    wanted = model_with(seed=1).logits(X).tobytes()
    huge = model_with(seed=2)
    huge.parameters[...] *= 1e200
    assert not np.isfinite(huge.logits(X)).all()
    assert model_with(seed=1).logits(X).tobytes() == wanted


def test_from_the_second_call_on_a_model_has_its_own(compiled):
    one, other = model_with(), model_with(seed=1)
    expected = one.logits(X).tobytes()
    assert one.logits(X).tobytes() == expected
    assert len(compiled) == 1
    other.logits(X)
    assert len(compiled) == 2
    assert one.logits(X).tobytes() == expected
    assert len(compiled) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"network": Network((4,), (Dense(5, "tanh"), Dense(3)))},
        {"dtype": np.float32},
        {"backend": "vectorized"},
    ],
)
def test_another_kind_has_a_program_of_its_own(other, compiled):
    model_with().logits(X)
    model_with(**other).logits(X)
    assert len(compiled) == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_that_is_kept_holds_no_rows_and_no_weights(backend):
    rows, model = X.copy(), model_with(backend=backend)
    held = [weakref.ref(rows), weakref.ref(model.parameters)]
    model.logits(rows)
    del rows, model
    gc.collect()
    assert [one() for one in held] == [None, None]


def test_large_buffers_are_not_kept(compiled):
    units = MOST_BYTES // (8 * PREDICTED_AT_ONCE)
    for hidden, count in ((units - 4 - 3, 1), (units - 4 - 2, 2)):
        compiled.clear()
        network = Network((4,), (Dense(hidden, "relu"), Dense(3)))
        for _ in range(2):
            model_with(network).logits(X)
        assert len(compiled) == count


def test_a_program_whose_call_failed_is_not_kept(compiled, monkeypatch):
    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("samplewise_backends.numba_cpu.program.NumbaProgram.predict", fail)
        with pytest.raises(MemoryError):
            model_with().logits(X)
    model_with().logits(X)
    assert len(compiled) == 2


def test_an_activation_that_is_registered_anew_is_the_new_one():
    found = []
    for factor in (0.5, 0.25):
        register_activation(
            "a_part",
            lambda z, factor=factor: factor * z,
            lambda z, factor=factor: np.full_like(z, factor),
            replace=bool(found),
        )
        network = Network((4,), (Dense(5, "a_part"), Dense(3)))
        found.append(model_with(network, "vectorized").logits(X).tobytes())
    del CUSTOM_ACTIVATIONS.table["a_part"]
    assert found[0] != found[1]
