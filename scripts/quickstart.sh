#!/bin/sh
# From nothing to a comparison: installs into .venv, trains both networks of Figure 1 on embedded
# data, compares them, and says what to do next.
set -eu
cd "$(dirname "$0")/.."
echo "installing into .venv: about 6 GB, a few minutes"
. scripts/setup.sh
.venv/bin/bnrepro compare experiment=fig1/with_bn,fig1/without_bn --to 0.9
cat <<'NEXT'

next:
  . .venv/bin/activate
  bnrepro compare norm=batch,layer,none 'seed=range(3)'   # another comparison
  bnrepro reproduce fig1                                  # Figure 1 with three seeds, beside the paper's
  bnrepro dashboard                                       # the runs in TensorBoard
NEXT
