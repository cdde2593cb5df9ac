"""The report of a scale: figures, tables, claims and set-up, as Markdown and as one HTML page."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd

from bnrepro.errors import UserError
from bnrepro.paper.claims import Finding
from bnrepro.paper.verdict import Verdict
from bnrepro.reports.charts import CHARTS
from bnrepro.reports.claims import check_claims, write_claims
from bnrepro.reports.fig4 import COLUMNS as FIG4_COLUMNS
from bnrepro.reports.fig4 import fig4_cells
from bnrepro.reports.figures import NothingRunError, Written, select
from bnrepro.reports.index import write_index
from bnrepro.reports.inference_statistics import LAG, evaluation_sizes
from bnrepro.reports.setup import (
    Table,
    machine_table,
    read_setups,
    setup_table,
    what_differs,
)
from bnrepro.reports.wording import interval, measured, number, seeds
from bnrepro.statistics import INTERVAL

Draw = Callable[[Path, str, Path, list[str]], Written]


class Control(NamedTuple):
    """A figure once more with something changed: what the changed thing is there for.

    Attributes:
        figure: its name.
        overrides: that its runs were told.
    """

    figure: str
    overrides: tuple[str, ...]

    @property
    def told(self) -> str:
        """The overrides, as on a command line."""
        return " ".join(self.overrides)


_TITLES = {
    "fig1": "Figure 1: MNIST, accuracy and the inputs to one sigmoid",
    "fig2": "Figure 2: accuracy against training steps",
    "fig3": "Figure 3: steps to match Inception, and maximum accuracy",
    "fig4": "Figure 4: many crops, and the ensemble",
    "statistics": "Section 3.1: what BN normalizes by at evaluation",
}
_CAPTIONS = {
    "statistics": "accuracy by the statistics used, coloured by mini-batch in training",
}
_BESIDE_THE_PAPER = "ours in colour, the paper's digitized curves beside"


class Report(NamedTuple):
    """What a report left.

    Attributes:
        files: that it wrote, the figures' own left out.
        verdicts: the claims, by name.
        not_run: experiments of the figures without a finished run.
        notes: which runs and rows were left out.
    """

    files: list[Path]
    verdicts: dict[str, Verdict]
    not_run: list[str]
    notes: list[str]


class _Section(NamedTuple):
    """A figure in the report.

    Attributes:
        folder: its name.
        title: above it.
        caption: what its picture shows.
        ran: whether any of its experiments did.
        pictures: file names in its folder: PNG and SVG, or none.
        table: its numbers beside the paper's, or None.
        remarks: sentences on how to take them.
        missing: the commands of what has not run.
    """

    folder: str
    title: str
    caption: str
    ran: bool
    pictures: list[str]
    table: Table | None
    remarks: tuple[str, ...]
    missing: list[str]


def write_report(
    runs: Path,
    scale: str,
    results: Path,
    figures: Mapping[str, Draw],
    html: bool,
    controls: Sequence[Control] = (),
) -> Report:
    """Draw what figures can be drawn, test the claims, and write it all down.

    ``REPORT.md``, ``claims/`` and, if wanted, ``report.html`` under ``<results>/<scale>``, and
    ``<results>/README.md``. The same runs give the same bytes.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: the results folder.
        figures: how each figure is drawn.
        html: whether to write the page, too.
        controls: stand behind the figures where they have run.

    Raises:
        UserError: nothing at all has run at this scale, or the results cannot be written.
    """
    drawn = {name: _try(draw, runs, scale, results) for name, draw in figures.items()}
    written = {name: figure for name, figure in drawn.items() if isinstance(figure, Written)}
    if not written:
        raise UserError(
            f"no finished run at scale={scale} under {runs}; run "
            f"`bnrepro train experiment=fig1/with_bn scale={scale}` first"
        )
    findings = check_claims(runs, scale, results)
    setups = read_setups([figure.folder for figure in written.values()])
    # A study of ours has no counterpart in the paper to differ from.
    differs = what_differs([name for name in setups if name.startswith("fig")], scale)
    sections = [_section(Control(name, ()), figure, scale) for name, figure in drawn.items()]
    for control in controls:
        plain = drawn[control.figure]
        if isinstance(plain, Written) and not plain.notes:
            continue  # its runs would have been left out there
        figure = _try(figures[control.figure], runs, scale, results, *control.overrides)
        if isinstance(figure, NothingRunError):
            continue
        sections.append(_section(control, figure, scale))
        of_control = read_setups([figure.folder])
        setups |= {f"{name} {control.told}": setup for name, setup in of_control.items()}
        written[figure.folder.name] = figure
    notes = list(dict.fromkeys(note for figure in written.values() for note in figure.notes))
    content: dict[str, Any] = {
        "scale": scale,
        "sections": sections,
        "counts": Counter(str(finding.verdict) for finding in findings),
        "verdicts": [str(verdict) for verdict in Verdict],
        "claims": [_claim_row(finding) for finding in findings],
        "differs": differs,
        "setup": setup_table(setups),
        "machines": machine_table(setups),
        "interval": INTERVAL,
        "notes": notes,
    }
    folder = results / scale
    files = [folder / "REPORT.md", results / "README.md"]
    try:
        write_claims(findings, folder / "claims")
        _render("REPORT.md", files[0], content)
        if html:
            files.append(folder / "report.html")
            _render("report.html", files[-1], content | _page(written))
        write_index(results)
    except OSError as error:
        raise UserError(f"{results}: cannot be written ({error.strerror})") from error
    missing = dict.fromkeys(name for figure in drawn.values() for name in _missing(figure))
    verdicts = {finding.claim.name: finding.verdict for finding in findings}
    return Report(files, verdicts, list(missing), notes)


def _try(
    draw: Draw, runs: Path, scale: str, results: Path, *overrides: str
) -> Written | NothingRunError:
    try:
        return draw(runs, scale, results, list(overrides))
    except NothingRunError as error:
        return error


def _missing(figure: Written | NothingRunError) -> list[str]:
    """The experiments of a figure that have not run."""
    return figure.experiments if isinstance(figure, NothingRunError) else figure.missing


def _section(control: Control, figure: Written | NothingRunError, scale: str) -> _Section:
    name = control.figure
    title = _TITLES.get(name, name)
    if control.overrides:
        title = f"Control, {control.told}: {title}"
    caption = _CAPTIONS.get(name, _BESIDE_THE_PAPER)
    missing = [
        " ".join(
            ["bnrepro train", f"experiment={experiment}", f"scale={scale}", *control.overrides]
        )
        for experiment in _missing(figure)
    ]
    if isinstance(figure, NothingRunError):
        all_of_it = [f"bnrepro reproduce {name} --scale {scale}"]
        return _Section(name, title, caption, False, [], None, (), all_of_it)
    pictures = [f"{name}.{kind}" for kind in ("png", "svg")]
    return _Section(
        figure.folder.name,
        title,
        caption,
        True,
        [file for file in pictures if (figure.folder / file).exists()],
        _TABLES[name](figure.folder) if name in _TABLES else None,
        figure.remarks,
        missing,
    )


def _fig1_table(folder: Path) -> Table:
    columns = ["network", "quantity", "here (95 % interval)", "seeds", "paper"]
    rows = []
    for row in pd.read_csv(folder / "summary.csv").to_dict("records"):
        form = ",.0f" if row["quantity"].startswith("steps") else ".4f"
        rows.append(
            [
                row["experiment"],
                row["quantity"],
                interval(row["mean"], row["low"], row["high"], form),
                seeds(row["n"] + row["never"], row["never"], row["diverged"]),
                _paper_cell(row["paper"], form),
            ]
        )
    return Table(columns, rows)


def _paper_cell(value: str | float, form: str) -> str:
    """The paper's number, which may be a bound."""
    text = str(value)
    bound = "at most " if text.startswith("<=") else ""
    return bound + number(float(text.removeprefix("<=")), form)


def _fig3_table(folder: Path) -> Table:
    columns = [
        "model",
        "seeds",
        "steps to match Inception, here",
        "paper",
        "times fewer, here",
        "paper",
        "maximum accuracy, here",
        "paper",
    ]
    rows = []
    for row in pd.read_csv(folder / "fig3.csv").to_dict("records"):
        steps, speed_up, accuracy = (
            interval(row[name], row[f"{name}_low"], row[f"{name}_high"], form)
            for name, form in (("steps", ",.0f"), ("speed_up", ".1f"), ("max_accuracy", ".3f"))
        )
        rows.append(
            [
                row["model"],
                seeds(row["n"], row["never"], row["diverged"]),
                steps,
                number(1e6 * row["paper_steps_millions"], ",.0f"),
                speed_up,
                number(row["paper_speed_up"], ".1f"),
                accuracy,
                number(row["paper_max_accuracy"], ".3f"),
            ]
        )
    return Table(columns, rows)


def _fig4_table(folder: Path) -> Table:
    return Table(FIG4_COLUMNS, fig4_cells(folder))


def _statistics_table(folder: Path) -> Table:
    summary = pd.read_csv(folder / "summary.csv")
    bands = pd.read_csv(folder / "bands.csv")
    sizes = evaluation_sizes(summary["quantity"])
    shown = {"population": "Algorithm 2", "moving": "moving averages"}
    shown |= {f"batch_{size}": f"mini-batches of {size}" for size in (sizes[0], sizes[-1])}
    columns = ["mini-batch in training", *(f"final accuracy, {name}" for name in shown.values())]
    columns += ["moving averages minus Algorithm 2, where lowest", "seeds"]
    rows = []
    for size, of_one in summary.groupby("training_batch"):
        final = of_one.set_index("quantity")
        cells = [
            interval(row["mean"], row["low"], row["high"], ".4f")
            for row in final.loc[list(shown)].to_dict("records")
        ]
        lag = select(bands, final["experiment"].iloc[0], LAG)
        lowest = lag.sort_values("mean", kind="stable").to_dict("records")[0]
        cells.append(
            f"{interval(lowest['mean'], lowest['low'], lowest['high'], '+.4f')} at step "
            f"{lowest['step']:,}"
        )
        n, diverged = final.iloc[0][["n", "diverged"]]
        rows.append([str(size), *cells, seeds(n + diverged, diverged=diverged)])
    return Table(columns, rows)


_TABLES = {
    "fig1": _fig1_table,
    "fig3": _fig3_table,
    "fig4": _fig4_table,
    "statistics": _statistics_table,
}


def _claim_row(finding: Finding) -> dict[str, str]:
    claim = finding.claim
    ran = finding.verdict is not Verdict.NOT_RUN
    return {
        "section": claim.section,
        "sentence": claim.sentence,
        "verdict": str(finding.verdict),
        "here": measured(finding.mean, finding.low, finding.high, claim.unit)
        if ran
        else finding.sample.missing,
        "seeds": seeds(finding.n, finding.never) if ran else "-",
        "paper": measured(claim.paper, float("nan"), float("nan"), claim.unit),
        "quantity": claim.quantity,
        "rule": claim.rule,
    }


def _page(written: dict[str, Written]) -> dict[str, Any]:
    """What only the page has: charts, and the code that shows them."""
    from plotly.offline import get_plotlyjs

    charts = {}
    for position, (folder, figure) in enumerate(written.items()):
        name, changed, _ = folder.partition(",")
        if name in CHARTS:
            # A control has the charts of its figure; what names an element must be its own.
            end = f"-{position}" if changed else ""
            drawn = CHARTS[name](figure.folder)
            charts[folder] = [chart._replace(id=chart.id + end) for chart in drawn]
    return {"charts": charts, "plotly": get_plotlyjs()}


def _render(name: str, file: Path, content: dict[str, Any]) -> None:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bnrepro.reports"),
        autoescape=jinja2.select_autoescape(["html"], default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # A cell of a Markdown table ends at a bar.
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|")
    text = environment.get_template(name).render(content)
    file.write_text(text, encoding="utf-8", newline="\n")
