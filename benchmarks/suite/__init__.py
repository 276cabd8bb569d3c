"""asv suite. asv gives each benchmark a process of its own, and this file is read first in it.

Kernel caches need no care here: samplewise names the folder of its compiled kernels after a hash of
their sources, so one commit never runs another's.
"""

import os

# Before NumPy is imported: BLAS libraries read these when they are loaded.
for _library in ("OPENBLAS", "MKL", "OMP", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
