"""Deeper networks, the work of `samplewise bench --peers`: an MLP with Adam, and a small CNN."""

from __future__ import annotations

from suite.problems import BACKENDS, WORKLOADS, workload


class Workload:
    """One training from fresh weights, warm; float32. The reference has a few rows only."""

    params = (BACKENDS, WORKLOADS)
    param_names = ("backend", "workload")
    version = "1"
    repeat = (2, 5, 1.0)
    warmup_time = 0.001

    def setup(self, backend, name):
        self.training = workload(name, backend)
        self.states = self.training.fresh_states()

    def time_train(self, *_):
        self.training.train(self.states)

    def track_final_loss(self, *_):
        return self.training.run_once().final_loss

    track_final_loss.unit = "loss"
