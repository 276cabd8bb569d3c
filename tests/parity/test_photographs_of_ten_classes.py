"""Part 2's networks on real photographs: our backends against each other, and against PyTorch.

Standardised photographs, 80/20 by seed in the proportion of the classes, every row of the 80 %
trained on.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import decided, run
from samplewise.network import initialize
from samplewise.report.experiments import PART_TWO, follow_up_table
from samplewise.report.published import CNN, follow_up_rows
from samplewise.streams import Streams
from samplewise.testing import measures, tolerances
from samplewise.training import batches

REAL_FILE = Path(__file__).parents[2].parent / "shared" / "data" / "sign-digits-28x28.npz"
pytestmark = [
    pytest.mark.real_data,
    # As in `test_certificate`: other tests reach the lines in less time, and wherever they run.
    pytest.mark.no_cover,
    # Rows of the report that do not learn are part of it.
    pytest.mark.filterwarnings("ignore:the network did not learn"),
    pytest.mark.skipif(
        not REAL_FILE.exists(), reason="the real sign digits are not beside the checkout"
    ),
]
SEEDS, CLASSES = (0, 1, 2), 10
# The reference trains the rows one by one: of its epoch a quarter of them is kept.
KEPT_FOR_TESTING = 0.8
ROWS = {row.id: row for row in follow_up_rows()}
# One of each shape: 784-32-10 and 784-128-32-10.
PERCEPTRONS = ("experiment-2", "optimal")
ONE_POINT = 0.01


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    with threadpool_limits(limits=1):
        yield


def experiment(identifier, seed, backend="numba_cpu"):
    settings = Experiment.from_options(
        data=str(REAL_FILE), preprocess="standardize", stratify=True, backend=backend, seed=seed
    )
    table = follow_up_table(ROWS[identifier])
    ((_, (trial,)),) = PART_TWO.trials(settings, CLASSES, 1, [table])
    return trial.experiment.with_options(validation_fraction=None, track_accuracy=False)


@cache
def epoch_of(identifier, backend):
    asked = experiment(identifier, 0, backend)
    return run(asked.with_options(epochs=1, split=KEPT_FOR_TESTING))


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
@pytest.mark.parametrize("identifier", ["base", *PERCEPTRONS, CNN])
def test_backends_agree_on_an_epoch_of_photographs(identifier, backend):
    wanted, got = (epoch_of(identifier, name) for name in ("reference", backend))
    allowed = tolerances.tolerance("adaptive", "float64")
    found = measures.layers(
        "weights",
        wanted.model.network.layout,
        got.model.parameters,
        wanted.model.parameters,
        allowed,
    )
    losses = [np.array(result.history.losses) for result in (got, wanted)]
    found.append(measures.losses(*losses, allowed))
    assert not [str(measure) for measure in found if not measure.passed]
    assert (got.confusion == wanted.confusion).all()


def test_the_small_cnn_tells_nine_of_ten_photographs():
    assert run(experiment(CNN, 0)).test_accuracy >= 0.9


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("identifier", PERCEPTRONS)
def test_perceptrons_are_as_right_as_in_pytorch_from_the_same_weights(identifier, seed):
    torch = pytest.importorskip("torch", reason="the judge is PyTorch, which is not here")
    ours = run(experiment(identifier, seed))
    theirs = judged(torch, experiment(identifier, seed))
    assert abs(ours.test_accuracy - theirs) <= ONE_POINT


def judged(torch, asked):
    """Return the test accuracy of PyTorch's network: our weights, order and Adam."""
    data = prepare(asked)
    network, _ = decided(asked, data)
    asked = asked.training
    streams = Streams(asked.seed)
    weights = initialize(network, asked.init, streams.of_run("init"), np.dtype(asked.dtype))
    tensors = [
        torch.tensor(view.copy(), requires_grad=True)
        for view in network.layout.views(weights).values()
    ]
    optimizer = torch.optim.Adam(tensors, asked.learning_rate, eps=asked.optimizer.epsilon)
    X, labels = torch.tensor(data.X), torch.tensor(data.training.labels)
    orders = batches.Orders(len(X), asked.seed)
    for epoch in range(1, asked.epochs + 1):
        order = torch.tensor(orders.of_epoch(epoch).copy())
        for chosen in order.split(asked.batch_size):
            optimizer.zero_grad()
            logits = logits_of(torch, tensors, X[chosen])
            torch.nn.functional.cross_entropy(logits, labels[chosen]).backward()
            optimizer.step()
    seen = torch.tensor(data.preprocessing.apply(data.test.X))
    with torch.no_grad():
        guesses = logits_of(torch, tensors, seen).argmax(1).numpy()
    return (guesses == data.test.labels).mean()


def logits_of(torch, tensors, a):
    *hidden, last = zip(tensors[::2], tensors[1::2], strict=True)
    for weight, bias in hidden:
        a = torch.relu(torch.nn.functional.linear(a, weight, bias))
    return torch.nn.functional.linear(a, *last)
