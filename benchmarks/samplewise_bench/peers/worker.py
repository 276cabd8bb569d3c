"""A process that holds one peer, stays alive, and runs it when told to.

Libraries share a process badly: each brings its own BLAS and OpenMP, reads its thread settings
once, and slows the imports of the next. Requests and replies are pickles on stdin and stdout, and
come only from and go only to the process that started this one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from samplewise_bench.peers.host import Host, serve
from samplewise_bench.peers.task import peer_named


def main() -> None:
    """Serve the peer named first on the processor cores named second, as in "jax 0,1"."""
    name, numbers = sys.argv[1:]
    cores = [int(number) for number in numbers.split(",")]
    # The parent gets the interrupt too, and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    # What a library prints must not land among the replies.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError):
        serve(Host(peer_named(name), len(cores)), sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
