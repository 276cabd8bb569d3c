"""The 14 rows of the report on every backend: batch size 1, float64, as published."""

from __future__ import annotations

from suite.problems import BACKENDS, MEASURED_ROWS, ROWS, interleaved_rounds, warmed

REPORT = "report"


class OnDrawnData:
    """A warmed row with fresh weights, on data that is drawn once for all processes."""

    params = (MEASURED_ROWS, BACKENDS)
    param_names = ("row", "backend")
    version = "1"

    def setup_cache(self):
        """Return the data, which asv hands to every method."""
        from samplewise_bench.problems import report_data

        return report_data()

    def setup(self, data, row, backend):
        self.training = warmed(row, backend, data=data)
        self.states = self.training.fresh_states()


class Training(OnDrawnData):
    """Time of one training from fresh weights, warm."""

    # Slow rows stop after two samples, fast ones take five; a warm-up call comes first.
    repeat = (2, 5, 0.5)
    warmup_time = 0.001

    def time_train(self, *_):
        self.training.train(self.states)


class Memory(OnDrawnData):
    """Peak memory of a process that trains the narrowest and the widest row."""

    params = (("epochs-10", "neurons-60"), BACKENDS)

    def peakmem_train(self, *_):
        self.training.train(self.states)


class Tracked:
    """Figures of interleaved runs; backends that disagree fail here, untimed."""

    params = MEASURED_ROWS
    param_names = ("row",)
    version = "1"

    def setup_cache(self):
        """Run all rows on all backends, and keep plain numbers: no process below needs NumPy."""
        from samplewise_bench.rows import compare_rows

        rows = [ROWS[name] for name in MEASURED_ROWS]
        comparison = compare_rows(rows, BACKENDS, rounds=interleaved_rounds())
        return {
            (result.key.row, result.key.backend): {
                "ms": result.spread.median_ms,
                "loss": result.final_loss,
                "accuracy": result.accuracy,
            }
            for result in comparison.results
        }

    setup_cache.timeout = 400

    # One figure for all backends: setup_cache has checked that their losses agree.

    def track_final_loss(self, results, row):
        return results[row, BACKENDS[0]]["loss"]

    def track_accuracy(self, results, row):
        return results[row, BACKENDS[0]]["accuracy"]

    def track_train_ms(self, results, row, name):
        """Return the median beside the published time, which is a level line in asv's pages."""
        return ROWS[row].train_ms if name == REPORT else results[row, name]["ms"]

    track_final_loss.unit = "nats"
    track_accuracy.unit = "share"
    track_train_ms.unit = "ms"
    track_train_ms.params = (MEASURED_ROWS, (REPORT, *BACKENDS))
    track_train_ms.param_names = ("row", "name")
