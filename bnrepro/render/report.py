"""The report of a scale: studies, claims and set-up, as Markdown and as an HTML page.

A collection of studies has a page of its own, made alike; the report shows its first table.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd

from bnrepro.errors import UserError, writing
from bnrepro.measure.intervals import INTERVAL
from bnrepro.measure.verdict import Verdict
from bnrepro.measure.wording import measured, seeds
from bnrepro.render.captions import caption_of
from bnrepro.render.charts import charts
from bnrepro.render.collection import answer, origin, overview
from bnrepro.render.figure import draw
from bnrepro.render.index import write_index
from bnrepro.render.setup import machine_cells, setup_cells, what_differs
from bnrepro.render.tables import (
    Cells,
    cells_of,
    fewer_than_before,
    table_cells,
    table_numbers,
    write_csv,
    write_numbers,
)
from bnrepro.studies.evidence import Evidence, Finding, check_all


class Report(NamedTuple):
    """What a report left.

    Attributes:
        files: that it wrote, the studies' own left out.
        verdicts: the claims, by name; empty at a scale that is a demonstration.
        not_run: ``study: line`` of lines without an ended run.
        notes: a sentence on what was left out of the runs, and on what had more seeds before.
    """

    files: list[Path]
    verdicts: dict[str, Verdict]
    not_run: list[str]
    notes: list[str]


def write_study(evidence: Evidence) -> list[Path]:
    """Draw a study and write its numbers and its table into its folder.

    Returns:
        The files, in order.

    Raises:
        UserError: the folder cannot be written.
    """
    _write_study(evidence, check_all(evidence))
    return sorted(evidence.folder.iterdir())


def _write_study(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, Any]:
    """As `write_study`, of claims that are judged; the study's section, for the report."""
    folder = evidence.folder
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        numbers = table_numbers(evidence)
        write_numbers(evidence, numbers, folder)
        if evidence.study.panels and any(evidence.runs.values()):
            draw(evidence, folder)
        section = _section(evidence, findings, cells_of(numbers, evidence))
        _render("study.md", folder / f"{evidence.study.name}.md", {"section": section})
    return section


def write_report(
    studies: Sequence[Evidence],
    scale: str,
    results: Path,
    html: bool,
    collections: Mapping[str, str] | None = None,
) -> Report:
    """Draw what studies have runs, judge the claims, and write it all down.

    ``REPORT.md``, ``<collection>.md``, ``claims/`` and, if wanted, the same as HTML pages under
    ``<results>/<scale>``, and ``<results>/README.md``. The same runs give the same bytes.

    Args:
        studies: every study, with what there is of it.
        scale: which scale's runs.
        results: the folder to write to.
        html: whether to write the pages, too.
        collections: titles of collections by their names; None: there are none.

    Raises:
        UserError: nothing at all has run at this scale, or the results cannot be written.
    """
    answered = [evidence for evidence in studies if not evidence.is_empty]
    if not answered:
        raise UserError(
            f"no finished run at scale={scale}; `bnrepro reproduce --scale {scale}` makes them"
        )
    fewer = [note for evidence in answered for note in fewer_than_before(evidence)]
    by_study = {one.study.name: check_all(one) for one in studies}
    sections = {one.study.name: _write_study(one, by_study[one.study.name]) for one in answered}
    findings = [finding for of_study in by_study.values() for finding in of_study]
    folder = results / scale
    collections = collections or {}
    overviews: list[dict[str, Any]] = []
    pages: list[Path] = []
    with writing(results):
        if answered[0].is_judged:
            write_claims(findings, folder / "claims")
        for name, title in collections.items():
            of_it = [one for one in studies if one.study.collection == name]
            if all(one.is_empty for one in of_it):
                continue
            overviews.append(overview(name, title, of_it, by_study))
            content = _content(of_it, f"{title}: scale {scale}", by_study, sections)
            pages += _write_pages(folder, name, content | {"overview": overviews[-1]}, of_it, html)
        own = [one for one in studies if one.study.collection not in collections]
        title = f"Batch Normalization, reproduced: scale {scale}"
        content = _content(own, title, by_study, sections)
        content |= {"overviews": overviews}
        content |= _claims([one for one in findings if not one.claim.source])
        pages = _write_pages(folder, "REPORT", content, own, html) + pages
        write_index(results)
    missing = [f"{one.study.name}: {line.label}" for one in studies for line in one.missing]
    verdicts = {finding.claim.name: finding.verdict for finding in findings}
    notes = list(dict.fromkeys([*(note for one in studies for note in one.notes), *fewer]))
    return Report([pages[0], results / "README.md", *pages[1:]], verdicts, missing, notes)


def _write_pages(
    folder: Path, name: str, content: dict[str, Any], studies: Sequence[Evidence], html: bool
) -> list[Path]:
    """A page as Markdown and, if wanted, as HTML."""
    if not studies[0].is_judged:
        content["introduction"] = (
            "This scale is a demonstration on embedded digits: it shows that everything runs, and "
            "judges nothing."
        )
    files = [folder / f"{name}.md"]
    _render("REPORT.md", files[0], content)
    if html:
        files.append(folder / f"{name.lower()}.html")
        answered = [one for one in studies if not one.is_empty]
        _render("report.html", files[1], content | _page(answered))
    return files


def write_page(studies: Sequence[Evidence], command: str, file: Path) -> Path:
    """Studies as one HTML page with charts to hover over, without claims.

    Args:
        studies: with what there is of them.
        command: what makes the page, and runs what has not run; its title.
        file: to write to.

    Raises:
        UserError: it cannot be written.
    """
    with writing(file):
        findings: dict[str, list[Finding]] = {one.study.name: [] for one in studies}
        sections = {
            one.study.name: _section(one, [], table_cells(one))
            for one in studies
            if not one.is_empty
        }
        content = _content(studies, command, findings, sections) | {"command": command}
        _render("report.html", file, content | _page(studies))
    return file


def _content(
    studies: Sequence[Evidence],
    title: str,
    findings: Mapping[str, Sequence[Finding]],
    sections: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    """What a report and a page show.

    Args:
        studies: with what there is of them.
        title: of the page.
        findings: by the study's name.
        sections: likewise, of studies that are not empty.
    """
    answered = [one for one in studies if not one.is_empty]
    return {
        "title": title,
        "introduction": "",
        "scale": studies[0].scale,
        "command": "",
        "overview": None,
        "overviews": [],
        "absent": [one.study for one in studies if one.is_empty],
        "sections": [sections[one.study.name] for one in answered],
        "differs": [
            sentence
            for evidence in answered
            if evidence.study.beside_paper
            for sentence in what_differs(evidence)
        ],
        "setup": setup_cells(answered),
        "machines": machine_cells(answered),
        "interval": INTERVAL,
    } | _claims([finding for one in studies for finding in findings[one.study.name]])


def _claims(findings: Sequence[Finding]) -> dict[str, Any]:
    """The claims of a page, and how many came out how."""
    return {
        "judged": bool(findings),
        "counts": Counter(str(finding.verdict) for finding in findings),
        "verdicts": [str(verdict) for verdict in Verdict],
        "claims": [_claim_row(finding) for finding in findings],
    }


def write_claims(findings: Sequence[Finding], folder: Path) -> None:
    """``claims.csv``, a row a claim, and ``seeds.csv``, a row a claim and seed."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "claim": finding.claim.name,
            "source": finding.claim.source,
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


def _section(
    evidence: Evidence, findings: Sequence[Finding], table: Cells | None
) -> dict[str, Any]:
    """A study in the report: what it is, its pictures, its numbers, what came out."""
    pictures = [f"{evidence.study.name}.{kind}" for kind in ("png", "svg")]
    return {
        "study": evidence.study,
        "pictures": [file for file in pictures if (evidence.folder / file).exists()],
        "table": table,
        "remarks": _remarks(evidence, findings),
        "caption": caption_of(evidence),
        "missing": [line.label for line in evidence.missing],
    }


def _remarks(evidence: Evidence, findings: Sequence[Finding]) -> list[str]:
    """What a study says of what came out; a demonstration shows nothing that could be said."""
    if not evidence.is_judged:
        return []
    sentence = answer(evidence, findings)
    remarks = evidence.study.remarks if any(evidence.runs.values()) else None
    return ([sentence] if sentence else []) + (remarks(evidence) if remarks else [])


def _claim_row(finding: Finding) -> dict[str, str]:
    claim = finding.claim
    unit = claim.quantity.unit
    mean = finding.mean
    return {
        "section": origin(finding),
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
