"""An environment for asv that holds exactly dev.lock; asv.conf.json names it.

asv's own kind asks pip for the newest wheel, build, asv_runner, pympler and build backend.
"""

from pathlib import Path

from asv.plugins.virtualenv import Virtualenv

HERE = Path(__file__).resolve().parent


class LockedEnvironment(Virtualenv):
    """A virtual environment, filled as all others of the project."""

    tool_name = "locked"

    def _install_requirements(self) -> None:
        self.run([str(HERE / "install.py"), str(HERE / "dev.lock")])
