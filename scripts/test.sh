#!/bin/sh
# Everything that must hold: style, types, tests. Arguments go to pytest.
# BNREPRO_DATA: a folder that holds mnist/; without it the tests on real data are skipped.
set -eu
cd "$(dirname "$0")/.."
extra=test
. scripts/setup.sh
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
.venv/bin/python -m pytest --numprocesses 2 --durations 20 "$@"
