"""Images are moved as their words say, alike on every backend, and anew in every epoch."""

import numpy as np
import pytest
from scipy import ndimage

from samplewise.data.augmentation import IMAGES_AT_ONCE, Augmentation, Views
from samplewise.data.dataset import Dataset
from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run
from samplewise.network import Conv2D, Dense, Network, multilayer_perceptron
from samplewise.streams import Streams
from samplewise.testing.tolerances import after_steps
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

SHAPE = (2, 7, 6)
IMAGES = np.random.default_rng(0).standard_normal((30, *SHAPE))
ROWS = IMAGES.reshape(30, -1)
LABELS = np.arange(30) % 2
WORDS = "shift 2, rotate 25, noise 0.1"


def stream():
    return Streams(4).of_epoch("augment", 1)


def drawn(words, X=ROWS, shape=SHAPE):
    return Augmentation.from_text(words).draw(X, shape, stream())


def drawn_amounts(shift, rotate):
    """The amounts that a new stream gives first."""
    rng = stream()
    shifts = rng.integers(-shift, shift, (30, 2), endpoint=True)
    return shifts, np.radians(rng.uniform(-rotate, rotate, 30))


@pytest.mark.parametrize("shape", [SHAPE, (84, 1, 1), (1, 12, 7), (2, 1, 42), (1, 84, 1)], ids=str)
@pytest.mark.parametrize(("shift", "rotate"), [(0, 30), (2, 90), (3, 0), (1, 180)])
def test_images_are_moved_as_scipy_moves_them(shape, shift, rotate):
    if shift >= min(shape[1:]):
        shift = 0
    parts = [f"shift {shift}"] * bool(shift) + [f"rotate {rotate}"] * bool(rotate)
    if not parts:
        return
    got = drawn(", ".join(parts), shape=shape).reshape(30, *shape)
    shifts, angles = drawn_amounts(shift, rotate)
    centre = (np.array(shape[1:]) - 1) / 2
    for image, moved, by, angle in zip(ROWS.reshape(30, *shape), got, shifts, angles, strict=True):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        # Places of the source: clipped by hand, as SciPy's own edge mode lies half a pixel beyond.
        offset = centre - turn @ (centre + by)
        where = np.tensordot(turn, np.indices(shape[1:]), 1) + offset[:, None, None]
        where = np.clip(where, 0, (np.array(shape[1:]) - 1)[:, None, None])
        for channel, result in zip(image, moved, strict=True):
            want = ndimage.map_coordinates(channel, where, order=1, mode="nearest")
            np.testing.assert_allclose(result, want, atol=1e-12)


def test_a_shift_moves_whole_pixels_and_continues_the_edge():
    got = drawn("shift 2").reshape(IMAGES.shape)
    for image, moved, (down, right) in zip(IMAGES, got, drawn_amounts(2, 0)[0], strict=True):
        rows = np.clip(np.arange(7) - down, 0, 6)
        columns = np.clip(np.arange(6) - right, 0, 5)
        np.testing.assert_array_equal(moved, image[:, rows][:, :, columns])


def test_noise_has_its_deviation_and_float32_sees_the_same():
    X = np.zeros((2 * IMAGES_AT_ONCE + 3, 100))
    noise = drawn("noise 0.2", X, (1, 10, 10))
    assert noise.std() == pytest.approx(0.2, rel=0.02)
    assert abs(noise.mean()) < 0.01
    assert len(np.unique(noise)) == noise.size
    small = drawn("noise 0.2", X.astype(np.float32), (1, 10, 10))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, noise, rtol=1e-6, atol=1e-9)


def test_every_epoch_has_rows_of_its_own_and_the_caller_keeps_theirs():
    X = ROWS.copy()
    X.flags.writeable = False
    views = Views(X, SHAPE, WORDS, 4)
    first, second = views.of_epoch(1), views.of_epoch(2)
    np.testing.assert_array_equal(views.of_epoch(1), first)
    assert first is not second
    assert (first != second).any()
    assert not first.flags.writeable
    np.testing.assert_array_equal(X, ROWS)
    plain = Views(X, None, None, 4)
    assert plain.of_epoch(1) is plain.of_epoch(2) is X


NETWORKS = {
    "flat": multilayer_perceptron(84, (5,), 1),
    "images": Network(SHAPE, (Conv2D(2, 3, activation="tanh"), Dense(1))),
}
CHOSEN = {"epochs": 3, "learning_rate": 0.05, "augment": WORDS, "shuffle": True, "seed": 4}


def by_hand(network, settings):
    """Train an epoch at a time on rows drawn outside; the weights after it start the next."""
    epochs = range(1, settings.epochs + 1)
    views = Views(ROWS, SHAPE, settings.augment, settings.seed)
    rows = [views.of_epoch(epoch) for epoch in epochs]
    streams = Streams(settings.seed)
    orders = [streams.of_epoch("order", epoch).permutation(30) for epoch in epochs]
    # One long epoch in order: every row once for each epoch, in the order of that epoch.
    X = np.concatenate([part[order] for part, order in zip(rows, orders, strict=True)])
    labels = np.concatenate([LABELS[order] for order in orders])
    alone = TrainingSettings(backend="reference", epochs=1, learning_rate=0.05, seed=4)
    return train(network, X, labels, alone).parameters


def assert_close(got, want):
    allowed = after_steps(100, "float64")
    atol = allowed.relative * np.abs(want).max() + allowed.absolute
    np.testing.assert_allclose(got, want, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("kind", "backend", "plan"),
    [
        ("flat", "reference", "auto"),
        ("images", "reference", "auto"),
        ("images", "vectorized", "auto"),
        ("flat", "vectorized", "direct"),
        ("flat", "vectorized", "blocked"),
        ("flat", "numba_cpu", "direct"),
        ("flat", "numba_cpu", "blocked"),
        ("flat", "numba_cpu", "dual"),
    ],
)
@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_every_plan_trains_on_the_rows_of_the_epoch(kind, backend, plan):
    network = NETWORKS[kind]
    settings = TrainingSettings.from_options(**CHOSEN, backend=backend, plan=plan)
    result = train(network, IMAGES, LABELS, settings)
    wanted = {} if plan == "auto" else {"name": plan}
    assert wanted.items() <= result.history.plan.items()
    assert_close(result.parameters, by_hand(network, settings))


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_networks_at_once_see_the_same_images(backend):
    settings = [
        TrainingSettings.from_options(**{**CHOSEN, "seed": seed}, order_seed=4, backend=backend)
        for seed in (4, 5)
    ]
    together = train_many([NETWORKS["flat"]] * 2, IMAGES, LABELS, settings)
    for own, result in zip(settings, together, strict=True):
        alone = train(NETWORKS["flat"], IMAGES, LABELS, own).parameters
        assert_close(result.parameters, alone)
    apart = [
        settings[0],
        TrainingSettings.from_options(**{**CHOSEN, "shuffle": False}, backend=backend),
    ]
    with pytest.raises(ParameterError, match="share"):
        train_many([NETWORKS["flat"]] * 2, IMAGES, LABELS, apart)


def test_networks_of_other_seeds_need_one_seed_for_what_is_drawn():
    settings = [TrainingSettings(augment="noise 1", seed=seed) for seed in (0, 1)]
    with pytest.raises(ParameterError, match="shuffle and augment draw from it"):
        train_many([NETWORKS["flat"]] * 2, IMAGES, LABELS, settings)


def test_a_plan_is_chosen_for_rows_that_hold_for_one_epoch():
    assert TrainingSettings(epochs=9).workload(5).epochs == 9
    assert TrainingSettings(epochs=9, augment="noise 1").workload(5).epochs == 1


def test_an_experiment_on_images_augments_a_dense_network():
    X = np.random.default_rng(1).integers(0, 255, (40, 30)).astype(np.uint8)
    labels = (np.arange(40) % 2).astype(np.int64)
    pictures = Dataset("dots", X, labels, ("a", "b"), "drawn by a test", (5, 6), 255.0)
    changes = {"epochs": 2, "backend": "vectorized"}
    plain, moved = (
        Experiment.from_options(**changes, augment=augment)
        for augment in (None, "shift 1, rotate 5")
    )
    losses = [run(one, prepare(one, pictures)).history.losses for one in (plain, moved)]
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "'' is not an augmentation; one starts with shift, rotate, noise"),
        ("shfit 2", "did you mean 'shift'"),
        ("shift", "must have one number"),
        ("shift 2 3", "must have one number"),
        ("shift two", "'two' in 'shift two' is not a number"),
        ("shift 1.5", "augment: shift must be a whole number of at least 0, got 1.5"),
        ("shift 0", "augment: shift must be a finite number above 0, got 0.0"),
        ("rotate 181", "rotate must be at most 180 degrees, got 181"),
        ("rotate nan", "augment: rotate must be .* got nan"),
        ("noise -1", "augment: noise must be .* got -1.0"),
        ("noise 1, noise 2", "augment: noise occurs twice"),
        ("noise 1,", "'' is not an augmentation"),
    ],
)
def test_words_that_say_nothing_are_refused_when_built(words, message):
    with pytest.raises(ParameterError, match=message):
        TrainingSettings(augment=words)


def test_a_shift_out_of_sight_is_refused_before_any_work():
    with pytest.raises(ParameterError, match="below the sides of an image, 7 x 6, got 6"):
        train(NETWORKS["images"], IMAGES, LABELS, TrainingSettings(augment="shift 6"))
