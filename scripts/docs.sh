#!/bin/sh
# The documentation as a site in site/. Whatever is wrong with a page or a docstring ends it.
set -eu
cd "$(dirname "$0")/.."
extra=docs
. scripts/setup.sh
.venv/bin/zensical build --strict
