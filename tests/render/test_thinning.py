import numpy as np
import pandas as pd
import pytest

from bnrepro.render.thinning import thin


def _curve(rows: int, first: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame({"step": np.arange(first, first + rows), "mean": values})


@pytest.mark.parametrize("log_x", [False, True])
def test_thinned_curve_keeps_its_ends_and_extremes(log_x: bool) -> None:
    curve = _curve(50_000, first=1)
    shown = thin(curve, "step", "mean", log_x, most=500)
    assert len(shown) <= 500 + 4
    assert (shown.iloc[0] == curve.iloc[0]).all()
    assert (shown.iloc[-1] == curve.iloc[-1]).all()
    assert shown["mean"].min() == curve["mean"].min()
    assert shown["mean"].max() == curve["mean"].max()
    assert shown["step"].is_monotonic_increasing
    assert shown["step"].is_unique


def test_logarithmic_axis_keeps_the_early_rows() -> None:
    shown = thin(_curve(50_000, first=1), "step", "mean", log_x=True, most=500)
    assert (shown["step"] <= 10).sum() == 10


def test_what_a_picture_can_show_stays_as_it_is() -> None:
    curve = _curve(500)
    assert thin(curve, "step", "mean", most=500) is curve
