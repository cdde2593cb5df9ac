"""The paper as data: what was digitized agrees with what is printed."""

import numpy as np
import pytest

from bnrepro.measure.curves import steps_to_reach
from bnrepro.paper import paper_curve
from bnrepro.paper.figure3 import FIGURE_3


def test_curves_hold_the_digitized_points() -> None:
    with_bn = paper_curve("fig1a_with_bn")
    assert with_bn.values[-1] == pytest.approx(0.98155)
    assert (with_bn.steps[1:] > with_bn.steps[:-1]).all()
    assert len(paper_curve("fig1b_p50").steps) > 190


@pytest.mark.parametrize("network", ["BN-Baseline", "BN-x5", "BN-x30"])
def test_figure_2s_curves_reach_72_percent_where_figure_3_says(network: str) -> None:
    row, curve = FIGURE_3[network], paper_curve(f"fig2_{network}")
    assert steps_to_reach(curve, 0.722) == pytest.approx(1e6 * row.steps, rel=0.1)
    assert curve.values.max() == pytest.approx(row.accuracy, abs=2e-3)


def test_sigmoid_network_never_reaches_it() -> None:
    assert np.isnan(FIGURE_3["BN-x5-Sigmoid"].steps)
    assert paper_curve("fig2_BN-x5-Sigmoid").values.max() < 0.722
