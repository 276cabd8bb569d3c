"""The report's chosen network, 784-10-1: every backend, batch size and dtype, and their ratios."""

from __future__ import annotations

from suite.problems import BACKENDS, FINAL, MEASURED_DTYPES, PLAIN, interleaved_rounds, warmed

# The row whose network has one hidden unit: the least work a call, so the most overhead.
NARROW = "epochs-10"


class Final:
    """Time of one training of the final configuration from fresh weights, warm."""

    params = ((PLAIN, *BACKENDS), (1, 32), MEASURED_DTYPES)
    param_names = ("contestant", "batch_size", "dtype")
    version = "1"
    repeat = (2, 5, 0.5)
    warmup_time = 0.001

    def setup(self, name, batch_size, dtype):
        if name == PLAIN and batch_size != 1:
            raise NotImplementedError("the report's algorithm has no batches")
        self.training = warmed(FINAL, name, dtype, batch_size)
        self.states = self.training.fresh_states()

    def time_train(self, *_):
        self.training.train(self.states)


class Ratios:
    """Ratios of medians inside one interleaved run, float64."""

    version = "1"
    unit = "times"

    def setup_cache(self):
        """Return the median milliseconds of each contestant, keyed by (row, name, batch size)."""
        from samplewise_bench.conditions import one_core
        from samplewise_bench.timing import TimeSpread, interleave

        keys = [(FINAL, name, batch) for name in BACKENDS for batch in (1, 32)]
        keys += [(FINAL, PLAIN, 1), (NARROW, PLAIN, 1), (NARROW, "reference", 1)]
        # Made first: threads are limited in the libraries that are loaded by then.
        contestants = {
            (row, name, batch): warmed(row, name, "float64", batch).run_once
            for row, name, batch in keys
        }
        with one_core():
            runs = interleave(contestants, interleaved_rounds())
        return {
            key: TimeSpread.of([run.seconds for run in of_key]).median_ms
            for key, of_key in runs.items()
        }

    setup_cache.timeout = 240

    def track_numba_over_reference_batch_1(self, ms):
        return ms[FINAL, "reference", 1] / ms[FINAL, "numba_cpu", 1]

    def track_numba_over_reference_batch_32(self, ms):
        return ms[FINAL, "reference", 32] / ms[FINAL, "numba_cpu", 32]

    def track_vectorized_over_reference_batch_32(self, ms):
        return ms[FINAL, "reference", 32] / ms[FINAL, "vectorized", 32]

    def track_reference_time_over_plain_loop(self, ms):
        return ms[FINAL, "reference", 1] / ms[FINAL, PLAIN, 1]

    def track_reference_time_over_plain_loop_one_unit(self, ms):
        return ms[NARROW, "reference", 1] / ms[NARROW, PLAIN, 1]
