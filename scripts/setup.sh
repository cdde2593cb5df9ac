# Sourced by the other scripts: makes .venv if there is none and installs the project into it.
# With extra=NAME set, that optional group of requirements too.
python=${PYTHON:-python3}
if [ ! -x .venv/bin/python ]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "bnrepro needs Python 3.11 or newer; $python is $("$python" --version). Set PYTHON." >&2
        exit 2
    }
    "$python" -m venv .venv
fi
if [ -t 1 ]; then quiet=; else quiet=--quiet; fi # in a terminal, what is downloaded is shown
.venv/bin/python -m pip install $quiet --constraint constraints.txt --editable ".${extra:+[$extra]}"
