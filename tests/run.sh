#!/bin/sh
# Runs the checks of this checkout.
#   sh tests/run.sh            the gate: lint, types, unit tests on Python 3.11, all tests but long ones;
#                              what needs openai-agents in an environment of its own (websockets 16)
#   sh tests/run.sh --agents   only what needs openai-agents
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
# What needs openai-agents, and what holds on the websockets that comes with it as on the newest.
NEED_AGENTS="tests/e2e/test_realtime_rows_adapter.py tests/e2e/test_differential.py
    tests/e2e/test_agents_sdk_*.py tests/e2e/test_local_server_openai*.py
    tests/unit/test_app_agents_sdk_*.py"
ON_WEBSOCKETS_16="tests/e2e/test_realtime_rows_[b-m].py tests/unit/test_engine_realtime_socket.py
    tests/unit/test_engine_websocket_*.py"
AGENTS_TABLES=" realtime-rows differential "
OLDEST_AGENTS=0.21.0
ON_OLDEST_AGENTS="tests/e2e/test_realtime_rows_adapter.py tests/unit/test_app_agents_sdk_*.py"

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

agents_environment() {
    environment "$python" "[agents,test]" -agents
}

tests_with_agents() {
    step "openai-agents: its own environment"
    agents_venv=$(agents_environment)
    step "openai-agents: types"
    # shellcheck disable=SC2046 # a list of paths
    "$venv/bin/mypy" --cache-dir .mypy_cache/agents --python-executable "$agents_venv/bin/python" $(
        find telephony/app/agents_sdk tests -name '*.py' \
            \( -path '*agents_sdk*' -o -name '*adapter*' -o -name '*differential*' \)
    )
    "$venv/bin/pyright" --project tests/pyright-agents.json \
        --pythonpath "$agents_venv/bin/python" --pythonversion "$(version_of "$python")"
    step "openai-agents: tests on websockets 16"
    # shellcheck disable=SC2086 # lists of paths
    test_with "$agents_venv" $NEED_AGENTS $ON_WEBSOCKETS_16
    step "openai-agents: tests with $OLDEST_AGENTS"
    oldest_agents="$agents_venv/openai-agents-$OLDEST_AGENTS"
    [ -d "$oldest_agents" ] || quietly "$agents_venv/bin/python" -m pip install --no-input \
        --disable-pip-version-check --no-deps --target "$oldest_agents" \
        "openai-agents==$OLDEST_AGENTS" || fail "could not install openai-agents $OLDEST_AGENTS"
    # shellcheck disable=SC2086 # a list of paths
    PYTHONPATH="$oldest_agents" test_with "$agents_venv" $ON_OLDEST_AGENTS
}

# Runs table $1 where what it needs is installed.
table() {
    case "$AGENTS_TABLES" in
        *" $1 "*) interpreter="$(agents_environment)/bin/python" ;;
        *) interpreter="$venv/bin/python" ;;
    esac
    "$interpreter" -m tests.tables "$1"
}

unit_tests() {
    step "unit tests on Python $(version_of "$python")"
    # shellcheck disable=SC2086 # a list of paths
    test_with "$venv" $UNIT
}

# The unit tests take one processor beside the rest; the calls of the other tests have both.
gate() {
    need_peers
    beside=$(mktemp)
    (
        unit_tests_on_oldest
        unit_tests
    ) >"$beside" 2>&1 &
    units=$!
    trap 'wait; cat "$beside"; rm -f "$beside"' EXIT
    check_source
    tests_with_agents
    step "unit tests: waiting for those on Pythons $OLDEST and $(version_of "$python")"
    wait "$units" || exit 1
    trap - EXIT
    cat "$beside"
    rm -f "$beside"
    step "all other tests on Python $(version_of "$python")"
    # shellcheck disable=SC2046,SC2086 # lists of paths
    test_with "$venv" $(printf -- '--ignore=%s ' $NEED_AGENTS $UNIT) "$@"
}

python=$(find_python)
venv=$(environment "$python" "[dev]")
case "${1:-}" in
    "")
        gate -m "not long"
        ;;
    --unit)
        unit_tests
        ;;
    --long)
        gate
        ;;
    --agents)
        tests_with_agents
        ;;
    -*)
        fail "no option $1; there are --unit, --long and --agents, and tables by name"
        ;;
    *)
        need_peers
        status=0
        for name in "$@"; do
            table "$name" || status=1
        done
        exit $status
        ;;
esac
