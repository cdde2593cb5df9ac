"""Numbers as people read them."""

import math

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


def percent(error: float) -> str:
    """A fraction as a percentage, or a dash for NaN."""
    return _DASH if math.isnan(error) else f"{100 * error:.4g} %"


def plain(value: object) -> str:
    """A value of a config."""
    if value is None:
        return "not set"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
