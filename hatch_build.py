"""Put compiled kernels into the wheel, where it is built on a processor that they can be built for.

The source distribution and an editable install hold none: there, kernels are compiled at first use.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILD = "samplewise_backends.numba_cpu.build"
INSIDE = "samplewise_backends/numba_cpu/prebuilt"
SOURCES = ("engine", "backends")
PROCESSORS = ("x86_64", "AMD64")


class KernelsHook(BuildHookInterface):
    """Compiles the kernels for the levels of a processor that pyproject.toml names."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the objects, and name the platform that they are for.

        Args:
            version: "standard", or "editable".
            build_data: of the wheel; gets the objects' folder and the tag.
        """
        if "free-threading build" in sys.version:
            sys.exit("samplewise: needs a Python with the GIL, got a free-threaded build")
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        missing = why_none() or compiled_into(
            self._folder.name, self.config["levels"], Path(self.root)
        )
        if missing:
            self.app.display_warning(f"the wheel has no compiled kernels: {missing}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"
        build_data["force_include"][self._folder.name] = INSIDE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the objects, of which the wheel has its copies now."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def why_none() -> str:
    """Return why no kernel can be compiled here; empty if nothing is in the way."""
    if platform.machine() not in PROCESSORS:
        return f"they can be built for x86-64 only, and this is {platform.machine()}"
    return "" if find_spec("numba") else "numba is not installed"


def compiled_into(folder: str, levels: list[str], root: Path) -> str:
    """Compile all kernels into a folder, in a process of its own; return why that failed."""
    before = [path for path in [os.environ.get("PYTHONPATH")] if path]
    paths = os.pathsep.join([*(str(root / name) for name in SOURCES), *before])
    own = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    chosen = [word for level in levels for word in ("--level", level)]
    command = [sys.executable, "-m", BUILD, *chosen, "--into", folder]
    done = subprocess.run(command, env={**os.environ, **own}, check=False)  # noqa: S603
    return f"`{BUILD}` ended with {done.returncode}" if done.returncode else ""


def platform_tag() -> str:
    """Return this platform as the name of a wheel has it."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
