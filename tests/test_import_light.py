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


def loaded_after(statement, cwd=None):
    code = f"{statement}\nimport sys\nprint(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
        timeout=120,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "statement",
    ["import samplewise", "from samplewise import Experiment, Network, Dense, TrainingSettings"],
)
def test_describing_a_run_loads_nothing_heavy(statement):
    assert loaded_after(statement).isdisjoint(HEAVY)


def test_a_free_threaded_python_is_refused_in_one_error():
    said = "3.14.1 free-threading build (main)"
    code = f"import sys; sys.version = {said!r}; import samplewise"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: samplewise: needs a Python with the GIL, got a free-")
    assert "3.14.1; install it with one without a t" in last


def test_training_with_numpy_loads_neither_numba_nor_scikit_learn_nor_plots():
    statement = (
        "import samplewise as s\n"
        "s.train(s.multilayer_perceptron(2, (2,), 1), [[0., 1.], [1., 0.]], [0, 1],"
        " s.TrainingSettings(backend='reference', epochs=1))"
    )
    loaded = loaded_after(statement)
    assert loaded.isdisjoint({"numba", "sklearn", "matplotlib", "typer", "rich"})


def test_bundled_datasets_are_read_without_scikit_learn():
    loaded = loaded_after("from samplewise.data.loading import load; load('digits'); load('wine')")
    assert loaded.isdisjoint(NOT_FOR_TRAINING)


def test_the_displays_load_matplotlib_when_one_is_drawn_and_never_scikit_learn():
    loaded = loaded_after("from samplewise import TrainingCurveDisplay, WeightsDisplay")
    assert loaded.isdisjoint({"numba", "sklearn", "matplotlib", "typer", "rich"})


def test_without_docstrings_estimators_can_be_imported_and_fit():
    code = (
        "from samplewise import CNNClassifier, MLPClassifier, NeuralNetRegressor\n"
        "assert MLPClassifier.__doc__ is None or 'Attributes' not in MLPClassifier.__doc__\n"
        "MLPClassifier((2,), solver='lbfgs', backend='reference').fit([[0.0], [1.0]], [0, 1])"
    )
    subprocess.run([sys.executable, "-OO", "-W", "ignore", "-c", code], check=True, timeout=120)


def test_pictures_leave_the_screen_of_the_environment_to_pyplot():
    code = (
        "import os; os.environ['MPLBACKEND'] = 'svg'\n"
        "import samplewise.plots\n"
        "import matplotlib.pyplot as plt\n"
        "assert plt.get_backend() == 'svg', plt.get_backend()"
    )
    loaded_after(code)


NOT_FOR_TRAINING = {"numba", "llvmlite", "scipy", "sklearn", "pandas", "coverage", "pydantic"}


def test_a_script_that_trains_with_numpy_loads_numpy_alone():
    statement = (
        "import numpy as np, samplewise as s\n"
        "s.train(s.multilayer_perceptron(9, (2,), 1), np.eye(9), np.arange(9) % 2,"
        " s.TrainingSettings(backend='vectorized', epochs=1))"
    )
    loaded = loaded_after(statement)
    assert loaded.isdisjoint(NOT_FOR_TRAINING | {"matplotlib", "typer", "rich", "PIL"})


def test_the_command_loads_matplotlib_once_its_result_is_printed_and_kept(tmp_path):
    statement = (
        "import sys\n"
        "from pathlib import Path\n"
        "from samplewise.cli import app, console\n"
        "table = console.table\n"
        "def shows(*given, **named):\n"
        "    table(*given, **named)\n"
        "    at_result.update(m.split('.')[0] for m in sys.modules)\n"
        "    kept.extend(path.name for path in Path('run').iterdir())\n"
        "console.table, at_result, kept = shows, set(), []\n"
        "app.main(['train', '--classes', '4,9', '--backend', 'vectorized', '--epochs', '1',"
        " '--out', 'run'])\n"
        "assert at_result.isdisjoint({'matplotlib', 'PIL'}), at_result\n"
        "assert 'model.safetensors' in kept and 'loss.png' not in kept, kept\n"
        "assert Path('run/loss.png').exists()"
    )
    assert loaded_after(statement, cwd=tmp_path).isdisjoint(NOT_FOR_TRAINING)


def test_every_public_name_is_there():
    for name in samplewise.__all__:
        assert getattr(samplewise, name) is not None
    assert set(samplewise.__all__) == set(dir(samplewise))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        samplewise.trian  # noqa: B018
