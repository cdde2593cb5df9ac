import io

import numpy as np
import pandas as pd

from bnrepro.studies import scale_invariance


def test_section_3_3_holds_to_rounding() -> None:
    table = pd.read_csv(io.StringIO(scale_invariance())).set_index("scale")
    assert {0.1, 100.0} <= set(table.index)
    assert (table[["output_difference", "input_gradient_difference"]] < 1e-9).all(axis=None)
    np.testing.assert_allclose(table["weight_gradient_ratio_times_scale"], 1, atol=1e-9)
