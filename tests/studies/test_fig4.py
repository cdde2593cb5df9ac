"""Figure 4 from predictions that are written, not computed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnrepro.measure.verdict import Verdict
from bnrepro.render.tables import table_cells, table_numbers
from bnrepro.runs.ended import EndedRuns
from bnrepro.runs.predictions import Method, Predictions, write_predictions
from bnrepro.studies.evidence import Evidence, check, gather, line_config
from bnrepro.studies.registry import study
from tests.synthetic import write_run

STUDY = study("fig4")
LABELS = np.arange(100) % 10


def _write(runs: Path, position: int, seed: int, evaluated: bool = True) -> None:
    line = STUDY.lines[position]
    curve = {"test/accuracy": [0.1, 0.5]}
    directory = write_run(runs, line.experiment, curve, line.overrides, seed)
    directory.weights.write_bytes(f"weights of {position} {seed}".encode())
    evaluation = line_config(line, "smoke").evaluation
    for crops in (1, 144) if evaluated else ():
        # Each member is right where chance lets it, the more often the more crops.
        generator = np.random.default_rng([position, seed, crops])
        scores = generator.random((100, 10)) + (crops / 400 + 0.5) * np.eye(10)[LABELS]
        probabilities = (scores / scores.sum(1, keepdims=True)).astype(np.float32)
        method = Method("population", evaluation.population_batches, crops)
        write_predictions(directory, method, Predictions(probabilities, LABELS))


def _evidence(tmp_path: Path) -> Evidence:
    return gather(STUDY, "smoke", EndedRuns(tmp_path / "runs"), tmp_path)


def _rows(evidence: Evidence) -> pd.DataFrame:
    rows = table_numbers(evidence)
    assert rows is not None
    return rows


def test_members_and_ensembles_stand_beside_the_paper(tmp_path: Path) -> None:
    for position in range(6):
        for seed in range(3):
            _write(tmp_path / "runs", position, seed)
    evidence = _evidence(tmp_path)
    rows = _rows(evidence)
    assert len(rows) == 3 * 2 * 7
    many = rows[rows["crops"] == 144]
    members = many[many["model"] != "ensemble"].groupby("seed")["top1_error"]
    together = many[many["model"] == "ensemble"].set_index("seed")["top1_error"]
    assert (together < members.min()).all()
    cells = table_cells(evidence)
    assert cells
    shown = pd.DataFrame(cells.rows, columns=cells.columns).set_index("model")
    here = shown["top-1 error, here"]
    assert here["BN-Inception ensemble"].startswith(f"{100 * together.mean():.2f} (")
    assert here["BN-Inception multicrop"].startswith(f"{100 * members.mean().mean():.2f} (")
    assert here["GoogLeNet ensemble"] == "not run here"
    assert shown.loc["BN-Inception ensemble", ["seeds", "models"]].tolist() == ["3", "6"]
    assert shown.loc["BN-Inception ensemble", "top-1 error, paper"] == "20.1 %"
    ensemble, crops = (check(claim, evidence) for claim in reversed(STUDY.claims))
    assert ensemble.mean.mean == pytest.approx((members.min() - together).mean())
    single = rows[(rows["crops"] == 1) & (rows["model"] != "ensemble")].groupby("seed")
    gain = single["top1_error"].mean() - members.mean()
    assert crops.mean.mean == pytest.approx(gain.mean())
    assert {ensemble.verdict, crops.verdict} <= {Verdict.REPRODUCED, Verdict.PARTLY}


def test_one_ensemble_is_judged_over_images(tmp_path: Path) -> None:
    for position in range(6):
        _write(tmp_path / "runs", position, seed=0)
    for claim in STUDY.claims:
        found = check(claim, _evidence(tmp_path))
        assert found.sample
        assert len(found.sample.values) == 1
        assert found.mean.n == len(LABELS)
        assert found.mean.low < found.mean.mean == pytest.approx(found.sample.values[0])
        assert found.verdict is not Verdict.UNDECIDED, "one seed, a hundred images"


def test_a_seed_without_all_six_has_no_ensemble(tmp_path: Path) -> None:
    for position in range(6):
        _write(tmp_path / "runs", position, seed=0, evaluated=position != 3)
    evidence = _evidence(tmp_path)
    assert "ensemble" not in set(_rows(evidence)["model"])
    cells = table_cells(evidence)
    assert cells
    assert cells.rows[-1][4] == "not run here"
    assert check(STUDY.claims[1], evidence).verdict is Verdict.NOT_RUN


def test_runs_that_nobody_evaluated_have_no_table(tmp_path: Path) -> None:
    _write(tmp_path / "runs", 0, seed=0, evaluated=False)
    assert table_cells(_evidence(tmp_path)) is None
