import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bnrepro.config import load
from bnrepro.reports import draw_fig2, write_fig3
from bnrepro.reports.fig2 import MODELS, fig3_table
from bnrepro.reports.runs import FinishedRun
from bnrepro.runs import RunDirectory
from bnrepro.training import run

CHANGED = ["inception_steps=60", "model.width=0.0625", "data.size=32"]


def _finished(experiment: str, seed: int, curve: dict[int, float], diverged: bool = False):
    config = load([f"experiment={experiment}", f"seed={seed}"])
    rows = pd.DataFrame({"test/accuracy": curve})
    return FinishedRun(RunDirectory(Path()), config, [], 1.0, diverged, rows)


def test_steps_to_match_are_counted_against_inception_of_the_same_seed() -> None:
    found = {model.experiment: [] for model in MODELS}
    found["fig2/inception"] = [
        _finished("fig2/inception", 0, {0: 0.0, 1000: 0.4, 2000: 0.3}),
        _finished("fig2/inception", 1, {0: 0.0, 1000: 0.5, 2000: 0.6}),
    ]
    found["fig2/bn_x5"] = [
        _finished("fig2/bn_x5", 0, {0: 0.0, 100: 0.8}),  # .4 at step 50
        _finished("fig2/bn_x5", 1, {0: 0.0, 100: 0.5}),  # never at .6
    ]
    found["fig2/inception_x5"] = [_finished("fig2/inception_x5", 0, {0: 0.1}, diverged=True)]
    table = fig3_table(found).set_index("model")
    x5 = table.loc["BN-x5"]
    assert (x5.n, x5.never) == (2, 1)
    assert x5.steps == 50
    assert x5.speed_up == 1000 / 50
    assert x5.max_accuracy == pytest.approx(0.65)
    inception = table.loc["Inception"]
    assert inception.steps == 1500, "the first step at the best accuracy of each seed"
    assert inception.speed_up == 1
    assert table.loc["Inception at x5"].diverged == 1
    assert "BN-x30" not in table.index, "what did not run is left out"
    assert table.loc["BN-x5"].paper_speed_up == pytest.approx(14.8, abs=0.05)
    assert np.isnan(table.loc["BN-x5"].paper_speed_up) == np.False_


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("inception", "bn_x5"):
        config = [f"experiment=fig2/{name}", "scale=smoke", f"runtime.runs={folder}", *CHANGED]
        run(load(config), Console(file=io.StringIO()))
    return folder


def test_figure_2_shows_what_ran_beside_the_paper(runs: Path, tmp_path: Path) -> None:
    folder, missing, *_ = draw_fig2(runs, "smoke", tmp_path, CHANGED)
    assert "fig2/bn_x30" in missing
    assert {file.name for file in folder.iterdir()} == {
        "bands.csv",
        "curves.csv",
        "fig2.png",
        "fig2.svg",
        "setup.json",
    }
    curves = pd.read_csv(folder / "curves.csv")
    assert set(curves.experiment) == {"fig2/inception", "fig2/bn_x5"}
    svg = (folder / "fig2.svg").read_bytes()
    draw_fig2(runs, "smoke", tmp_path / "again", CHANGED)
    assert (tmp_path / "again" / "smoke" / folder.name / "fig2.svg").read_bytes() == svg


def test_figure_3_is_a_table_with_the_papers_numbers(runs: Path, tmp_path: Path) -> None:
    folder, *_ = write_fig3(runs, "smoke", tmp_path, CHANGED)
    markdown = (folder / "fig3.md").read_text()
    assert "| BN-x5 | 1 |" in markdown
    assert "2.1e6" in markdown
    assert pd.read_csv(folder / "fig3.csv").model.tolist() == ["Inception", "BN-x5"]
