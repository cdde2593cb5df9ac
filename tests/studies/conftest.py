"""What a study concludes from runs that are made up."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bnrepro.runs.ended import EndedRun
from bnrepro.studies.evidence import Evidence, Finding, check
from bnrepro.studies.registry import study

Conclude = Callable[..., Finding]


def evidence_of(name: str, runs: dict[str, Sequence[EndedRun]], folder: Path = Path()) -> Evidence:
    """A study at scale laptop with runs of some lines, by their labels."""
    one = study(name)
    by_label = {line.label: [*runs.get(line.label, [])] for line in one.lines}
    return Evidence(one, "laptop", folder, by_label)


@pytest.fixture
def conclude() -> Conclude:
    """What comes of a claim of a study, by the claim's name."""

    def conclude(name: str, claim: str, runs: dict[str, Sequence[EndedRun]]) -> Finding:
        evidence = evidence_of(name, runs)
        [one] = [one for one in evidence.study.claims if one.name == claim]
        return check(one, evidence)

    return conclude
