"""The collection of studies around the paper: its parts, its page, and what some conclude."""

from pathlib import Path

import numpy as np
import pytest

from bnrepro.errors import UserError
from bnrepro.measure.verdict import Verdict
from bnrepro.prepare.whitening import follow_bias, time_steps
from bnrepro.render.report import write_report
from bnrepro.runs.ended import EndedRuns
from bnrepro.studies.evidence import Evidence, check, gather
from bnrepro.studies.registry import COLLECTIONS, select, study, study_names
from bnrepro.studies.study import Against, Curves, Study
from tests.synthetic import write_run

STUDIES = select(["mechanisms"])
SIGMOID = ("model.activation=sigmoid", "measures=[gamma]")
NEITHER = ("norm.gamma=false", "norm.beta=false")
BOTH = ("norm.gamma=true", "norm.beta=true")


def test_a_collection_stands_for_its_studies() -> None:
    names = [one.name for one in STUDIES]
    assert {"whitening", "batch_size", "regularization", "affine", "placement"} <= set(names)
    assert "fig1" not in names
    assert [one.name for one in select(["affine", "mechanisms"])] == [
        "affine",
        *(name for name in names if name != "affine"),
    ]
    assert [one.name for one in select(["all"])] == study_names()
    with pytest.raises(UserError, match="mechanism: no such study; did you mean mechanisms"):
        select(["mechanism"])
    assert not set(COLLECTIONS) & set(study_names())


@pytest.mark.parametrize("one", STUDIES, ids=lambda one: one.name)
def test_every_study_answers_names_its_sources_and_can_be_read(one: Study) -> None:
    assert one.answer is not None
    assert one.sources
    empty = Evidence(one, "laptop", Path("nowhere"), {line.label: [] for line in one.lines})
    assert one.answer(empty) == "", "without numbers nothing is answered"
    for panel in one.panels:
        if isinstance(panel, Curves):
            assert len(panel.lines or one.lines) <= 7
        elif isinstance(panel, Against):
            assert len(panel.groups or {line.group for line in one.lines}) <= 7


def test_bias_grows_evenly_and_nothing_else_changes() -> None:
    table = follow_bias()
    ends = table[table["update"] == table["update"].max()]
    ignores = ends["way"].str.contains("ignores")
    assert (ends.loc[ignores, "bias"].abs() > 50).all()
    assert (ends.loc[~ignores, "bias"].abs() < 1e-9).all()
    assert (table["output_change"] < 1e-9).all()


def test_prepared_it_is_judged(tmp_path: Path) -> None:
    one = study("whitening")
    evidence = Evidence(one, "laptop", tmp_path, {line.label: [] for line in one.lines})
    follow_bias().to_csv(tmp_path / "bias.csv", index=False, float_format="%.17g")
    costs = time_steps([8, 16], repetitions=3)
    for width, factor in ((8, 1.0), (16, 4.0)):  # nothing here is measured
        for norm, seconds in (("nothing", 1.0), ("BN", 2.0), ("whitening", 1 + 3 * factor)):
            where = (costs["width"] == width) & (costs["norm"] == norm)
            costs.loc[where, "seconds"] = seconds
    costs.to_csv(tmp_path / "cost.csv", index=False)
    verdicts = {claim.name: check(claim, evidence) for claim in one.claims}
    assert verdicts["bias_grows_without_bound"].verdict is Verdict.REPRODUCED
    assert verdicts["whitening_is_expensive"].mean.mean == pytest.approx(13 / 2)
    from bnrepro.studies.whitening import _exponent

    assert _exponent(evidence) == pytest.approx(2)
    assert one.remarks is not None
    assert "after 1,000 updates" in one.remarks(evidence)[0]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The report on three made-up seeds of two lines of `affine`, in which neither is better."""
    for seed in range(3):
        for learnt, level in ((BOTH, 0.90), (NEITHER, 0.95)):
            curves = {"test/accuracy": [0.1, *np.linspace(0.5, level, 5), *[level] * 20]}
            write_run(
                tmp_path / "runs",
                "mechanisms/mlp",
                curves,
                (*SIGMOID[:1], *learnt, *SIGMOID[1:]),
                seed,
                scale="laptop",
            )
    ended = EndedRuns(tmp_path / "runs")
    folder = tmp_path / "results"
    evidence = [
        gather(study(name), "laptop", ended, folder / "laptop" / name)
        for name in ("scale_invariance", "affine", "placement")
    ]
    write_report(evidence, "laptop", folder, html=True, collections=COLLECTIONS)
    return folder / "laptop"


def test_page_opens_with_a_table_and_says_what_contradicts_a_source(results: Path) -> None:
    page = (results / "mechanisms.md").read_text()
    head = page.partition("## Section 3: gamma and beta")[0]
    assert "| Are gamma and beta needed? |" in head
    assert "| Does the normalization belong before or after the nonlinearity? | not run |" in head
    assert "[affine](affine/affine.png)" in head
    assert "1 not reproduced" in head
    assert "This does not hold here: normalizing a sigmoid's inputs" in head
    assert "| 3 | normalizing a sigmoid's inputs" in page
    report = (results / "REPORT.md").read_text()
    assert "## Why it works" in report
    assert "(mechanisms.md)" in report
    assert "## Section 3: gamma and beta" not in report, "it is on its own page"
    html = (results / "mechanisms.html").read_text()
    assert 'href="mechanisms.html#affine-0"' in html
    assert 'id="affine-0"' in html
    assert (results / "affine" / "affine.png").exists()


def test_claims_of_others_are_counted_apart(results: Path) -> None:
    report = (results / "REPORT.md").read_text()
    assert "BN after ReLU is better" not in report, "Mishkin et al. say so, not the paper"
    assert "BN after ReLU is better" in (results / "mechanisms.md").read_text()
    index = (results.parent / "README.md").read_text()
    assert "Claims of others: 1 not run." in index
