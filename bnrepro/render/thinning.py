"""Of a long curve, the points that a picture can show. Numbers are never computed from these."""

import numpy as np
import pandas as pd

_MOST_POINTS = 2_000
"""More than a panel has pixels in its width, also on a large screen."""


def thin(
    curve: pd.DataFrame, x: str, y: str, log_x: bool = False, most: int = _MOST_POINTS
) -> pd.DataFrame:
    """The first and the last row, and the lowest and highest in each of equal parts of the axis.

    Args:
        curve: its rows, in order of ``x``; few rows stay as they are.
        x: column of places; above 0 where the axis is logarithmic.
        y: column of values.
        log_x: whether the axis is logarithmic.
        most: about how many rows to keep.
    """
    if len(curve) <= most:
        return curve
    places = curve[x].to_numpy(dtype=np.float64)
    places = np.log(places) if log_x else places
    parts = most // 2
    part = ((places - places[0]) / (places[-1] - places[0]) * parts).astype(np.int64)
    by_part = pd.Series(curve[y].to_numpy()).groupby(part)
    rows = {0, len(curve) - 1, *by_part.idxmin(), *by_part.idxmax()}
    return curve.iloc[sorted(rows)]
