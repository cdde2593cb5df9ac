"""The Text and Images tabs: how to read the view, the report, the finished figures."""

from pathlib import Path
from typing import Any

from PIL import Image

from bnrepro.dashboard import events
from bnrepro.dashboard.figures import PAPER_INCEPTION_STEPS


def about(scale: str, lengths: set[int]) -> Any:
    """What the view's names and axes mean.

    Args:
        scale: of the runs.
        lengths: the values of T among the runs of Figure 2.
    """
    factors = ", ".join(
        f"{length:,} / {PAPER_INCEPTION_STEPS / 1e6}e6" for length in sorted(lengths)
    )
    figure_2 = (
        f"Figure 2's steps are multiplied by T / {PAPER_INCEPTION_STEPS / 1e6}e6, where T is "
        f"`inception_steps` of our runs ({factors}), so that they can be laid over ours."
    )
    lines = [
        f"# Runs at scale {scale}",
        "",
        "* `fig2/bn_x5/seed0` is a run: its experiment and its seed. What it was told besides "
        "stands behind a comma.",
        "* `fig2/bn_x5/mean` is the mean accuracy over the seeds that have ended, from two on, "
        "with a 95 % bootstrap interval. With 5 seeds such an interval is too narrow: it covers "
        "the true mean in about 84 % of cases.",
        "* `paper/...` are the paper's own curves, digitized from its drawings. "
        + (figure_2 if lengths else "Figure 1's end where our runs end."),
        "* Figures 1(b) and 1(c) follow one unit of the last hidden layer; every seed follows "
        "another unit, and the paper does not say which is its own.",
        "* The axes WALL and RELATIVE mean nothing here: recorded rows hold no time.",
        "* HParams has the keys and the choices of the runs that were there when the dashboard "
        "started; start it again for runs that were told something new.",
        "* Custom Scalars has a chart a figure. Runs are chosen on the left.",
    ]
    return events.text("about", "\n".join(lines))


def files(results: Path) -> list[Path]:
    """The reports and figures under ``<results>/<scale>``."""
    tables = [*results.glob("fig3*/fig3.md"), *results.glob("fig4*/fig4.md")]
    pages = [results / "REPORT.md", *sorted(tables)]
    pictures = [*results.glob("fig*/fig*.png"), *results.glob("statistics*/statistics.png")]
    return [*(page for page in pages if page.is_file()), *sorted(pictures)]


def show(file: Path) -> Any:
    """A report as text, a figure as an image.

    Raises:
        OSError: it is gone, or no picture.
    """
    tag = file.parent.name if file.stem != "REPORT" else "report"
    if file.suffix == ".md":
        return events.text(tag, file.read_text(encoding="utf-8"))
    with Image.open(file) as picture:
        width, height = picture.size
    return events.image(tag, file.read_bytes(), width, height)
