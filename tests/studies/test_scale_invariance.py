from pathlib import Path

import numpy as np
import pandas as pd

from bnrepro.studies.scale_invariance import write_scale_invariance


def test_section_3_3_holds_to_rounding(tmp_path: Path) -> None:
    write_scale_invariance(tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv").set_index("scale")
    assert {0.1, 100.0} <= set(table.index)
    assert (table[["output_difference", "input_gradient_difference"]] < 1e-9).all(axis=None)
    np.testing.assert_allclose(table["weight_gradient_ratio_times_scale"], 1, atol=1e-9)
