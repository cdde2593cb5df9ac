"""The line above a picture: what ran, at which size, with how many seeds."""

from collections.abc import Collection
from typing import Any

from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Curves

X_TITLES = {
    "step": "training step",
    "examples": "training examples seen",
    "seconds": "seconds of training",
}
"""What the axis of a panel of curves is called."""


def title_of(evidence: Evidence) -> str:
    """Study, scale, data, width, length, seeds, in one line."""
    study = evidence.study
    changed = "".join(f" {override}" for override in evidence.overrides)
    heading = f"{study.title}; scale {evidence.scale}{changed}"
    runs = [run for of_line in evidence.runs.values() for run in of_line]
    if not runs:
        return heading
    configs = [run.config for run in runs]
    parts = [_values({config.data.name for config in configs})]
    widths = {getattr(config.model, "width", 1.0) for config in configs} - {1.0}
    if widths:
        parts.append(f"width {_values(widths)}")
    lengths = {config.steps for config in configs}
    steps = f"{max(lengths):,} steps" if len(lengths) == 1 else f"up to {max(lengths):,} steps"
    parts.append(f"{steps} of {_values({config.batch_size for config in configs})} examples")
    parts.append(seeds_in_words(evidence))
    if any(isinstance(panel, Curves) and panel.beside_paper for panel in study.panels):
        parts.append("black: the paper, digitized")
    return f"{heading}\n{', '.join(parts)}"


def seeds_in_words(evidence: Evidence) -> str:
    """How many seeds the coloured lines stand for."""
    counts = sorted({len(runs) for runs in evidence.runs.values() if runs})
    if counts == [1]:
        return "one seed, no interval"
    return f"mean of {_values(set(counts))} seeds with 95 % t interval"


def _values(values: Collection[Any]) -> str:
    return " and ".join(
        f"{value:g}" if isinstance(value, float) else str(value) for value in sorted(values)
    )
