"""How the tests start samplewise in a process of its own."""

import sys

_MAIN = "import sys; from samplewise.cli.app import main; sys.exit(main())"
SAMPLEWISE = [sys.executable, "-c", _MAIN]
