import json
import math
from pathlib import Path

import numpy as np

from bnrepro.runs.columns import read_columns


def test_rows_become_columns_and_damaged_ones_are_named(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(
        '{"step": 0, "a": 1}\n'
        '{"step": 1, "b": 0.5}\n'
        "no JSON\n"
        '{"step": 1, "a": 3.0}\n'
        f'{{"step": 2, "a": 1{"0" * 400}}}\n'
        f'{{"step": 1{"0" * 30}, "a": 3.0}}\n'
        '{"step": 5, "a": 2.0}\n'
    )
    steps, columns, damage = read_columns(file)
    assert steps.tolist() == [0, 1, 5]
    np.testing.assert_array_equal(columns["a"], [1, math.nan, 2])
    np.testing.assert_array_equal(columns["b"], [math.nan, 0.5, math.nan])
    assert damage == [
        "line 3 is no JSON row",
        "line 4 is not beyond the step before it",
        "line 5 holds a number beyond all range",
        "line 6 holds a number beyond all range",
    ]


def test_damage_far_into_a_file_leaves_out_its_line_alone(tmp_path: Path) -> None:
    lines = [json.dumps({"step": step, "a": step / 7}) for step in range(3_000)]
    lines[1_500] = '{"step": 1500, "a": 1}, {"step": 1501, "a": 1}'
    lines[1_600:1_602] = '{"step": 1600', '"a": 2}'  # together with the one above, as many objects
    lines[2_500] = '{"step": 2500, "b": 0.5}'
    lines[2_900] = '{"step": 2900, "b": "0.5"}'
    lines[2_999] = '{"step": 2998, "a": 1.0}'
    file = tmp_path / "metrics.jsonl"
    file.write_text("\n".join(lines))
    steps, columns, damage = read_columns(file)
    assert steps.tolist() == sorted({*range(2_999)} - {1_500, 1_600, 1_601, 2_900})
    values = dict(zip(steps.tolist(), columns["a"].tolist(), strict=True))
    assert math.isnan(values.pop(2_500))
    assert values == {step: step / 7 for step in values}
    assert np.flatnonzero(~np.isnan(columns["b"])).tolist() == [steps.tolist().index(2_500)]
    assert damage == [
        "line 1501 is no JSON row",
        "line 1601 is no JSON row",
        "line 1602 is no JSON row",
        "line 2901 holds what is no number",
        "line 3000 is not beyond the step before it",
    ]


def test_empty_file_has_no_columns(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.touch()
    steps, columns, damage = read_columns(file)
    assert (len(steps), columns, damage) == (0, {}, [])
