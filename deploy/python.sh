# Finds a Python and keeps a virtual environment for it; for deploy/run.sh and tests/run.sh.
# They set `root`, the checkout, and `program`, their own name, before they read this.

VERSIONS="3.13 3.12 3.11"

say() {
    printf '%s: %s\n' "$program" "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

# Whether $1 really runs and is Python $2: pyenv's shims are on PATH for versions they then refuse.
runs_as() {
    [ -x "$1" ] && [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$2" ]
}

# Prints the path of the first Python $1 that runs: on PATH, then where pyenv keeps its own.
find_version() {
    old_ifs=$IFS
    IFS=:
    for folder in $PATH; do
        if runs_as "$folder/python$1" "$1"; then
            IFS=$old_ifs
            printf '%s\n' "$folder/python$1"
            return 0
        fi
    done
    IFS=$old_ifs
    for candidate in "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$1"*/bin/"python$1"; do
        if runs_as "$candidate" "$1"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# Prints the Python to use: $PYTHON where it is set, else the newest that runs.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        chosen=$(command -v "$PYTHON") || fail "PYTHON=$PYTHON is no program"
        for version in $VERSIONS; do
            if runs_as "$chosen" "$version"; then
                printf '%s\n' "$chosen"
                return 0
            fi
        done
        fail "PYTHON=$PYTHON does not run as one of $VERSIONS"
    fi
    for version in $VERSIONS; do
        find_version "$version" && return 0
    done
    fail "needs Python 3.13, 3.12 or 3.11, on PATH or by pyenv; or say PYTHON=/path/to/python"
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

# Debian's bare Python cannot make environments. Installs what is missing, or says how.
need_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return 0
    package="python$(version_of "$1")-venv"
    command -v apt-get >/dev/null || fail "$1 lacks the modules venv and ensurepip"
    [ "$(id -u)" = 0 ] || fail "$1 cannot make environments; run: sudo apt-get install $package"
    say "installing $package"
    apt_install "$package" || fail "could not install $package"
}

# Runs a command; what it says is shown only when it fails.
quietly() {
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
}

# Installs Debian packages. Lists that cannot be refreshed may still be good enough.
apt_install() {
    quietly apt-get update -q || say "could not refresh apt's lists"
    quietly env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "$@"
}

# What an environment is made from: it is made again when this changes.
recipe() {
    { version_of "$1" && cat "$root/pyproject.toml" "$root/$2"; } | cksum
}

# Makes or reuses the environment of Python $1 in the checkout, with the extras $2 (empty, or
# "[dev]"), and prints its path. $3 names another constraints file, "-agents": an environment of its
# own. A stamp tells a whole one from one that was broken off.
environment() {
    venv="$root/.venv${3:-}-$(version_of "$1")"
    constraints="constraints${3:-}.txt"
    stamp="$venv/complete$2"
    wanted=$(recipe "$1" "$constraints")
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
        need_venv "$1"
        say "installing into ${venv#"$root"/} (once)"
        [ -x "$venv/bin/pip" ] && "$venv/bin/python" -c '' 2>/dev/null || "$1" -m venv --clear "$venv"
        rm -f "$venv"/complete*
        quietly "$venv/bin/python" -m pip install --disable-pip-version-check --no-input \
            --constraint "$root/$constraints" --editable "$root$2" ||
            fail "could not install what $program needs; the reason is above"
        printf '%s\n' "$wanted" >"$stamp"
        [ -z "$2" ] || printf '%s\n' "$wanted" >"$venv/complete"
    fi
    printf '%s\n' "$venv"
}
