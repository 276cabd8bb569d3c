"""The arithmetic of a calibration, on a clock that the test moves."""

from samplewise_bench.calibration import (
    EXP_ELEMENTS,
    SAMPLES,
    SQUARE,
    Calibration,
    Product,
    calibrate,
    seconds_a_call,
)


def test_the_time_of_a_call_is_that_of_the_quickest_sample(clock):
    # A first call warms up, a second one says how often a sample calls: once, as it is long.
    times = iter([9.0, 1.0, *(3.0, 0.5, 2.0, 4.0, 4.0, 4.0, 4.0)])
    assert seconds_a_call(lambda: clock.move(next(times))) == 0.5
    assert SAMPLES == 7


def test_short_calls_are_timed_many_at_once(clock):
    calls = []

    def call():
        calls.append(1)
        clock.move(2.0**-10)

    # 4 ms hold four calls of about one.
    assert seconds_a_call(call) == 2.0**-10
    assert len(calls) == 2 + SAMPLES * 4


def test_rates_are_operations_by_time(monkeypatch):
    from samplewise_bench import calibration

    monkeypatch.setattr(calibration, "seconds_a_call", lambda call: 0.5)
    wide = Product(2, 1000, 30)
    found = calibrate("float64", [wide])
    assert found.gflops == {SQUARE: 2 * 512**3 / 0.5 / 1e9, wide: 2 * 2 * 1000 * 30 / 0.5 / 1e9}
    assert found.exp_per_us == EXP_ELEMENTS / 0.5 / 1e6


def test_the_floor_is_in_milliseconds():
    # A million operations at a thousand million a second.
    assert Calibration("float64", {SQUARE: 1.0, Product(1, 1, 1): 9.0}, 1.0).floor_ms(10**6) == 1.0
