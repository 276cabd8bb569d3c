"""Arrays in the place of settings, and of parts of models, are errors of the project's own."""

import dataclasses

import numpy as np
import pytest

import samplewise
from samplewise import Dense, Network, TrainingSettings
from samplewise.errors import SamplewiseError

ARRAYS = {
    "numbers": np.array([0.5, 1.5]),
    "matrix": np.zeros((2, 3)),
    "without dimensions": np.array(0.5),
    "NaN": np.array([np.nan]),
    "NumPy's NaN": np.float64("nan"),
    "text": np.array(["a", "b"]),
    "objects": np.array([object(), None]),
}
X, Y = np.eye(4, 2), np.array([0, 1, 0, 1])
NETWORK = Network((2,), (Dense(1),))
SETTINGS = TrainingSettings(epochs=1, backend="vectorized")
RESULT = samplewise.train(NETWORK, X, Y, SETTINGS)
DATASET = samplewise.Dataset("d", X, Y, ("a", "b"))
# One of each class: an array takes the place of one field of a copy.
MADE = [
    DATASET,
    NETWORK,
    RESULT.model(),
    samplewise.Adagrad(),
    samplewise.Adam(),
    samplewise.AvgPool2D(),
    samplewise.BinaryCrossEntropy(),
    samplewise.CategoricalCrossEntropy(),
    samplewise.Constant(),
    samplewise.Conv2D(2, 3),
    samplewise.Cosine(),
    samplewise.DataSettings(),
    Dense(2),
    samplewise.Dropout(),
    samplewise.EarlyStopping(),
    samplewise.Experiment(),
    samplewise.Exponential(),
    samplewise.Huber(),
    samplewise.InverseRows(),
    samplewise.InverseScaling(),
    samplewise.LayerNorm(),
    samplewise.MaxPool2D(),
    samplewise.NetworkSettings(),
    samplewise.OneCycle(),
    samplewise.Plateau(),
    samplewise.RMSprop(),
    samplewise.SGD(),
    samplewise.Step(every=2),
    SETTINGS,
]
PLACES = [(made, field.name) for made in MADE for field in dataclasses.fields(made) if field.init]


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize(
    ("made", "name"), PLACES, ids=[f"{type(made).__name__}.{name}" for made, name in PLACES]
)
def test_an_array_in_the_place_of_a_part(made, name, array):
    with pytest.raises(SamplewiseError):
        dataclasses.replace(made, **{name: ARRAYS[array]})


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("name", ["parameters", "optimizer_state", "step", "network"])
def test_an_array_in_the_place_of_a_part_of_a_state(name, array):
    state = dataclasses.replace(RESULT.state, **{name: ARRAYS[array]})
    with pytest.raises(SamplewiseError):
        samplewise.train(NETWORK, X, Y, SETTINGS, initial=state)
