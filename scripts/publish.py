"""Publish results: draw the studies of a scale into results/, pack the runs they are drawn from.

    python scripts/publish.py --scale laptop [--runs runs]

The packed runs lie in results/<scale>/runs.tar.xz: whoever has the repository can draw everything
again (`bnrepro report --published`) and add seeds of their own (unpacked into `runs`, finished runs
are not trained again).
"""

import argparse
from pathlib import Path

from bnrepro.reproduce import evidence_of_all, prepare, report
from bnrepro.runs.archive import pack_runs
from bnrepro.studies.registry import studies

RESULTS = Path("results")


def main() -> None:
    """Prepare, report, pack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    for study in studies():
        prepare(study, arguments.scale, arguments.runs, RESULTS)
    report(arguments.runs, arguments.scale, RESULTS, html=False)
    shown = {
        run.directory.path: run.directory
        for evidence in evidence_of_all(arguments.runs, arguments.scale, RESULTS)
        for of_line in evidence.runs.values()
        for run in of_line
    }
    pack_runs(shown.values(), arguments.runs, RESULTS / arguments.scale / "runs.tar.xz")
    print(f"{len(shown)} runs packed")


if __name__ == "__main__":
    main()
