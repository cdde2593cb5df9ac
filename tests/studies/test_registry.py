"""Every study there is, whatever it asks: its parts fit together."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bnrepro.config import recipe_id
from bnrepro.config.groups import options
from bnrepro.errors import UserError
from bnrepro.paper import paper_curve
from bnrepro.studies.evidence import line_config
from bnrepro.studies.registry import VARIABLE, studies, study, study_names
from bnrepro.studies.study import Against, Curves, Ends, Line, Prepared, Study, Table

STUDIES = studies()
LINES = [line for one in STUDIES for line in one.lines]


def _is_unique(names: list[str]) -> bool:
    return len(names) == len(set(names))


def test_names_are_those_of_the_files_and_the_figures_come_first() -> None:
    assert [one.name for one in STUDIES] == study_names()
    assert study_names()[:3] == ["fig1", "fig2", "fig4"]
    assert not {"study", "evidence", "registry"} & set(study_names())


@pytest.mark.parametrize("one", STUDIES, ids=lambda one: one.name)
def test_parts_of_a_study_name_one_another(one: Study) -> None:
    labels = [line.label for line in one.lines]
    series = [series.name for series in one.series]
    assert _is_unique(labels)
    assert _is_unique(series)
    assert one.title
    assert one.question.endswith("?")
    assert one.reference in ["", *labels]
    for claim in one.claims:
        assert {claim.line, claim.reference} <= {"", *labels}
        assert (claim.table is None) == bool(claim.line), "measured on runs or on a table"
        assert claim.quantity.of_pair == bool(claim.reference) or claim.table
    for panel in one.panels:
        match panel:
            case Curves():
                assert set(panel.lines) <= set(labels)
                assert set(panel.series) <= set(series)
                assert one.reference or not panel.target
            case Ends():
                assert set(panel.series) <= set(series)
                assert len(panel.names) == len(panel.series)
            case Against():
                assert all(line.group for line in one.lines)
                assert set(panel.groups) <= {line.group for line in one.lines}
            case Prepared():
                assert one.prepare is not None
    if isinstance(one.table, Table):
        assert all(one.reference or not c.quantity.of_pair for c in one.table.columns)


def test_claims_have_names_of_their_own_over_all_studies() -> None:
    assert _is_unique([claim.name for one in STUDIES for claim in one.claims])


@pytest.mark.parametrize("one", STUDIES, ids=lambda one: one.name)
def test_papers_curves_exist(one: Study) -> None:
    series = {series.name for series in one.series}
    for line in one.lines:
        assert set(line.paper) <= series
        for curve in line.paper.values():
            assert len(paper_curve(curve).steps) > 1


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.label)
def test_every_line_composes_at_every_scale(line: Line) -> None:
    for scale in options("scale"):
        config = line_config(line, scale)
        assert (config.experiment, config.scale) == (line.experiment, scale)


@pytest.mark.parametrize("one", STUDIES, ids=lambda one: one.name)
def test_no_two_lines_of_a_study_are_one_computation(one: Study) -> None:
    assert _is_unique([recipe_id(line_config(line, "laptop")) for line in one.lines])


def test_the_papers_own_numbers_are_on_the_papers_side() -> None:
    for one in STUDIES:
        for claim in one.claims:
            level = getattr(claim.rule, "level", None)
            size = getattr(claim.rule, "size", np.nan)
            assert np.isnan(size) or size == claim.paper, claim.name
            if level is not None and not np.isnan(claim.paper):
                is_above = claim.paper > level
                assert is_above == (type(claim.rule).__name__ == "Above"), claim.name


def test_importing_studies_and_completion_loads_nothing_heavy() -> None:
    code = (
        "import sys; from bnrepro.studies.registry import studies; studies(); "
        "import bnrepro.completion; "
        "sys.exit(str({'torch', 'matplotlib', 'plotly', 'tensorboard'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stderr.strip() == ""


def test_names_alone_import_no_study() -> None:
    code = (
        "import sys; from bnrepro.completion import complete_study; "
        "assert 'fig1' in complete_study('fi'); "
        "sys.exit('bnrepro.studies.fig1' in sys.modules or 'numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine", "STUDY = 3", "defines no STUDY with name='mine'"),
        ("mine", "import nothing_like_it", "cannot be run (ModuleNotFoundError"),
        ("fig7", "", "fig7: no such study; did you mean fig"),
    ],
)
def test_study_that_cannot_be_had_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, message: str
) -> None:
    (tmp_path / "mine.py").write_text(content)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(UserError) as error:
        study(name)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_folder_of_studies_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "nowhere")
    with pytest.raises(UserError, match="BNREPRO_STUDIES=nowhere: no such folder"):
        study_names()


def test_own_study_named_like_another_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fig1.py").write_text("STUDY = None", encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=r"fig1\.py: a study fig1 is there already .*; rename it"):
        study_names()
