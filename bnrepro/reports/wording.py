"""Numbers as people read them."""

import math

from bnrepro.statistics import LateGain

_DASH = "-"


def number(value: float, form: str) -> str:
    """A number, or a dash for NaN."""
    return _DASH if math.isnan(value) else f"{value:{form}}"


def interval(mean: float, low: float, high: float, form: str) -> str:
    """A mean with its interval, where it has one."""
    if math.isnan(low):
        return number(mean, form)
    return f"{mean:{form}} ({low:{form}} to {high:{form}})"


def measured(mean: float, low: float, high: float, unit: str) -> str:
    """A mean with its interval in a claim's unit."""
    if math.isnan(mean):
        return _DASH
    match unit:
        case "points":
            return interval(100 * mean, 100 * low, 100 * high, "+.2f") + " points"
        case "times":
            return interval(mean, low, high, ".2f" if mean < 100 else ",.0f") + " times"
        case _:
            return interval(mean, low, high, ".3g")


def seeds(n: int, never: int = 0, diverged: int = 0) -> str:
    """How many seeds, and how many of them never got there or diverged."""
    apart = [
        f"{count} {what}" for count, what in ((never, "never"), (diverged, "diverged")) if count
    ]
    return f"{n} ({', '.join(apart)})" if apart else str(n)


def still_rising(label: str, late: LateGain) -> list[str]:
    """A sentence on a reference that speed-ups are against and that has not levelled off, if so."""
    if not late.is_rising:
        return []
    return [
        f"{label} is still rising where it was stopped: {100 * late.gain:+.2f} points "
        f"(standard error {100 * late.noise:.2f}) from the last tenth but one of its steps to the "
        "last. The accuracy to match and every speed-up against it depend on how long it trained."
    ]


def plain(value: object) -> str:
    """A value of a config."""
    if value is None:
        return "not set"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
