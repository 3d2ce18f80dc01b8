#!/bin/sh
# Finds a Python >= 3.11 and hands over to setup_env.py. Arguments: the optional dependency groups to install ("test").
set -eu

here=$(dirname "$0")

suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-python3 python3.12 python3.13 python3.11 python3.14 python /usr/bin/python3}; do
        if suits "$name"; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    return 1
}

say() {
    printf '%s\n' "$*" >&2
}

if ! python=$(find_python); then
    if [ -n "${PYTHON:-}" ]; then
        say "PYTHON=$PYTHON is not a Python of version 3.11 or newer: name another one."
        exit 1
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        say "No Python of version 3.11 or newer was found: install one, or name it with PYTHON=/path/to/python3."
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        say "No Python of version 3.11 or newer was found. Run: sudo apt-get update && sudo apt-get install -y python3 python3-venv"
        exit 1
    fi
    say "Installing python3 ..."
    DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3 python3-venv >&2
    if ! python=$(find_python); then
        say "This system's python3 is older than 3.11: install a newer one, or name it with PYTHON=/path/to/python3."
        exit 1
    fi
fi

exec "$python" "$here/setup_env.py" "$@"
