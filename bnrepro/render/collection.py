"""A collection of studies at one glance: what was asked, what came out, how its claims fared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bnrepro.measure.verdict import Verdict
from bnrepro.studies.evidence import Evidence, Finding


class Row(NamedTuple):
    """A study of the collection.

    Attributes:
        name: of its folder.
        question: that it asks.
        answer: in a sentence, or that it has not run.
        verdict: of its claims.
        picture: its file name; empty: it has none.
    """

    name: str
    question: str
    answer: str
    verdict: str
    picture: str


class Overview(NamedTuple):
    """The table that a collection's page opens with.

    Attributes:
        page: the name of its files, without their suffix.
        title: of the collection.
        rows: a study each.
    """

    page: str
    title: str
    rows: list[Row]


def overview(
    page: str, title: str, studies: Sequence[Evidence], findings: Mapping[str, Sequence[Finding]]
) -> Overview:
    """The studies of a collection, those that have not run included.

    Args:
        page: the name of its files, without their suffix.
        title: of the collection.
        studies: with what there is of them.
        findings: by the study's name.
    """
    rows = []
    for evidence in studies:
        study = evidence.study
        picture = f"{study.name}.png"
        rows.append(
            Row(
                study.name,
                study.question,
                answer(evidence, findings[study.name]) or _silence(evidence),
                _verdict(findings[study.name]),
                picture if (evidence.folder / picture).exists() else "",
            )
        )
    return Overview(page, title, rows)


def answer(evidence: Evidence, findings: Sequence[Finding]) -> str:
    """The study's answer; what contradicts its sources comes first. Empty: it has none yet."""
    if evidence.study.answer is None or evidence.is_empty:
        return ""
    against = [
        f"This does not hold here: {one.claim.sentence} ({origin(one)}). "
        for one in findings
        if one.verdict is Verdict.NOT_REPRODUCED
    ]
    return "".join(against) + evidence.study.answer(evidence)


def origin(finding: Finding) -> str:
    """Who says what a claim says, and where."""
    claim = finding.claim
    return ", ".join(part for part in (claim.source, claim.section) if part)


def _silence(evidence: Evidence) -> str:
    return "not run" if evidence.is_empty else "not enough of it has run"


def _verdict(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{counts[one]} {one}" for one in Verdict if counts[one])
