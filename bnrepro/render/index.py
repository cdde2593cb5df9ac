"""The index of a results folder: what there is at which scale."""

from pathlib import Path

import pandas as pd

from bnrepro.config.fields import choices


def write_index(results: Path) -> None:
    """Write ``README.md``: the scales under a results folder, their studies and verdicts.

    Args:
        results: the results folder.
    """
    lines = ["# Results", "", "Written by `bnrepro report`, from the files beside this one.", ""]
    for scale in choices("scale"):
        folder = results / scale
        if folder.is_dir():
            lines += _of_scale(folder)
    (results / "README.md").write_text("\n".join(lines), encoding="utf-8", newline="\n")


def _of_scale(folder: Path) -> list[str]:
    scale = folder.name
    title = f"[{scale}]({scale}/REPORT.md)" if (folder / "REPORT.md").exists() else scale
    lines = [f"## {title}", ""]
    claims = folder / "claims" / "claims.csv"
    if claims.is_file():
        table = pd.read_csv(claims).reindex(columns=["source", "verdict"])
        for title, of_whom in (
            ("Claims", table[table["source"].isna()]),
            ("Claims of others", table[table["source"].notna()]),
        ):
            counts = of_whom["verdict"].value_counts().sort_index()
            if len(counts):
                verdicts = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
                lines += [f"{title}: {verdicts}.", ""]
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted([*part.glob("*.md"), *part.glob("*.png")])
        links = ", ".join(f"[{file.name}]({scale}/{part.name}/{file.name})" for file in files)
        lines.append(f"- [{part.name}]({scale}/{part.name}){': ' if links else ''}{links}")
    return [*lines, ""]
