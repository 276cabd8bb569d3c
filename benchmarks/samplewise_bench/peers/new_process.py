"""`python new_process.py FILE`: do the work that FILE holds, in a process that does nothing else.

It writes the seconds that reading the file took: those of a peer's own bookkeeping, which a script
of that library would not have. NumPy, which all of them import, is not part of that.
"""

from __future__ import annotations

import pickle
import sys
import time
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    np.zeros(1)
    began = time.perf_counter()
    work = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - written by our parent
    read_s = time.perf_counter() - began
    work()
    sys.stdout.write(f"{read_s}\n")
