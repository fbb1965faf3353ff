#!/bin/sh
# Runs the checks of this checkout.
#   sh tests/run.sh            the gate: lint, types, unit tests on Python 3.11, all tests but long ones
#   sh tests/run.sh --unit     unit tests only
#   sh tests/run.sh --long     the gate, long tests included
#   sh tests/run.sh TABLE...   these tables only (`python -m tests.tables --list`)
# PYTHON=/path/to/python chooses the one Python to use; else it is the newest of 3.13, 3.12, 3.11.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
program=tests/run.sh
# shellcheck source=deploy/python.sh
. "$root/deploy/python.sh"
cd "$root"

UNIT="tests/unit tests/wire tests/property tests/fuzz tests/test_layout.py tests/test_architecture.py"
OLDEST=3.11

# Independent programs that judge the product; without one, what needs it is skipped and says so.
need_peers() {
    missing=""
    for pair in sipp:sip-tester baresip:baresip-core tshark:tshark tcpdump:tcpdump; do
        command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "without$missing, tests that need them are skipped (install: apt-get install$missing)"
        return 0
    fi
    say "installing$missing"
    if command -v debconf-set-selections >/dev/null; then
        echo "wireshark-common wireshark-common/install-setuid boolean false" | debconf-set-selections
    fi
    # shellcheck disable=SC2086 # a list of package names
    apt_install $missing || say "could not; tests that need them are skipped"
}

step() {
    printf '== %s %s\n' "$(date +%H:%M:%S)" "$*"
}

check_source() {
    step "lint"
    "$venv/bin/ruff" check --quiet .
    "$venv/bin/ruff" format --check --quiet .
    step "types: mypy"
    "$venv/bin/mypy"
    step "types: pyright"
    "$venv/bin/pyright" --pythonpath "$venv/bin/python" --pythonversion "$(version_of "$python")"
}

# Runs pytest of the environment $1 with further arguments; skipped tests show their reasons.
test_with() {
    interpreter=$1/bin/python
    shift
    "$interpreter" -m pytest -q -rs "$@"
}

unit_tests_on_oldest() {
    [ -z "${PYTHON:-}" ] && [ "$(version_of "$python")" != "$OLDEST" ] || return 0
    if ! oldest=$(find_version "$OLDEST"); then
        step "unit tests on Python $OLDEST: skipped, there is none here"
        return 0
    fi
    step "unit tests on Python $OLDEST"
    oldest_venv=$(environment "$oldest" "[dev]")
    # shellcheck disable=SC2086 # a list of paths
    test_with "$oldest_venv" $UNIT
}

gate() {
    need_peers
    check_source
    unit_tests_on_oldest
    step "tests on Python $(version_of "$python")"
    test_with "$venv" "$@"
}

python=$(find_python)
venv=$(environment "$python" "[dev]")
case "${1:-}" in
    "")
        gate -m "not long"
        ;;
    --unit)
        # shellcheck disable=SC2086 # a list of paths
        test_with "$venv" $UNIT
        ;;
    --long)
        gate
        ;;
    -*)
        fail "no option $1; there are --unit and --long, and tables by name"
        ;;
    *)
        need_peers
        status=0
        for table in "$@"; do
            "$venv/bin/python" -m tests.tables "$table" || status=1
        done
        exit $status
        ;;
esac
