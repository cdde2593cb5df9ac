"""The report, from run directories written for the purpose."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from bnrepro.errors import UserError
from bnrepro.reports import CONTROLS, FIGURES, write_report
from bnrepro.reports.fig2 import MODELS
from bnrepro.reports.report import Report
from tests.synthetic import write_run

SLOW = [0.1, 0.3, 0.5, 0.6, 0.7]
FAST = [0.1, 0.7, 0.8, 0.85, 0.9]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of Figure 1, one of some of Figure 2, one diverged, one of another recipe."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(2):
        write_run(folder, "fig1/without_bn", {"test/accuracy": SLOW}, seed=seed)
        write_run(folder, "fig1/with_bn", {"test/accuracy": FAST}, seed=seed)
    losses = {"test/loss": [2.0] * 5, "train/loss": [2.0] * 5}
    write_run(folder, "fig2/inception", losses | {"test/accuracy": SLOW})
    write_run(folder, "fig2/bn_x5", losses | {"test/accuracy": FAST})
    write_run(folder, "fig2/inception_x5", losses | {"test/accuracy": [0.1]}, diverged=True)
    write_run(folder, "fig2/bn_x5", losses | {"test/accuracy": FAST}, ["optim.lr=0.3"])
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def report(runs: Path, results: Path) -> Report:
    return write_report(runs, "smoke", results, FIGURES, html=True)


def test_markdown_holds_figures_numbers_claims_and_set_up(report: Report, results: Path) -> None:
    text = (results / "smoke" / "REPORT.md").read_text()
    for file in re.findall(r"\]\(([^)]+)\)", text):
        assert (results / "smoke" / file).exists(), "links are relative and lead somewhere"
    assert "![Figure 1" in text
    assert "| fig1/with_bn | final test accuracy | 0.9000 (0.9000 to 0.9000) | 2 | 0.9816 |" in text
    assert "| BN-x5 | 1 |" in text
    assert "**reproduced** | +20.00 (+20.00 to +20.00) points | 2 | +0.93 points |" in text
    assert "`bnrepro train experiment=fig2/bn_x30 scale=smoke`" in text
    assert "data.name is digits (the paper: mnist)" in text
    assert "0123456789ab" in text
    assert "fig2/bn_x5: 1 run left out, different in optim.lr" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
    assert "nan" not in text.lower().replace("variance", "")


def test_verdicts_are_told(report: Report, results: Path) -> None:
    assert report.verdicts["mnist_higher"] == "reproduced"
    assert report.verdicts["inception_x5_fails"] == "reproduced", "it diverged"
    assert report.verdicts["x30_slower_at_first"] == "not run"
    assert "fig2/bn_x30" in report.not_run
    table = pd.read_csv(results / "smoke" / "claims" / "claims.csv").set_index("claim")
    assert table.loc["mnist_higher", "verdict"] == "reproduced"
    assert table.loc["x30_slower_at_first", "n"] == 0
    seeds = pd.read_csv(results / "smoke" / "claims" / "seeds.csv")
    assert seeds[seeds.claim == "mnist_higher"].seed.tolist() == [0, 1]


def test_page_works_offline_and_holds_every_chart(report: Report, results: Path) -> None:
    page = (results / "smoke" / "report.html").read_text()
    ours = re.sub(r"<script>/\*\*.*?</script>", "", page, count=1, flags=re.DOTALL)
    assert len(page) - len(ours) > 1_000_000, "Plotly is inside, once"
    assert "plotly.js v" not in ours
    for network in ("http:", "https:", "src=", "<link", "@import", "url("):
        assert network not in ours
    for chart in ("fig1-accuracy", "fig1-b", "fig1-c", "fig2-accuracy"):
        assert f'id="{chart}"' in ours
    found = re.search(r"const charts = (.*);\n", ours)
    assert found
    charts = {chart[0]: chart[2] for chart in json.loads(found.group(1))}
    names = [trace["name"] for trace in charts["fig2-accuracy"]]
    assert "BN-x5 (n=1)" in names
    papers = [f"paper: {model.label}" for model in MODELS if model.curve]
    assert set(papers) <= set(names), "the paper's curves, even of what has not run"
    bands = [trace for trace in charts["fig1-accuracy"] if trace.get("fill")]
    assert len(bands) == 2, "two seeds have an interval"
    assert "prefers-color-scheme: dark" in ours
    assert "@media print" in ours


def test_written_again_it_is_the_same_to_the_byte(
    report: Report, runs: Path, results: Path, tmp_path: Path
) -> None:
    for _ in range(2):  # into a new folder, and over what is there
        write_report(runs, "smoke", tmp_path, FIGURES, html=True)
        for file in filter(Path.is_file, results.rglob("*")):
            again = tmp_path / file.relative_to(results)
            assert again.read_bytes() == file.read_bytes(), file.name


def test_index_names_the_scales_and_their_numbers(report: Report, results: Path) -> None:
    text = (results / "README.md").read_text()
    assert "## [smoke](smoke/REPORT.md)" in text
    assert "fig1/with_bn 0.9000 (0.9000 to 0.9000), paper 0.9816" in text
    assert "commit 0123456789ab" in text
    assert "nan" not in text


def test_no_run_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no finished run at scale=smoke under .*; run `bnrepro"):
        write_report(tmp_path / "none", "smoke", tmp_path / "results", FIGURES, html=False)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("rising", [True, False])
def test_reference_that_is_still_rising_is_told(tmp_path: Path, rising: bool) -> None:
    curve = [min(0.5, 0.1 + 0.02 * i) if not rising else 0.1 + 0.01 * i for i in range(41)]
    losses = {"test/loss": [2.0] * 41, "train/loss": [2.0] * 41}
    for experiment in ("fig1/without_bn", "fig2/inception"):
        write_run(tmp_path / "runs", experiment, losses | {"test/accuracy": curve})
    write_report(tmp_path / "runs", "smoke", tmp_path, FIGURES, html=True)
    folder = tmp_path / "smoke"
    told = " is still rising where it was stopped: +4.00 points (standard error 0.91)"
    for file in ("REPORT.md", "report.html"):
        text = (folder / file).read_text()
        assert (f"Inception{told}" in text) == rising
        assert (f"The network without BN{told}" in text) == rising
    assert ("still rising" in (folder / "fig3" / "fig3.md").read_text()) == rising


def test_control_stands_behind_the_figures_where_it_has_run(tmp_path: Path) -> None:
    curves = {"test/accuracy": SLOW, "test/loss": [2.0] * 5, "train/loss": [2.0] * 5}
    runs, results = tmp_path / "runs", tmp_path / "results"
    write_run(runs, "fig2/inception", curves)
    without = write_report(runs, "smoke", results, FIGURES, html=True, controls=CONTROLS)
    assert "Control" not in without.files[0].read_text()
    write_run(runs, "fig2/inception", curves | {"test/accuracy": FAST}, ["model.init=he"])
    report = write_report(runs, "smoke", results, FIGURES, html=True, controls=CONTROLS)
    text, _, page = (file.read_text() for file in report.files)
    assert text.index("## Figure 3") < text.index("## Control, model.init=he: Figure 2")
    assert "(fig2,model.init=he/fig2.png)" in text
    assert "`bnrepro train experiment=fig2/bn_x5 scale=smoke model.init=he`" in text
    assert "| fig2/inception model.init=he | digits |" in text
    table = pd.read_csv(results / "smoke" / "fig3,model.init=he" / "fig3.csv")
    assert table["max_accuracy"].tolist() == [max(FAST)], "never mixed with the figure's own runs"
    for file in re.findall(r"\]\(([^)]+)\)", text):
        assert (results / "smoke" / file).exists()
    ids = re.findall(r'class="chart" id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) == 2
    assert "fig2/bn_x5" in report.not_run
