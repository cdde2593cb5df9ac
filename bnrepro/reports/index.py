"""The index of the results folder: what there is at which scale."""

import json
from pathlib import Path

import pandas as pd

from bnrepro.reports.wording import interval, number

_SCALES = ("smoke", "laptop", "gpu", "paper")


def write_index(results: Path) -> None:
    """Write ``README.md``: the scales under a results folder, and the headline numbers of each.

    Args:
        results: the results folder.
    """
    lines = ["# Results", "", "Written by `bnrepro report`, from the files beside this one.", ""]
    for scale in _SCALES:
        folder = results / scale
        if folder.is_dir():
            lines += _of_scale(folder)
    (results / "README.md").write_text("\n".join(lines), encoding="utf-8", newline="\n")


def _of_scale(folder: Path) -> list[str]:
    scale = folder.name
    title = f"[{scale}]({scale}/REPORT.md)" if (folder / "REPORT.md").exists() else scale
    lines = [f"## {title}", ""]
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        pictures = ", ".join(
            f"[{file.name}]({scale}/{part.name}/{file.name})" for file in sorted(part.glob("*.png"))
        )
        told = "; ".join(text for text in (pictures, _headline(part), _commits(part)) if text)
        lines.append(f"- [{part.name}]({scale}/{part.name}){': ' if told else ''}{told}")
    return [*lines, ""]


def _headline(part: Path) -> str:
    """The numbers that one looks for first."""
    match part.name:
        case "claims":
            counts = pd.read_csv(part / "claims.csv")["verdict"].value_counts().sort_index()
            return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        case "fig1":
            table = pd.read_csv(part / "summary.csv")
            final = table[table["quantity"] == "final test accuracy"].to_dict("records")
            return "final test accuracy: " + "; ".join(
                f"{row['experiment']} {interval(row['mean'], row['low'], row['high'], '.4f')}, "
                f"paper {float(row['paper']):.4f}"
                for row in final
            )
        case "fig3":
            rows = pd.read_csv(part / "fig3.csv").to_dict("records")
            return "times fewer steps than Inception, maximum accuracy: " + "; ".join(
                f"{row['model']} {number(row['speed_up'], '.1f')}, {row['max_accuracy']:.3f}"
                for row in rows
            )
        case "fig4":
            networks = pd.read_csv(part / "table.csv").to_dict("records")
            return "top-1 error, here and in the paper: " + "; ".join(
                f"{row['model']} {row['top1_error']:.2%}, {row['paper_top1_error']:.2%}"
                for row in networks
                if row["seeds"]
            )
        case "statistics":
            summary = pd.read_csv(part / "summary.csv")
            population = summary[summary["quantity"] == "population"].to_dict("records")
            return "final accuracy by Algorithm 2, trained in mini-batches of: " + "; ".join(
                f"{row['training_batch']}: {row['mean']:.4f}" for row in population
            )
        case _:
            return ""


def _commits(part: Path) -> str:
    """The commits that its runs were made with."""
    file = part / "setup.json"
    if not file.exists():
        return ""
    setups = json.loads(file.read_text(encoding="utf-8"))["experiments"].values()
    commits = {entry["git_commit"] for setup in setups for entry in setup["provenance"]} - {""}
    return f"commit {', '.join(sorted(commits))}" if commits else ""
