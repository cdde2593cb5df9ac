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


def test_empty_file_has_no_columns(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.touch()
    steps, columns, damage = read_columns(file)
    assert (len(steps), columns, damage) == (0, {}, [])
