"""The record of every performance test, and the conditions it runs under."""

import pytest

from samplewise_bench.conditions import conditions, one_core


@pytest.fixture(autouse=True)
def on_one_core(request):
    """Pin, limit threads, and record both beside the figures.

    The benchmark fixture is asked for here, so that a skipped test does not pay for it.
    """
    benchmark = request.getfixturevalue("benchmark")
    with one_core():
        yield
        recorded = conditions()
    benchmark.extra_info["threads"] = 1
    for name in ("processor", "libraries", "numba_threads", "pinned_to"):
        benchmark.extra_info[name] = recorded[name]
