"""Names of runs are folders of the view: none leads out of it."""

from pathlib import Path

import pytest
import yaml

from bnrepro.dashboard.names import curve_name
from bnrepro.dashboard.sources import read_source
from bnrepro.dashboard.view import Scope, View
from bnrepro.runs import RunDirectory
from tests.dashboard.conftest import write_run


def _rename(directory: RunDirectory, experiment: str) -> None:
    content = yaml.safe_load(directory.config.read_text())
    content["config"]["experiment"] = experiment
    directory.config.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    "experiment",
    ["../../x", "/x", "x/../../../y", "..", "", "x//y", "x\0y", "x\ny", "x" * 300, "x/" * 3000],
)
def test_experiment_of_any_name_stays_in_the_view(tmp_path: Path, experiment: str) -> None:
    _rename(write_run(tmp_path / "runs", "fig1/with_bn"), experiment)
    folder = tmp_path / "cache" / "a" / "view"
    scope = Scope(tmp_path / "runs", "smoke", tmp_path / "results", [])
    View(folder, scope, print).refresh()
    written = list(tmp_path.rglob("*tfevents*"))
    shown = {file for file in written if folder in file.parents}
    assert set(written) == shown
    assert len(shown) == 2, "the run, and the report"


def test_plain_name_is_the_experiment(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "runs", "fig1/with_bn", "optim.lr=0.3")
    source = read_source(directory)
    assert source is not None
    assert curve_name(source, []) == "fig1/with_bn,optim.lr=0.3"
