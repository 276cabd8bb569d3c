"""Each way of training on each shape, one prediction, and many networks at once: float32."""

from __future__ import annotations

import statistics

from suite.problems import (
    BACKENDS,
    FINAL_SHAPE,
    MEASURED_SHAPES,
    PLANS,
    WEIGHED_SHAPES,
    interleaved_rounds,
    planned,
)

NETWORKS = 50
PREDICTIONS = 1000


class OnShape:
    """A shape that one plan trains, warm; a plan that the backend lacks is skipped."""

    params = (PLANS, MEASURED_SHAPES)
    param_names = ("plan", "shape")
    version = "1"

    def setup(self, plan, shape):
        self.training = planned(plan, shape)


class Epoch(OnShape):
    """Time of one epoch after the first, in which a plan may fill its caches."""

    state = None
    repeat = (2, 10, 0.5)
    warmup_time = 0.001

    def setup(self, plan, shape):
        import numpy as np

        from samplewise.training import batches

        super().setup(plan, shape)
        problem, program = self.training.problem, self.training.program
        samples = batches.chunk_samples_of_all([problem.network], program.plan)
        order = batches.fixed_order(len(problem.X))
        self.steps = list(batches.chunks(order, problem.batch_size, problem.learning_rate, samples))
        self.state = self.training.fresh_states()[0]
        self.losses = np.ones(len(problem.X), dtype=problem.dtype)
        self.time_epoch()

    def teardown(self, *_):
        # The next sample starts from fresh weights: nothing of these may be left in the program.
        # asv comes here after a skipped setup too.
        if self.state is not None:
            self.training.program.synchronize(self.state)

    def time_epoch(self, *_):
        problem, program = self.training.problem, self.training.program
        for steps in self.steps:
            program.run_epoch(self.state, problem.X, problem.Y, steps, self.losses)


class Memory(OnShape):
    """Peak memory of a process that trains a shape, its libraries included."""

    params = (PLANS, WEIGHED_SHAPES)

    def peakmem_train(self, *_):
        self.training.run_once()


class Roofline(OnShape):
    """Share reached of the rate of one large matrix product, measured in the same process.

    Counted are the operations of the textbook's loop over a whole training from fresh weights: a
    plan that needs fewer can exceed 1.
    """

    unit = "share"

    def track_roofline(self, *_):
        from samplewise_bench.calibration import calibrate

        ms = [self.training.run_once().seconds * 1e3 for _ in range(interleaved_rounds())]
        problem = self.training.problem
        return calibrate(problem.dtype.name).floor_ms(problem.flops) / statistics.median(ms)


class ManyNetworks:
    """Fifty networks 784-10-1 with their own weights, on the same rows."""

    version = "1"
    repeat = (2, 5, 1.0)
    warmup_time = 0.001

    def setup(self):
        self.together = planned("auto", FINAL_SHAPE, networks=NETWORKS)
        self.alone = planned("auto", FINAL_SHAPE)

    def time_train(self):
        self.together.run_once()

    def track_faster_than_one_after_another(self):
        runs = [
            (self.alone.run_once().seconds, self.together.run_once().seconds)
            for _ in range(interleaved_rounds())
        ]
        alone_s, together_s = map(statistics.median, zip(*runs, strict=True))
        return NETWORKS * alone_s / together_s

    track_faster_than_one_after_another.unit = "times"


class Prediction:
    """A thousand predictions of one row each by 784-10-1: the cost of a row to a service."""

    params = BACKENDS
    param_names = ("backend",)
    version = "1"
    repeat = (2, 10, 0.5)
    warmup_time = 0.001

    def setup(self, backend):
        training = planned("auto", FINAL_SHAPE, backend)
        self.predict = training.program.predict
        self.parameters = training.fresh_states()[0].parameters
        self.row = training.problem.X[:1]

    def time_predict_1000_times(self, _):
        for _ in range(PREDICTIONS):
            self.predict(self.parameters, self.row)
