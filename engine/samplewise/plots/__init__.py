"""Pictures, as the bytes of PNG files."""

import os
from contextlib import suppress

# Drawing to memory needs no screen, and an unknown one in the environment would stop the import.
_screen = os.environ.pop("MPLBACKEND", None)
try:
    import matplotlib as mpl
finally:
    if _screen is not None:
        os.environ["MPLBACKEND"] = _screen

if _screen is not None:
    # For the displays and the user's own figures, such as those of a notebook.
    with suppress(ValueError):
        mpl.rcParams["backend"] = _screen
