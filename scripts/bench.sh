#!/bin/sh
# Every benchmark that this machine can run, one after the other, and the table of them in the docs.
# Nothing else should run meanwhile. Needs MNIST and Tiny-ImageNet below BNREPRO_DATA.
set -eu
cd "$(dirname "$0")/.."
extra=bench
. scripts/setup.sh
# Exit code 1 says that a ratio is below what is wanted: it is printed, and the others still run.
.venv/bin/python scripts/bench_mnist.py --peer jax || true
.venv/bin/python scripts/bench_inception.py || true
.venv/bin/python scripts/bench_inference.py || true
.venv/bin/python scripts/bench_sweep.py || true
.venv/bin/python scripts/bench_data.py
.venv/bin/python scripts/bench_reports.py
.venv/bin/python scripts/bench_dashboard.py
if .venv/bin/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    .venv/bin/python scripts/bench_gpu.py
fi
.venv/bin/python scripts/bench_table.py
