"""Ranges and ticks of axes."""

from collections.abc import Iterable, Sequence

import pandas as pd

_MOST_TICKS = 8


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


def ticks_at(places: Iterable[float]) -> dict[float, str]:
    """A tick and its label at each place, in order; empty, for an axis of its own, above eight."""
    distinct = sorted(set(places))
    return {place: f"{place:g}" for place in distinct} if len(distinct) <= _MOST_TICKS else {}
