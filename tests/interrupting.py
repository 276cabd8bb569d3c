"""Handlers of signals that raise, but not where the tool that measures coverage is at work."""

import signal

LATER_S = 1e-4


def outside_coverage(raised):
    """Return a handler of SIGALRM that calls a function, which raises.

    Where coverage is at work, it would keep its lock for ever: the signal comes again a moment
    later, then.
    """

    def handler(number, frame):
        if _is_in_coverage(frame):
            signal.setitimer(signal.ITIMER_REAL, LATER_S)
        else:
            raised()

    return handler


def _is_in_coverage(frame):
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == "coverage":
            return True
        frame = frame.f_back
    return False
