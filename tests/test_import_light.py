"""`import samplewise` stays light: heavy libraries come when first needed."""

import subprocess
import sys

import pytest

import samplewise

HEAVY = (
    "numba",
    "sklearn",
    "matplotlib",
    "scipy",
    "typer",
    "rich",
    "pooch",
    "PIL",
    "jinja2",
    "samplewise_backends",
)


def loaded_after(statement):
    code = f"{statement}\nimport sys\nprint(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import samplewise", "from samplewise import Experiment, Network, Dense, TrainingSettings"],
)
def test_describing_a_run_loads_nothing_heavy(statement):
    assert loaded_after(statement).isdisjoint(HEAVY)


def test_training_with_numpy_loads_neither_numba_nor_scikit_learn_nor_plots():
    statement = (
        "import samplewise as s\n"
        "s.train(s.multilayer_perceptron(2, (2,), 1), [[0., 1.], [1., 0.]], [0, 1],"
        " s.TrainingSettings(backend='reference', epochs=1))"
    )
    loaded = loaded_after(statement)
    assert loaded.isdisjoint({"numba", "sklearn", "matplotlib", "typer", "rich"})


def test_every_public_name_is_there():
    for name in samplewise.__all__:
        assert getattr(samplewise, name) is not None
    assert set(samplewise.__all__) == set(dir(samplewise))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        samplewise.trian  # noqa: B018
