"""Pictures, as the bytes of PNG files."""

import os

# Drawing to memory needs no screen, and an unknown one in the environment would stop the import.
_screen = os.environ.pop("MPLBACKEND", None)
try:
    import matplotlib  # noqa: F401
finally:
    if _screen is not None:
        os.environ["MPLBACKEND"] = _screen
