"""What the renderers make of studies, from run directories written for the purpose."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnrepro.config import seal
from bnrepro.errors import UserError
from bnrepro.render.captions import caption_of, title_of
from bnrepro.render.charts import charts
from bnrepro.render.report import Report, write_report, write_study
from bnrepro.render.tables import table_cells, table_numbers
from bnrepro.runs.ended import EndedRuns
from bnrepro.runs.tags import accuracy_by
from bnrepro.studies.evidence import Evidence, gather
from bnrepro.studies.registry import study
from tests.synthetic import write_run

NAMES = ("fig1", "fig2", "evaluation_statistics", "rate_tolerance", "seven_changes")
SLOW = [0.1, *np.linspace(0.1, 0.5, 10), *[0.5] * 30]
FAST = [0.1, *[0.55] * 40]
LOSSES = {"test/loss": [2.0] * 41, "train/loss": [1.5] * 41}


def gathered(runs: Path, results: Path, scale: str, names: Sequence[str] = NAMES) -> list[Evidence]:
    ended = EndedRuns(runs)
    return [gather(study(name), scale, ended, results / scale / name) for name in names]


def write_runs(runs: Path, scale: str) -> None:
    """Three seeds of some lines of Figures 1 and 2, one of which diverged."""
    common: dict[str, Any] = {"scale": scale, "every": 2 if scale == "smoke" else 500}
    for seed in range(3):
        common["seed"] = seed
        write_run(runs, "fig1/without_bn", LOSSES | {"test/accuracy": SLOW}, **common)
        write_run(runs, "fig1/with_bn", LOSSES | {"test/accuracy": FAST}, **common)
        write_run(runs, "fig2/inception", LOSSES | {"test/accuracy": SLOW}, **common)
        write_run(runs, "fig2/bn_x5", LOSSES | {"test/accuracy": FAST}, **common)
        gone = {"test/accuracy": [0.02, 0.02], "test/loss": [4.0, 4.0], "train/loss": [4.0, 4.0]}
        write_run(runs, "fig2/inception_x5", gone, diverged=True, **common)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_runs(folder, "laptop")
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def report(runs: Path, results: Path) -> Report:
    return write_report(gathered(runs, results, "laptop"), "laptop", results, html=True)


def test_links_lead_somewhere_and_no_number_is_missing(report: Report, results: Path) -> None:
    for file in (results / "laptop" / "REPORT.md", results / "README.md"):
        text = file.read_text()
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert (file.parent / link).exists(), link
        assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    text = (results / "laptop" / "REPORT.md").read_text()
    assert "![Figure 1" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
    widths = [line.count("|") - line.count("\\|") for line in tables]
    heads = [i for i, line in enumerate(tables) if line.startswith("|---")]
    assert heads
    assert all(widths[i] == widths[i - 1] for i in heads)


def test_verdicts_stand_in_the_report_and_in_its_files(report: Report, results: Path) -> None:
    assert report.verdicts["x5_fourteen"] == "partly"
    assert report.verdicts["inception_x5_fails"] == "reproduced"
    assert report.verdicts["x30_slower_at_first"] == "not run"
    text = (results / "laptop" / "REPORT.md").read_text()
    assert "**partly**: the direction alone: " in text
    assert "**not run**: needs BN-x30" in text
    table = pd.read_csv(results / "laptop" / "claims" / "claims.csv").set_index("claim")
    assert table["verdict"].to_dict() == {k: str(v) for k, v in report.verdicts.items()}
    assert table.loc["x30_slower_at_first", "n"] == 0
    seeds = pd.read_csv(results / "laptop" / "claims" / "seeds.csv")
    assert seeds[seeds.claim == "mnist_higher"].seed.tolist() == [0, 1, 2]
    assert seeds[seeds.claim == "mnist_higher"].value.tolist() == pytest.approx([0.05] * 3)


def test_every_run_that_a_claim_reads_is_in_the_set_up_table(runs: Path, tmp_path: Path) -> None:
    dropout = {"test/accuracy": SLOW} | LOSSES
    folder = tmp_path / "runs"
    for seed in range(3):
        for overrides, curve in (((), FAST), (("model.dropout=0.4",), SLOW)):
            write_run(
                folder, "fig2/bn_x5", dropout | {"test/accuracy": curve}, overrides, seed,
                scale="laptop",
            )  # fmt: skip
    evidence = gathered(folder, tmp_path, "laptop")
    report = write_report(evidence, "laptop", tmp_path, html=False)
    assert report.verdicts["dropout_can_go"] == "reproduced"
    text = (tmp_path / "laptop" / "REPORT.md").read_text()
    set_up = text.partition("## Set-up")[2]
    judged = [
        (one.study.name, label)
        for one in evidence
        for claim in one.study.claims
        if report.verdicts[claim.name] != "not run"
        for label in (claim.line, claim.reference)
        if label
    ]
    assert ("seven_changes", "BN-x5 with Dropout") in judged
    for name, label in judged:
        assert f"| {name} | {label} | " in set_up
    assert "0123456789ab" in set_up


def test_smoke_judges_nothing(tmp_path: Path) -> None:
    write_runs(tmp_path / "runs", "smoke")
    evidence = gathered(tmp_path / "runs", tmp_path, "smoke")
    report = write_report(evidence, "smoke", tmp_path, html=True)
    assert report.verdicts == {}
    text = (tmp_path / "smoke" / "REPORT.md").read_text()
    assert "judges nothing" in text
    assert "Best accuracies, highest first" not in text, "nor does it draw conclusions"
    assert "## Claims" not in text
    assert not (tmp_path / "smoke" / "claims").exists()


def test_page_works_offline_and_holds_every_chart(report: Report, results: Path) -> None:
    page = (results / "laptop" / "report.html").read_text()
    ours = re.sub(r"<script>/\*\*.*?</script>", "", page, count=1, flags=re.DOTALL)
    assert len(page) - len(ours) > 1_000_000, "Plotly is inside, once"
    for network in ("http:", "https:", "src=", "<link", "@import", "url("):
        assert network not in ours
    shown = re.search(r"const charts = (.*);\n", ours)
    assert shown
    drawn = {chart[0] for chart in json.loads(shown.group(1), parse_constant=pytest.fail)}
    ids = re.findall(r'class="chart" id="([^"]+)"', ours)
    assert sorted(ids) == sorted(drawn)
    assert {"fig1-0", "fig1-1", "fig1-2", "fig2-0", "fig2-1"} <= drawn
    assert "prefers-color-scheme: dark" in ours
    assert "@media print" in ours


def test_written_again_it_is_the_same_to_the_byte(
    report: Report, runs: Path, results: Path, tmp_path: Path
) -> None:
    write_report(gathered(runs, tmp_path, "laptop"), "laptop", tmp_path, html=True)
    files = [file for file in results.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} >= {".png", ".svg", ".md", ".csv", ".html", ".json"}
    for file in files:
        again = tmp_path / file.relative_to(results)
        assert again.read_bytes() == file.read_bytes(), file.name


def test_html_in_provenance_is_shown_as_it_is(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": FAST})
    text, _, _ = directory.config.read_text().partition("# sha256")
    directory.config.write_text(seal(text.replace("a processor", "a <b>|fast|</b> one")))
    report = write_report(
        gathered(tmp_path / "runs", tmp_path, "smoke"), "smoke", tmp_path, html=True
    )
    markdown, _, page = (file.read_text() for file in report.files)
    assert "| a &lt;b>\\|fast\\|&lt;/b> one |" in markdown
    assert "<td>a &lt;b&gt;|fast|&lt;/b&gt; one</td>" in page


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": FAST})
    write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": FAST}, seed=1).config.write_text(
        "config: ["
    )
    evidence = gathered(tmp_path / "runs", tmp_path, "smoke")
    [note] = write_report(evidence, "smoke", tmp_path, html=False).notes
    assert note.startswith("1 run(s) left out: config.yaml is damaged")


def test_fewer_seeds_than_before_are_told(tmp_path: Path) -> None:
    for seed in range(2):
        write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": FAST}, seed=seed)
    write_run(tmp_path / "others", "fig1/without_bn", {"test/accuracy": FAST})
    first, again, other = (
        write_report(
            gathered(tmp_path / runs, tmp_path, "smoke", ["fig1"]), "smoke", tmp_path, False
        )
        for runs in ("runs", "runs", "others")
    )
    assert first.notes == again.notes == []
    assert other.notes == [
        f"{tmp_path}/smoke/fig1: with BN: 0 seeds, and 2 in the results that are replaced"
    ]


def test_nothing_run_says_how_to_make_it(tmp_path: Path) -> None:
    evidence = gathered(tmp_path / "none", tmp_path / "results", "smoke")
    with pytest.raises(UserError, match="no finished run at scale=smoke; `bnrepro reproduce"):
        write_report(evidence, "smoke", tmp_path / "results", html=False)
    assert not (tmp_path / "results").exists()


def _evidence(runs: Path, results: Path, name: str, scale: str = "laptop") -> Evidence:
    [evidence] = gathered(runs, results, scale, [name])
    return evidence


def test_table_has_means_intervals_and_the_papers_numbers(runs: Path, tmp_path: Path) -> None:
    evidence = _evidence(runs, tmp_path, "fig2")
    numbers, cells = table_numbers(evidence), table_cells(evidence)
    assert numbers is not None
    assert cells
    x5 = numbers.set_index("line").loc["BN-x5"]
    assert (x5["n"], x5["best_accuracy"], x5["speed_up_paper"]) == (
        3,
        pytest.approx(0.55),
        pytest.approx(14.8, abs=0.05),
    )
    rows = {row[0]: dict(zip(cells.columns, row, strict=False)) for row in cells.rows}
    assert set(rows) == {"Inception", "BN-x5", "Inception at x5"}, "what ran"
    assert rows["BN-x5"]["best accuracy, here"] == "0.550 (0.550 to 0.550)"
    assert rows["Inception at x5"]["seeds"] == "3 (3 diverged)"
    assert rows["Inception at x5"]["times fewer, here"] == "never"
    assert cells.columns.count("paper") == 5


def test_files_hold_every_seed_and_their_means(runs: Path, tmp_path: Path) -> None:
    evidence = _evidence(runs, tmp_path, "fig1")
    write_study(evidence)
    curves = pd.read_csv(tmp_path / "laptop" / "fig1" / "curves.csv")
    assert len(curves) == 2 * 3 * 41
    at_end = curves[(curves["line"] == "without BN") & (curves["step"] == 20_000)]["accuracy"]
    bands = pd.read_csv(tmp_path / "laptop" / "fig1" / "bands.csv").set_index("line")
    band = bands.loc["without BN"].query("series == 'accuracy' and step == 20_000").iloc[0]
    assert (band["mean"], band["n"]) == (pytest.approx(at_end.mean()), 3)
    setup = json.loads((tmp_path / "laptop" / "fig1" / "setup.json").read_text())
    assert setup["lines"]["with BN"]["seeds"] == [0, 1, 2]


def test_diverged_seed_ends_in_a_cross(runs: Path, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from bnrepro.render.figure import _draw_panel

    evidence = _evidence(runs, tmp_path, "fig2")
    axes = Figure().subplots()
    _draw_panel(axes, evidence.study.panels[0], evidence)
    crosses = [line for line in axes.get_lines() if line.get_marker() == "x"]
    assert len(crosses) == 3
    assert {tuple(np.ravel(cross.get_xydata()).tolist()) for cross in crosses} == {(500, 0.02)}
    diamonds = [line for line in axes.get_lines() if line.get_marker() == "D"]
    assert len(diamonds) == 2, "where Inception and BN-x5 first reach Inception's best"


def test_study_with_nothing_run_leaves_no_picture(tmp_path: Path) -> None:
    evidence = _evidence(tmp_path / "none", tmp_path, "fig1")
    assert evidence.is_empty
    files = {file.name for file in write_study(evidence)}
    assert files == {"fig1.md", "setup.json"}
    assert "Not run: without BN, with BN." in (evidence.folder / "fig1.md").read_text()


def test_study_of_one_line_is_drawn_beside_what_has_not_run(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": FAST})
    evidence = _evidence(tmp_path / "runs", tmp_path, "fig1", "smoke")
    assert "fig1.png" in {file.name for file in write_study(evidence)}
    assert title_of(evidence).count("one seed, no interval") == 1


def _plain(evidence: Evidence) -> dict[str, list[dict[str, Any]]]:
    """The charts' traces, as they are read back from JSON."""
    return {
        chart.id: json.loads(json.dumps(chart.data, allow_nan=False)) for chart in charts(evidence)
    }


def test_charts_hold_every_line_that_ran_and_the_papers(runs: Path, tmp_path: Path) -> None:
    drawn = _plain(_evidence(runs, tmp_path, "fig2"))
    names = [trace["name"] for trace in drawn["fig2-0"]]
    assert {"Inception (n=3)", "BN-x5 (n=3)", "Inception at x5 (n=3)"} <= set(names)
    assert [trace["name"] for trace in drawn["fig2-1"]] == [
        *(f"paper: {line.label}" for line in study("fig2").lines if line.paper),
        "best of Inception",
        "first reaches it",
    ], "even of what has not run"
    level, diamonds = drawn["fig2-0"][-2:]
    assert level["name"] == "best of Inception"
    assert set(level["y"]) == set(diamonds["y"])
    assert diamonds["text"] == ["Inception", "BN-x5"]
    assert diamonds["x"][1] < diamonds["x"][0] <= level["x"][1]
    fig1 = _plain(_evidence(runs, tmp_path, "fig1"))
    assert len([trace for trace in fig1["fig1-0"] if trace.get("fill")]) == 2
    assert len(fig1["fig1-1"]) == 2 * 3, "mean and the paper's, of three percentiles"


def test_paper_does_not_stretch_the_axis_of_a_short_run(tmp_path: Path) -> None:
    write_runs(tmp_path / "runs", "smoke")
    evidence = _evidence(tmp_path / "runs", tmp_path, "fig1", "smoke")
    traces = [trace for chart in charts(evidence) for trace in chart.data]
    assert any(trace["name"].startswith("paper") for trace in traces)
    assert max(place for trace in traces for place in trace["x"]) == 80, "our last step"
    accuracy = charts(evidence)[0].layout["yaxis"]
    assert accuracy["range"][0] <= 0.5, "what ends below the range that was asked for is seen"
    assert (accuracy["minallowed"], accuracy["maxallowed"]) == (-0.02, 1.02)
    for text in (title_of(evidence), caption_of(evidence)):
        assert "digits data" in text
        assert "the paper, digitized, as far as our steps go" in text
    assert "MNIST" not in title_of(evidence)


def test_what_cannot_be_compared_is_no_dash_and_not_never(tmp_path: Path) -> None:
    chance = {"test/accuracy": [0.1] * 41} | LOSSES
    for seed in range(2):
        write_run(tmp_path / "runs", "fig2/inception", chance, seed=seed)
        write_run(tmp_path / "runs", "fig2/bn_x5", {"test/accuracy": FAST}, seed=seed)
    cells = table_cells(_evidence(tmp_path / "runs", tmp_path, "fig2", "smoke"))
    assert cells
    rows = {row[0]: dict(zip(cells.columns, row, strict=False)) for row in cells.rows}
    assert rows["BN-x5"]["times fewer, here"] == "undefined"


def test_charts_of_quantities_and_ends_are_plain_values(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    ends = {accuracy_by(name): [0.5, 0.6] for name in ("population", "moving", "batch_2")}
    write_run(runs, "evaluation_statistics", ends | {"test/accuracy": [0.5, 0.6]}, ["batch_size=2"])
    statistics = _evidence(runs, tmp_path, "evaluation_statistics", "smoke")
    [(trace,), curves, lag] = _plain(statistics).values()
    assert trace["x"] == ["2", "moving averages", "Algorithm 2"]
    assert trace["y"] == [0.6] * 3
    assert {trace["name"] for trace in curves} == {
        "trained in 2s, population (n=1)",
        "trained in 2s, moving (n=1)",
    }
    assert lag[0]["y"] == [0]
    write_study(statistics)
    write_run(runs, "fig2/inception", {"test/accuracy": [0.0] * 9})
    write_run(runs, "fig2/bn_baseline", {"test/accuracy": FAST})
    rates = _plain(_evidence(runs, tmp_path, "rate_tolerance", "smoke"))
    assert [trace["x"] for trace in rates["rate_tolerance-0"]] == [[1.0], [1.0]]


def test_start_whose_place_is_not_computed_yet_is_not_drawn(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "fig2/inception", {"test/accuracy": [0.0] * 9})
    evidence = _evidence(runs, tmp_path, "start_sensitivity", "smoke")
    assert _plain(evidence) == {"start_sensitivity-0": []}
    write_study(evidence)
    assert "not prepared" in (evidence.folder / "start_sensitivity.svg").read_text()
    place = {"line": "without BN, pixels, Caffe", "logit_spread": [0.5]}
    pd.DataFrame(place).to_csv(evidence.folder / "starts.csv", index=False)
    [(failed,)] = _plain(evidence).values()
    assert (failed["x"], failed["y"]) == ([0.5], [80.0]), "never there: at its last step"
    write_study(evidence)
