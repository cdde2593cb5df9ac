"""The Text and Images tabs: how to read the view, the report, the finished figures."""

from pathlib import Path
from typing import Any

from PIL import Image

from bnrepro.dashboard import events
from bnrepro.dashboard.charts import PAPER_INCEPTION_STEPS
from bnrepro.measure.intervals import INTERVAL


def about(scale: str, lengths: set[int]) -> Any:
    """What the view's names and axes mean.

    Args:
        scale: of the runs.
        lengths: the values of ``inception_steps`` among the runs.
    """
    factors = ", ".join(
        f"{length:,} / {PAPER_INCEPTION_STEPS / 1e6}e6" for length in sorted(lengths)
    )
    scaled = (
        f" Where the paper's time is scaled, its steps are multiplied by {factors}."
        if lengths
        else ""
    )
    lines = [
        f"# Runs at scale {scale}",
        "",
        "* `fig2/bn_x5/seed0` is a run: its experiment and its seed. What it was told besides "
        "stands behind a comma; a line of a study that was told more has the name of that line.",
        "* `fig2/bn_x5/mean` is the mean over the seeds that have ended, from two on, with the "
        f"histograms of the first. Interval of the accuracy: {INTERVAL}. "
        "`bnrepro dashboard --seeds` shows every run, too.",
        "* TensorBoard has seven colours and hands them out in the order in which runs were "
        "started, so a run keeps its colour when others are added. In Time Series a mean and its "
        "seeds have one; the other tabs give each its own.",
        "* `paper/...` are the paper's own curves, digitized from its drawings, as far as our runs "
        f"go.{scaled}",
        "* Inputs to one sigmoid follow one unit of the last hidden layer; every seed follows "
        "another unit, and the paper does not say which is its own.",
        "* The axes WALL and RELATIVE mean nothing here: recorded rows hold no time.",
        "* HParams has the keys and the choices of the runs that were there when the dashboard "
        "started; start it again for runs that were told something new.",
        "* Custom Scalars has the charts of every study. Runs are chosen on the left.",
    ]
    return events.text("about", "\n".join(lines))


def files(results: Path) -> list[Path]:
    """The report, and the tables and pictures of studies, under ``<results>/<scale>``."""
    report = results / "REPORT.md"
    tables, pictures = sorted(results.glob("*/*.md")), sorted(results.glob("*/*.png"))
    return [*([report] if report.is_file() else []), *tables, *pictures]


def show(file: Path) -> Any:
    """A report as text, a picture as an image.

    Raises:
        OSError: it is gone, or no picture.
    """
    tag = file.parent.name if file.stem != "REPORT" else "report"
    if file.suffix == ".md":
        return events.text(tag, file.read_text(encoding="utf-8"))
    with Image.open(file) as picture:
        width, height = picture.size
    return events.image(tag, file.read_bytes(), width, height)
