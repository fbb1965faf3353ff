#!/bin/sh
# Sets up what the phone agent needs, in this checkout, and answers calls: no key, no network.
#   sh deploy/run.sh [ARGUMENTS of `telephony serve`]
# PYTHON=/path/to/python chooses the Python; else it is the newest of 3.13, 3.12 and 3.11.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
program=deploy/run.sh
. "$root/deploy/python.sh"

python=$(find_python)
venv=$(environment "$python" "")
exec "$venv/bin/python" -m telephony serve "$@"
