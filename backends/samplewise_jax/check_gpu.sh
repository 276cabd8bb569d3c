#!/bin/sh
# Checks the backend on a graphics processor, in the Python of $PYTHON; checks/check_gpu.py says what.
exec "${PYTHON:-python}" "$(dirname "$0")/checks/check_gpu.py" "$@"
