"""Ranges of axes."""

from collections.abc import Sequence

import pandas as pd


def held_range(low: float, high: float, bands: Sequence[pd.DataFrame]) -> tuple[float, float]:
    """The range that was asked for; wider where a mean ends outside it.

    Args:
        low: asked for.
        high: likewise.
        bands: of what is drawn, in order of steps; none is empty.
    """
    ends = [float(band["mean"].iloc[-1]) for band in bands]
    if min(ends, default=low) < low:
        low = min(0.0, 1.05 * min(ends))
    if max(ends, default=high) > high:
        high = 1.05 * max(ends)
    return low, high
