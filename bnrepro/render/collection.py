"""A collection of studies at one glance: what was asked, what came out, how its claims fared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bnrepro.measure.verdict import Verdict
from bnrepro.studies.evidence import Evidence, Finding


def overview(
    page: str, title: str, studies: Sequence[Evidence], findings: Mapping[str, Sequence[Finding]]
) -> dict[str, Any]:
    """The table that a collection's page opens with: a row a study, those not run included.

    Args:
        page: the name of its files, without their suffix.
        title: of the collection.
        studies: with what there is of them.
        findings: by the study's name.
    """
    rows = []
    for evidence in studies:
        of_study = findings[evidence.study.name]
        picture = f"{evidence.study.name}.png"
        rows.append(
            {
                "study": evidence.study,
                "answer": answer(evidence, of_study) or _silence(evidence),
                "verdict": _verdict(of_study),
                "picture": picture if (evidence.folder / picture).exists() else "",
            }
        )
    return {"page": page, "title": title, "rows": rows}


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
