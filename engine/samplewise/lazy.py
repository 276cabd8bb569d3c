"""NumPy, imported when it is first used.

Descriptions of a run (layers, losses, optimizers, schedules, settings) compute next to nothing.
With NumPy left out until then, the help of a command is made of them without its import time.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
else:
    # A module, so that the interpreter reads a name that was found as fast as from NumPy itself.
    np = ModuleType("numpy")

    def _first_use(name: str) -> Any:
        import numpy

        value = getattr(numpy, name)
        setattr(np, name, value)
        return value

    np.__getattr__ = _first_use

__all__ = ["np"]
