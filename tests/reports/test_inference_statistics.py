"""The study of BN's statistics at evaluation, from run directories written for the purpose."""

from pathlib import Path

import pandas as pd
import pytest

from bnrepro.errors import UserError
from bnrepro.reports import EXPERIMENTS, FIGURES, draw_statistics, write_report
from tests.synthetic import write_run

AGES = 4


def _curves(population: float, moving: float, batch: float) -> dict[str, list[float]]:
    tags = {"population": population, "moving": moving}
    tags |= {f"batch_{size}": batch + size / 1000 for size in (2, 16, 128)}
    curves = {f"test/{name}/accuracy": [value] * AGES for name, value in tags.items()}
    return curves | {"test/accuracy": [population] * AGES}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two networks with two seeds, one of them with a third that diverged."""
    folder = tmp_path / "runs"
    for seed in range(2):
        shift = 0.1 * seed
        small = _curves(0.5 + shift, 0.4 + shift, 0.2)
        write_run(folder, "statistics/batch_2", small, seed=seed)
        write_run(folder, "statistics/batch_60", _curves(0.9, 0.9, 0.8), seed=seed)
    early = {tag: values[:2] for tag, values in _curves(0.1, 0.1, 0.1).items()}
    write_run(folder, "statistics/batch_2", early, seed=2, diverged=True)
    return folder


def test_figure_and_numbers_come_from_the_rows(runs: Path, tmp_path: Path) -> None:
    folder, missing, *_ = draw_statistics(runs, "smoke", tmp_path / "results", [])
    assert missing == [f"statistics/batch_{size}" for size in (4, 8, 16, 32)]
    assert {file.name for file in folder.iterdir()} == {
        "bands.csv",
        "curves.csv",
        "setup.json",
        "statistics.png",
        "statistics.svg",
        "summary.csv",
    }
    summary = pd.read_csv(folder / "summary.csv").set_index(["training_batch", "quantity"])
    assert summary.loc[(2, "population"), "mean"] == pytest.approx(0.55)
    assert summary.loc[(2, "population"), ["n", "diverged"]].tolist() == [2, 1]
    assert summary.loc[(60, "batch_128"), "mean"] == pytest.approx(0.928)
    order = ["population", "moving", "batch_2", "batch_16", "batch_128", "moving_minus_population"]
    assert summary.loc[2].index.tolist() == order, "mini-batches by size, not by name"
    # The difference is taken within each seed: the seeds are far apart, the differences are not.
    lag = summary.loc[(2, "moving_minus_population")]
    assert [lag["mean"], lag.low, lag.high] == pytest.approx([-0.1] * 3)
    curves = pd.read_csv(folder / "curves.csv")
    assert len(curves) == 4 * AGES + 2
    bands = pd.read_csv(folder / "bands.csv")
    of_small = bands[(bands.experiment == "statistics/batch_2") & (bands.quantity == "population")]
    assert of_small.n.tolist() == [3, 3, 2, 2], "a diverged run counts as far as it goes"


def test_drawn_again_it_is_the_same_to_the_byte(runs: Path, tmp_path: Path) -> None:
    first, *_ = draw_statistics(runs, "smoke", tmp_path / "first", [])
    second, *_ = draw_statistics(runs, "smoke", tmp_path / "second", [])
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name


def test_runs_that_compared_nothing_are_refused(tmp_path: Path) -> None:
    off = ["measures=[]"]
    write_run(tmp_path, "statistics/batch_60", {"test/accuracy": [0.1, 0.9]}, off)
    with pytest.raises(UserError, match=r"make them with measures=\[evaluation_statistics\]"):
        draw_statistics(tmp_path, "smoke", tmp_path / "results", off)
    assert not (tmp_path / "results").exists()


def test_report_holds_the_study(runs: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    report = write_report(runs, "smoke", results, FIGURES, html=True)
    text = (results / "smoke" / "REPORT.md").read_text()
    assert "](statistics/statistics.png)" in text
    assert "| 60 | 0.9000 (0.9000 to 0.9000) | 0.9000 (0.9000 to 0.9000) | 0.8020 (" in text
    assert "| 2 | 0.5500 (0.5000 to 0.6000) |" in text
    # Level in the third seed, which diverged: the mean is lowest where it is no longer there.
    assert "| -0.1000 (-0.1000 to -0.1000) at step 20 | 3 (1 diverged) |" in text
    assert "digitized curves beside](statistics" not in text, "the paper shows none"
    assert "statistics/batch_4" in report.not_run
    page = (results / "smoke" / "report.html").read_text()
    for chart in ("statistics-final", "statistics-lag"):
        assert f'id="{chart}"' in page


def test_every_preset_of_the_study_is_in_the_figure() -> None:
    from bnrepro.config.groups import options

    presets = {name for name in options("experiment") if name.startswith("statistics/")}
    assert presets == set(EXPERIMENTS["statistics"])
