"""Publish results: draw the studies of a scale into results/, pack the runs they are drawn from.

    python scripts/publish.py --scale laptop [--runs runs] [--keep whitening]

The packed runs lie in results/<scale>/runs.tar.xz: whoever has the repository can draw everything
again (`bnrepro report --published`) and add seeds of their own (unpacked into `runs`, finished runs
are not trained again).
"""

import argparse
from pathlib import Path

import pandas as pd

from bnrepro.reproduce import evidence_of_all, prepare, report
from bnrepro.runs.archive import pack_runs

RESULTS = Path("results")
_BEGIN, _END = "<!-- published: written by scripts/publish.py -->", "<!-- end -->"


def main() -> None:
    """Prepare, report, pack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument(
        "--keep", nargs="+", default=[], help="studies whose prepared tables stay: timings, say"
    )
    arguments = parser.parse_args()
    for evidence in evidence_of_all(arguments.runs, arguments.scale, RESULTS):
        # What belongs to lines of which none has run would stand there alone.
        has_run = any(evidence.runs.values()) or not evidence.study.lines
        if has_run and evidence.study.name not in arguments.keep:
            prepare(evidence.study, arguments.scale, arguments.runs, RESULTS)
    report(arguments.runs, arguments.scale, RESULTS, html=False)
    shown = {
        run.directory.path: run.directory
        for evidence in evidence_of_all(arguments.runs, arguments.scale, RESULTS)
        for of_line in evidence.runs.values()
        for run in of_line
    }
    pack_runs(shown.values(), arguments.runs, RESULTS / arguments.scale / "runs.tar.xz")
    write_headline(RESULTS / arguments.scale, Path("README.md"))
    print(f"{len(shown)} runs packed")


def write_headline(results: Path, readme: Path) -> None:
    """Put what came out between the marks in README: verdicts, and the tables of two studies."""
    claims = pd.read_csv(results / "claims" / "claims.csv")
    verdicts = claims["verdict"][claims["source"].isna()]  # the others are not the paper's
    counts = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.value_counts().items())
    lines = [f"The paper's claims that numbers can check, at scale `{results.name}`: {counts}.", ""]
    for name in ("fig1", "fig2"):
        text = (results / name / f"{name}.md").read_text(encoding="utf-8")
        lines += [line for line in text.splitlines() if line.startswith("|")] + [""]
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    readme.write_text(f"{before}{_BEGIN}\n{chr(10).join(lines)}{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
