import jax
import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Steps, TrainingState
from samplewise.network import SGD, Dense, Network, loss_named

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def backend():
    return registry.load("jax")


@pytest.fixture
def compiles():
    """A list that grows by one with everything that XLA compiles."""
    found = []

    def listen(event, seconds, **_):
        if event == COMPILED:
            found.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield found
    jax.monitoring.unregister_event_duration_listener(listen)


class Training:
    """A small network in training, by calls of its program."""

    rows, batch_size = 50, 4

    def __init__(self, backend, **changes):
        settings = {"optimizer": SGD(), "dtype": "float64", "workload": None} | changes
        self.network = Network((5,), changes.get("layers", (Dense(3, "tanh"), Dense(2))))
        self.dtype, optimizer = np.dtype(settings["dtype"]), settings["optimizer"]
        loss = loss_named("mean_squared_error")
        self.program = backend.compile(
            self.network, loss, optimizer, self.dtype, settings["workload"]
        )
        rng = np.random.default_rng(0)
        self.X = rng.standard_normal((self.rows, 5)).astype(self.dtype)
        self.Y = rng.standard_normal((self.rows, 2)).astype(self.dtype)
        parameters = self.network.layout.zeros(self.dtype)
        for view in self.network.layout.views(parameters).values():
            view[...] = rng.standard_normal(view.shape)
        slots = np.zeros(optimizer.slots * len(parameters), self.dtype)
        self.state = TrainingState(parameters, slots)

    def run(self, order=None, start=0, stop=None, rate=0.1, **fields):
        """Make the steps of a window; return its losses."""
        order = np.arange(self.rows) if order is None else order
        stop = self.rows if stop is None else stop
        losses = np.full(self.rows, np.nan, self.dtype)
        steps = Steps(order, start, stop, self.batch_size, rate, **fields)
        self.program.run_epoch(self.state, self.X, self.Y, steps, losses)
        return losses[start:stop]


@pytest.fixture
def training(backend):
    return lambda **changes: Training(backend, **changes)
