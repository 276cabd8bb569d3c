"""Steps of one network by several threads: each takes a part of the batch, then of the parameters.

    meet | forward, loss, backward of its rows | meet | add up and update its parameters | meet

Differs from the reference: a gradient is the sum of the threads' own, each the mean over its rows
times its share of the batch. The order of that sum depends on the number of threads alone.
"""

import numpy as np

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel, routine
from samplewise_backends.numba_cpu.compile.meeting import ABANDONED, arrive, arrived, give_way
from samplewise_backends.numba_cpu.compile.views import (
    call,
    integers_at,
    part,
    record_at,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.direct import gather
from samplewise_backends.numba_cpu.kernels.records import LAYER, SHARED, SHARED_WINDOWS
from samplewise_backends.numba_cpu.kernels.step import update_part
from samplewise_backends.numba_cpu.kernels.stepwise import backward

# Looks at the counter before a thread gives way: some 20 microseconds. The other threads of a step
# come sooner, unless somebody else has their core.
LOOKS = 20_000


@kernel
def meet(counter, awaited, giving_way):
    """Wait until `awaited` arrivals were counted, this one with them; return False if abandoned.

    Args:
        counter: address of the count, 0 before the first meeting and never set back.
        awaited: the number of threads, times that of meetings up to this one.
        giving_way: see `address_of_give_way`.
    """
    arrive(counter)
    looks = 0
    while arrived(counter) < awaited:
        looks += 1
        if looks > LOOKS:
            give_way(giving_way)
    return arrived(counter) < ABANDONED


@inlined_kernel
def _own_gradient(run, first, rows):
    """Write the mean gradient of this thread's part of a batch."""
    net, source = run.steps.network, run.steps.rows
    begin, end = rows * run.thread // run.threads, rows * (run.thread + 1) // run.threads
    net.rows, net.position = end - begin, first + begin
    if net.rows == 0:
        return
    inputs, order = source.inputs, integers_at(source.order, source.stop)
    X = vector_at(source.X, source.samples * inputs, net.tiny)
    gathered = vector_at(source.gathered, source.at_once * inputs, net.tiny)
    gather(X, inputs, order, first + begin, net.rows, gathered, inputs)
    call(net.forward, net)
    call(net.batch_loss, net)
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    backward(net, A, dZ, vector_at(net.gradient, net.gradient_size, net.tiny))


@kernel
def _add_up(run, rows, first, count, gradient):
    """Make `count` entries from `first` on those of the whole batch's mean gradient."""
    threads, own, one = run.threads, part(gradient, first, count), gradient.dtype.type(1)
    net, addresses = run.steps.network, integers_at(run.gradients, threads)
    mine = net.rows
    # A thread without rows has written no gradient: the entries are those of an earlier batch.
    share = gradient.dtype.type(mine) * (one / gradient.dtype.type(rows))
    for i in range(count):
        own[i] = share * own[i] if mine > 0 else gradient.dtype.type(0)
    for t in range(threads):
        theirs = rows * (t + 1) // threads - rows * t // threads
        if t == run.thread or theirs == 0:
            continue
        other = part(vector_at(addresses[t], net.gradient_size, gradient), first, count)
        share = gradient.dtype.type(theirs) * (one / gradient.dtype.type(rows))
        for i in range(count):
            own[i] += share * other[i]


@inlined_kernel
def _update_own(run, rows, gradient, first, count, penalised):
    """Step in this thread's part of `count` parameters."""
    begin, end = count * run.thread // run.threads, count * (run.thread + 1) // run.threads
    if end > begin:
        _add_up(run, rows, first + begin, end - begin, gradient)
        update_part(run.steps.network, first + begin, end - begin, penalised, first + begin)


@inlined_kernel
def _run_window(run):
    """Train on the batches of `run.steps.rows`; return False if the threads are not to go on."""
    net, source, threads = run.steps.network, run.steps.rows, run.threads
    rates = vector_at(run.steps.rates, run.steps.rates_count, np.float64(0))
    gradient = vector_at(net.gradient, net.gradient_size, net.tiny)
    met, size = run.met + threads, source.at_once
    # Nobody begins before the caller does.
    if not meet(run.counter, met, run.giving_way):
        return False
    for first in range(source.start, source.stop, size):
        rows = min(size, source.stop - first)
        if run.steps.rates_count > 0:
            net.hyper.rate = rates[(first - source.start) // size]
        _own_gradient(run, first, rows)
        met += threads
        if not meet(run.counter, met, run.giving_way):
            return False
        for k in range(net.depth):
            layer = record_at(net.layers, k, LAYER, net.tiny)
            if not layer.trained:
                continue
            _update_own(run, rows, gradient, layer.weight, layer.weights, layer.penalised)
            _update_own(run, rows, gradient, layer.bias, layer.biases, 0)
        met += threads
        if not meet(run.counter, met, run.giving_way):
            return False
        net.step += 1
    return True


@routine(SHARED_WINDOWS)
def run_shared(given):
    """Train on windows, with the other threads that were given the same."""
    for window in range(given.windows):
        if not _run_window(record_at(given.runs, window, SHARED, given.tiny)):
            break
