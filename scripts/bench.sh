#!/bin/sh
# Every benchmark that this machine can run, one after the other, and the table of them in the docs.
# Nothing else should run meanwhile. Needs MNIST and Tiny-ImageNet below BNREPRO_DATA. Where a
# benchmark fails, or finds a ratio below what is wanted, the others still run; the exit code is 1.
set -eu
cd "$(dirname "$0")/.."
extra=bench
. scripts/setup.sh
failed=0
bench() {
    echo "== $*"
    .venv/bin/python "scripts/$@" || failed=1
}
bench bench_mnist.py --peer jax
bench bench_inception.py
bench bench_inference.py
bench bench_sweep.py
bench bench_data.py
bench bench_reports.py
bench bench_dashboard.py
if .venv/bin/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    bench bench_gpu.py
fi
.venv/bin/python scripts/bench_table.py || failed=1
exit $failed
