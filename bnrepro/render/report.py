"""The report of a scale: studies, claims and set-up, as Markdown and as one HTML page."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd

from bnrepro.errors import UserError
from bnrepro.measure.intervals import INTERVAL
from bnrepro.measure.verdict import Verdict
from bnrepro.measure.wording import measured, seeds
from bnrepro.render.captions import caption_of
from bnrepro.render.charts import charts
from bnrepro.render.figure import draw
from bnrepro.render.index import write_index
from bnrepro.render.setup import machine_cells, setup_cells, what_differs
from bnrepro.render.tables import Cells, table_cells, write_csv, write_numbers
from bnrepro.studies.evidence import Evidence, Finding, check

_DEMONSTRATION = "smoke"
"""The scale at which nothing is judged: it shows that everything runs, on embedded digits."""


class Report(NamedTuple):
    """What a report left.

    Attributes:
        files: that it wrote, the studies' own left out.
        verdicts: the claims, by name; empty at a scale that is a demonstration.
        not_run: ``study: line`` of lines without an ended run.
        notes: a sentence on what was left out of the runs.
    """

    files: list[Path]
    verdicts: dict[str, Verdict]
    not_run: list[str]
    notes: list[str]


class _Section(NamedTuple):
    """A study in the report.

    Attributes:
        name: of its folder.
        title: above it.
        question: that it answers.
        pictures: file names in its folder.
        table: its numbers beside the paper's, or None.
        remarks: sentences on what came out.
        caption: below the charts: data, size, seeds; empty: nothing ran.
        missing: labels of the lines that have not run.
        paper: what to know of the paper's numbers.
    """

    name: str
    title: str
    question: str
    pictures: list[str]
    table: Cells | None
    remarks: list[str]
    caption: str
    missing: list[str]
    paper: str


def write_study(evidence: Evidence) -> list[Path]:
    """Draw a study and write its numbers and its table into its folder.

    Returns:
        The files, in order.

    Raises:
        UserError: the folder cannot be written.
    """
    folder = evidence.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_numbers(evidence, folder)
        if evidence.study.panels and any(evidence.runs.values()):
            draw(evidence, folder)
        section = _section(evidence)
        _render("study.md", folder / f"{evidence.study.name}.md", {"section": section})
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error
    return sorted(folder.iterdir())


def write_report(studies: Sequence[Evidence], scale: str, results: Path, html: bool) -> Report:
    """Draw what studies have runs, judge the claims, and write it all down.

    ``REPORT.md``, ``claims/`` and, if wanted, ``report.html`` under ``<results>/<scale>``, and
    ``<results>/README.md``. The same runs give the same bytes.

    Args:
        studies: every study, with what there is of it.
        scale: which scale's runs.
        results: the folder to write to.
        html: whether to write the page, too.

    Raises:
        UserError: nothing at all has run at this scale, or the results cannot be written.
    """
    answered = [evidence for evidence in studies if not evidence.is_empty]
    if not answered:
        raise UserError(
            f"no finished run at scale={scale}; `bnrepro reproduce --scale {scale}` makes them"
        )
    for evidence in answered:
        write_study(evidence)
    judged = scale != _DEMONSTRATION
    findings = [check(c, one) for one in studies for c in one.study.claims] if judged else []
    content = _content(answered, f"Batch Normalization, reproduced: scale {scale}", findings)
    content |= {
        "scale": scale,
        "judged": judged,
        "absent": [evidence.study for evidence in studies if evidence.is_empty],
    }
    if not judged:
        content["introduction"] = (
            "This scale is a demonstration on embedded digits: it shows that everything runs, and "
            "judges nothing."
        )
    folder = results / scale
    files = [folder / "REPORT.md", results / "README.md"]
    try:
        if judged:
            write_claims(findings, folder / "claims")
        _render("REPORT.md", files[0], content)
        if html:
            files.append(folder / "report.html")
            _render("report.html", files[-1], content | _page(answered))
        write_index(results)
    except OSError as error:
        raise UserError(f"{results}: cannot be written ({error.strerror})") from error
    missing = [f"{one.study.name}: {line.label}" for one in studies for line in one.missing]
    verdicts = {finding.claim.name: finding.verdict for finding in findings}
    notes = list(dict.fromkeys(note for one in studies for note in one.notes))
    return Report(files, verdicts, missing, notes)


def write_page(studies: Sequence[Evidence], title: str, file: Path) -> Path:
    """Studies as one HTML page with charts to hover over, without claims.

    Raises:
        UserError: it cannot be written.
    """
    try:
        _render("report.html", file, _content(studies, title, []) | _page(studies))
    except OSError as error:
        raise UserError(f"{file}: cannot be written ({error.strerror})") from error
    return file


def _content(
    answered: Sequence[Evidence], title: str, findings: Sequence[Finding]
) -> dict[str, Any]:
    """What a report and a page show."""
    return {
        "title": title,
        "introduction": "",
        "scale": answered[0].scale,
        "judged": False,
        "absent": [],
        "sections": [_section(evidence) for evidence in answered],
        "counts": Counter(str(finding.verdict) for finding in findings),
        "verdicts": [str(verdict) for verdict in Verdict],
        "claims": [_claim_row(finding) for finding in findings],
        "differs": [
            sentence
            for evidence in answered
            if evidence.study.beside_paper
            for sentence in what_differs(evidence)
        ],
        "setup": setup_cells(answered),
        "machines": machine_cells(answered),
        "interval": INTERVAL,
    }


def write_claims(findings: Sequence[Finding], folder: Path) -> None:
    """``claims.csv``, a row a claim, and ``seeds.csv``, a row a claim and seed."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "claim": finding.claim.name,
            "section": finding.claim.section,
            "verdict": str(finding.verdict),
            "reason": finding.judgement.reason,
            **finding.mean._asdict(),
            "never": finding.sample.never if finding.sample else 0,
            "paper": finding.claim.paper,
            "unit": finding.claim.quantity.unit,
            "quantity": finding.claim.quantity.sentence,
            "rule": finding.claim.rule.sentence,
        }
        for finding in findings
    ]
    write_csv(pd.DataFrame(rows), folder / "claims.csv")
    values = [
        (finding.claim.name, seed, value)
        for finding in findings
        if finding.sample
        for seed, value in zip(finding.sample.seeds, finding.sample.values, strict=True)
    ]
    write_csv(pd.DataFrame(values, columns=["claim", "seed", "value"]), folder / "seeds.csv")


def _section(evidence: Evidence) -> _Section:
    study = evidence.study
    pictures = [f"{study.name}.{kind}" for kind in ("png", "svg")]
    return _Section(
        study.name,
        study.title,
        study.question,
        [file for file in pictures if (evidence.folder / file).exists()],
        table_cells(evidence),
        _remarks(evidence),
        caption_of(evidence),
        [line.label for line in evidence.missing],
        study.paper,
    )


def _remarks(evidence: Evidence) -> list[str]:
    """What a study says of what came out; a demonstration shows nothing that could be said."""
    said = evidence.study.remarks
    if said is None or evidence.scale == _DEMONSTRATION or not any(evidence.runs.values()):
        return []
    return said(evidence)


def _claim_row(finding: Finding) -> dict[str, str]:
    claim = finding.claim
    unit = claim.quantity.unit
    mean = finding.mean
    return {
        "section": claim.section,
        "sentence": claim.sentence,
        "verdict": str(finding.verdict),
        "reason": finding.judgement.reason,
        "here": measured(mean.mean, mean.low, mean.high, unit) if mean.n else "-",
        "seeds": seeds(len(finding.sample.values), finding.sample.never) if finding.sample else "-",
        "paper": measured(claim.paper, float("nan"), float("nan"), unit),
        "quantity": claim.quantity.sentence,
        "rule": claim.rule.sentence,
    }


def _page(answered: Sequence[Evidence]) -> dict[str, Any]:
    """What only the page has: charts, and the code that shows them."""
    from plotly.offline import get_plotlyjs

    return {
        "charts": {evidence.study.name: charts(evidence) for evidence in answered},
        "plotly": get_plotlyjs(),
    }


def _render(name: str, file: Path, content: dict[str, Any]) -> None:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bnrepro.render"),
        autoescape=jinja2.select_autoescape(["html"], default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    text = environment.get_template(name).render(content)
    file.write_text(text, encoding="utf-8", newline="\n")


def _cell(text: object) -> str:
    """A cell of a Markdown table: it ends at a bar, and HTML in it would be taken as such."""
    return str(text).replace("|", "\\|").replace("<", "&lt;")
