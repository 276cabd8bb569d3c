"""NumPy, imported when it is first used.

Descriptions of a run (layers, losses, optimizers, schedules, settings) compute next to nothing.
So the help of a command, which is made of them, does not wait for the import of NumPy.
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
