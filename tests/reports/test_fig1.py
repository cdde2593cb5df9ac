import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bnrepro.config import RunConfig, load
from bnrepro.errors import UserError
from bnrepro.paper import paper_curve
from bnrepro.reports import draw_fig1
from bnrepro.reports.runs import ended_runs
from bnrepro.runs import RunDirectory, State
from bnrepro.training import run

CHANGED = ["steps=40"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds of each network, and runs that do not belong to the figure."""
    folder = tmp_path_factory.mktemp("runs")
    common = ["scale=smoke", f"runtime.runs={folder}"]
    for network in ("with_bn", "without_bn"):
        for seed in range(3):
            config = [f"experiment=fig1/{network}", f"seed={seed}", *common, *CHANGED]
            run(load(config), Console(file=io.StringIO()))
    other = ["experiment=fig1/with_bn", "optim.lr=0.3", *common, *CHANGED]
    run(load(other), Console(file=io.StringIO()))
    return folder


def test_figure_and_numbers_come_from_the_rows(runs: Path, tmp_path: Path) -> None:
    folder, missing, *_ = draw_fig1(runs, "smoke", tmp_path, CHANGED)
    assert missing == []
    assert folder.name == "fig1,steps=40", "what was changed does not pass for the figure"
    curves = pd.read_csv(folder / "curves.csv")
    assert len(curves) == 2 * 3 * 3, "networks, seeds, evaluations at 0, 20, 40"
    bands = pd.read_csv(folder / "bands.csv")
    one = curves[(curves.experiment == "fig1/with_bn") & (curves.step == 40)].test_accuracy
    shown = bands[
        (bands.experiment == "fig1/with_bn")
        & (bands.quantity == "test_accuracy")
        & (bands.step == 40)
    ].iloc[0]
    assert shown["mean"] == pytest.approx(one.mean(), rel=1e-5)
    assert shown.n == 3
    assert shown.low <= shown["mean"] <= shown.high
    setup = json.loads((folder / "setup.json").read_text())
    assert setup["experiments"]["fig1/with_bn"]["seeds"] == [0, 1, 2]
    summary = pd.read_csv(folder / "summary.csv")
    never = summary[summary.quantity == "steps to 0.95"].never
    assert never.tolist() == [3, 3], "seeds that never get there are counted"


def test_drawn_again_it_is_the_same_to_the_byte(runs: Path, tmp_path: Path) -> None:
    first, *_ = draw_fig1(runs, "smoke", tmp_path / "first", CHANGED)
    second, *_ = draw_fig1(runs, "smoke", tmp_path / "second", CHANGED)
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name


def test_runs_with_anything_else_changed_are_left_out(runs: Path) -> None:
    plain = ended_runs(runs, "fig1/with_bn", "smoke", *CHANGED).runs
    assert [found.config.seed for found in plain] == [0, 1, 2]
    assert len(ended_runs(runs, "fig1/with_bn", "smoke", "optim.lr=0.3", *CHANGED).runs) == 1


def test_no_run_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run `bnrepro train experiment=fig1/with_bn scale=smoke`"):
        draw_fig1(tmp_path / "none", "smoke", tmp_path, [])


def test_unfinished_runs_are_not_drawn(small_run: Callable[..., RunConfig]) -> None:
    config = small_run()
    told = ["steps=60", "record.every=10", "evaluation.population_batches=2"]
    outcome = run(config, Console(file=io.StringIO()))
    directory = RunDirectory(outcome.directory.path)
    status = json.loads(directory.status.read_text()) | {"state": State.PREEMPTED}
    directory.status.write_text(json.dumps(status))
    found = ended_runs(Path(config.runtime.runs), "fig1/with_bn", "smoke", *told)
    assert found.runs == []


def test_paper_curves_hold_the_digitized_points() -> None:
    with_bn = paper_curve("fig1a_with_bn")
    assert with_bn.values[-1] == pytest.approx(0.98155)
    assert (with_bn.steps[1:] > with_bn.steps[:-1]).all()
    assert len(paper_curve("fig1b_p50").steps) > 190
    assert paper_curve("fig2_BN-x30").values.max() == pytest.approx(0.748, abs=2e-3)
