#!/bin/sh
# What the tests reach of the packages that compute and keep results: lines and branches, as a table.
# Slower than scripts/test.sh, which does not count. What other processes do is not counted.
# Arguments go to pytest.
# BNREPRO_DATA: a folder that holds mnist/; without it the tests on real data are skipped.
set -eu
cd "$(dirname "$0")/.."
extra=test
. scripts/setup.sh
.venv/bin/python -m pytest --numprocesses 2 --durations 20 \
    --cov bnrepro/nn --cov bnrepro/training --cov bnrepro/runs --cov bnrepro/measure \
    --cov-branch --cov-report term "$@"
