"""Write docs/benchmarks.md from the measurements that the benchmarks left in results/.

    python scripts/bench_table.py

Of each measurement the median and the range over rounds, and those of its ratio to the first side
of the same round: numbers of different rounds, on a machine with neighbours, are not compared.
"""

from pathlib import Path

import pandas as pd

_SIDES = ("side", "way", "workers")
_HEAD = """# Benchmarks

Written by `python scripts/bench_table.py` from the files that `sh scripts/bench.sh` leaves. Each
script says at its top what its sides are. Numbers are over those of the first side of the same
round, in which the sides take turns: median and range over rounds. Without a GPU's name beside them
they are of two cores that the machine shares with others.
"""


def page() -> str:
    """The page, of every file of measurements under results/."""
    lines = [_HEAD]
    for file in sorted(Path("results").glob("*/bench_*.csv")):
        lines += [f"## {file.stem}.py", "", *tabulate(pd.read_csv(file)), ""]
    return "\n".join(lines)


def tabulate(measurements: pd.DataFrame) -> list[str]:
    """Rows of a Markdown table; with absolute numbers where a device is named.

    Args:
        measurements: a row each: what was measured in some columns, ``round``, one of the columns
            that name sides, and last the value.
    """
    value = str(measurements.columns[-1])
    side = next(name for name in _SIDES if name in measurements)
    work = [name for name in measurements.columns[:-1] if name not in ("round", side)]
    is_absolute = "device" in measurements
    named = value.replace("_", " ")
    columns = [*work, side, *([named] if is_absolute else []), f"{named}, over the first"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for key, group in measurements.groupby(work, sort=False) if work else [((), measurements)]:
        by_round = group.pivot(index="round", columns=side, values=value)
        first, *others = group[side].unique()
        for name in (first, *others):
            cells = [*map(str, key), str(name)]
            if is_absolute:
                cells.append(_spread(by_round[name], ",.0f"))
            cells.append(_spread(by_round[name] / by_round[first], ".2f") if name != first else "1")
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _spread(values: pd.Series, form: str) -> str:
    """Median and range."""
    middle, low, high = (f"{v:{form}}" for v in (values.median(), values.min(), values.max()))
    return f"{middle} ({low} to {high})"


if __name__ == "__main__":
    Path("docs/benchmarks.md").write_text(page(), encoding="utf-8")
