from pathlib import Path

import pandas as pd
import pytest

from bnrepro.measure.verdict import Verdict
from bnrepro.prepare.scale_invariance import compare_scaled_weights
from bnrepro.render.tables import table_cells
from bnrepro.reproduce import prepare
from bnrepro.runs.ended import EndedRuns
from bnrepro.studies.evidence import Evidence, check, gather
from bnrepro.studies.registry import study

STUDY = study("scale_invariance")


def _evidence(tmp_path: Path) -> Evidence:
    folder = tmp_path / "smoke" / STUDY.name
    return gather(STUDY, "smoke", EndedRuns(tmp_path / "runs"), folder)


def test_section_3_3_holds_to_rounding() -> None:
    table = compare_scaled_weights().set_index("scale")
    assert {0.1, 100.0} <= set(table.index)
    assert table.shape[1] == 3
    assert (table < 1e-8).all(axis=None)


def test_prepared_it_is_judged_and_shown(tmp_path: Path) -> None:
    [claim] = STUDY.claims
    before = check(claim, _evidence(tmp_path))
    assert _evidence(tmp_path).is_empty
    assert before.verdict is Verdict.NOT_RUN
    assert "`bnrepro reproduce scale_invariance --scale smoke`" in before.judgement.reason
    prepare(STUDY, "smoke", tmp_path / "runs", tmp_path)
    evidence = _evidence(tmp_path)
    assert not evidence.is_empty
    assert check(claim, evidence).verdict is Verdict.REPRODUCED
    cells = table_cells(evidence)
    assert cells
    assert [row[0] for row in cells.rows] == ["0.1", "0.5", "2", "10", "100"]


@pytest.mark.parametrize("column", [1, 2, 3])
def test_one_element_that_differs_is_enough(tmp_path: Path, column: int) -> None:
    prepare(STUDY, "smoke", tmp_path / "runs", tmp_path)
    file = tmp_path / "smoke" / STUDY.name / "scales.csv"
    table = pd.read_csv(file)
    table.iloc[2, column] = 2e-4
    table.to_csv(file, index=False)
    assert check(STUDY.claims[0], _evidence(tmp_path)).verdict is Verdict.NOT_REPRODUCED
