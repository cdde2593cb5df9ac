#!/bin/sh
# From nothing to a figure: installs into .venv, trains the main job on embedded data, draws it.
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh
.venv/bin/bnrepro train
.venv/bin/bnrepro figure fig1 --scale smoke
