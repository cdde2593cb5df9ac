"""What belongs to a curve, what is left out, and what is said of it."""

from pathlib import Path

import pytest

from bnrepro.reports.runs import ended_runs
from tests.synthetic import write_run

PRESET = ("fig1/with_bn", "smoke")
CURVE = {"test/accuracy": [0.1, 0.5, 0.9]}


def test_runs_of_another_recipe_are_counted_by_what_differs(tmp_path: Path) -> None:
    write_run(tmp_path, "fig1/with_bn", CURVE)
    for lr in (0.3, 0.4):
        write_run(tmp_path, "fig1/with_bn", CURVE, [f"optim.lr={lr}"])
    write_run(tmp_path, "fig1/with_bn", CURVE, ["norm=layer"])
    write_run(tmp_path, "fig1/with_bn", CURVE, ["scale=laptop", "data=digits"])
    runs, notes = ended_runs(tmp_path, *PRESET)
    assert len(runs) == 1
    assert notes == [
        "fig1/with_bn: 1 run left out, different in norm.name",
        "fig1/with_bn: 2 runs left out, different in optim.lr",
    ], "another scale is another figure: nothing to say"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"step": 7', "line 4 is no JSON row"),
        (b"\xff\xfe", "line 4 is no JSON row"),
        (b'{"loss": 7}', "line 4 is no row with a step"),
        (b'{"step": 30, "test/accuracy": "0.9"}', "line 4 holds what is no number"),
        (b'{"step": 20, "test/accuracy": 0.2}', "line 4 is not beyond the step before it"),
    ],
)
def test_damaged_row_is_skipped_and_named(tmp_path: Path, line: bytes, told: str) -> None:
    directory = write_run(tmp_path, "fig1/with_bn", CURVE)
    with directory.metrics.open("ab") as file:
        file.write(line + b'\n{"step": 40, "test/accuracy": 0.95}\n')
    (run,), (note,) = ended_runs(tmp_path, *PRESET)
    assert note.endswith(f"/metrics.jsonl: 1 row skipped: {told}")
    assert run.rows["test/accuracy"].tolist() == [0.1, 0.5, 0.9, 0.95], "the rest of it is kept"


def test_run_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    write_run(tmp_path, "fig1/with_bn", CURVE).config.write_text("config: [")
    write_run(tmp_path, "fig1/with_bn", CURVE, seed=1).metrics.unlink()
    runs, notes = ended_runs(tmp_path, *PRESET)
    assert runs == []
    assert notes == [
        "fig1/with_bn: 1 run left out, config.yaml cannot be read, or is another version's",
        "fig1/with_bn: 1 run left out, metrics.jsonl holds no row",
    ]
