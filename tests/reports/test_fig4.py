from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnrepro.config import preset
from bnrepro.runs.predictions import Predictions, write_predictions
from bnrepro.reports.fig4 import COLUMNS, MEMBERS, fig4_cells, methods_of, write_fig4
from bnrepro.reports.figures import NothingRunError
from tests.synthetic import write_run

LABELS = np.arange(100) % 10


def _run(runs: Path, member: str, seed: int, evaluated: bool = True) -> None:
    directory = write_run(runs, member, {"test/accuracy": [0.1, 0.5]}, seed=seed)
    directory.weights.write_bytes(f"weights of {member} {seed}".encode())
    for method in methods_of(preset(member, "smoke")) if evaluated else ():
        # Each member is right where chance lets it, the more often the more crops.
        generator = np.random.default_rng([MEMBERS.index(member), seed, method.crops])
        scores = generator.random((100, 10)) + (method.crops / 400 + 0.5) * np.eye(10)[LABELS]
        probabilities = scores / scores.sum(1, keepdims=True)
        write_predictions(directory, method, Predictions(probabilities.astype(np.float32), LABELS))


def test_members_and_ensembles_stand_beside_the_paper(tmp_path: Path) -> None:
    for member in MEMBERS:
        for seed in (0, 1):
            _run(tmp_path / "runs", member, seed)
    written = write_fig4(tmp_path / "runs", "smoke", tmp_path / "results", [])
    assert (written.missing, written.notes) == ([], ())
    rows = pd.read_csv(written.folder / "fig4.csv")
    assert len(rows) == 2 * 2 * 7
    multicrop = rows[rows["crops"] == 144]
    members = multicrop[multicrop["model"] != "ensemble"]
    together = multicrop[multicrop["model"] == "ensemble"].set_index("seed")["top1_error"]
    assert (together < members.groupby("seed")["top1_error"].min()).all()
    table = pd.read_csv(written.folder / "table.csv").set_index("model")
    assert table.loc["BN-Inception ensemble", "top1_error"] == pytest.approx(together.mean())
    of_seeds = members.groupby("seed")["top1_error"].mean()
    assert table.loc["BN-Inception multicrop", "top1_error"] == pytest.approx(of_seeds.mean())
    cells = {row[0]: dict(zip(COLUMNS, row, strict=False)) for row in fig4_cells(written.folder)}
    assert cells["GoogLeNet ensemble"]["top-1 error, here"] == "not run here"
    assert cells["BN-Inception ensemble"]["seeds"] == "2"
    assert cells["BN-Inception ensemble"]["models"] == "6"
    size = preset(MEMBERS[0], "smoke").input_size
    assert cells["BN-Inception ensemble"]["resolution"] == str(size)
    text = (written.folder / "fig4.md").read_text()
    assert "20.1 %" in text
    assert "| 6.67 % |" in text


def test_a_seed_without_all_six_has_no_ensemble_and_is_named(tmp_path: Path) -> None:
    for member in MEMBERS:
        _run(tmp_path / "runs", member, 0, evaluated=member != "fig4/member_3")
    written = write_fig4(tmp_path / "runs", "smoke", tmp_path / "results", [])
    assert "ensemble" not in set(pd.read_csv(written.folder / "fig4.csv")["model"])
    assert written.notes[-1] == (
        "fig4: seed 0 has no ensemble on 144 crops: fig4/member_3 not run to the end or not "
        "evaluated"
    )
    ensemble = fig4_cells(written.folder)[-1]
    assert ensemble[5] == "not run here"


def test_runs_that_nobody_evaluated_are_no_figure(tmp_path: Path) -> None:
    _run(tmp_path / "runs", MEMBERS[0], 0, evaluated=False)
    with pytest.raises(NothingRunError, match="run `bnrepro reproduce fig4 --scale smoke`"):
        write_fig4(tmp_path / "runs", "smoke", tmp_path / "results", [])
