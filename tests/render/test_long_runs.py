"""A run of very many rows: what is drawn is thinned, what is computed is not."""

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnrepro.measure.quantities import BEST
from bnrepro.render.report import write_study
from bnrepro.reproduce import evidence_of
from bnrepro.runs.ended import EndedRuns
from tests.synthetic import config_of, write_run

ROWS = 30_000


def _write_long(runs: Path) -> None:
    values = 0.9 - 0.8 * np.exp(-np.arange(ROWS) / 5_000)
    values[ROWS // 3 : ROWS // 3 + 5] = 0.99  # five of thirty thousand
    for network, of in (("with_bn", values), ("without_bn", values - 0.05)):
        write_run(runs, f"fig1/{network}", {"test/accuracy": of.tolist()}, every=1)


def test_quantities_and_tables_have_every_row_and_the_picture_few(tmp_path: Path) -> None:
    _write_long(tmp_path / "runs")
    [evidence] = evidence_of("fig1", "smoke", tmp_path / "runs", tmp_path / "out")
    levels = [evidence.sample(BEST, line.label).mean.mean for line in evidence.study.lines]
    assert max(levels) == pytest.approx(0.99)
    write_study(evidence)
    bands = pd.read_csv(evidence.folder / "bands.csv")
    accuracy = bands[bands["series"] == "accuracy"]
    assert list(accuracy.groupby("line").size()) == [ROWS, ROWS]
    assert len(pd.read_csv(evidence.folder / "curves.csv")) == 2 * ROWS
    drawn = (evidence.folder / "fig1.svg").read_text()
    longest = max(path.count("L ") for path in re.findall(r' d="([^"]*)"', drawn))
    assert longest < 10_000


def test_rows_are_read_within_a_few_bytes_a_number(tmp_path: Path) -> None:
    _write_long(tmp_path)
    tracemalloc.start()
    (run,) = EndedRuns(tmp_path).of(config_of(tmp_path, "fig1/with_bn"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    numbers = run.rows.size + len(run.rows)
    assert peak < 25 * numbers + 10e6
