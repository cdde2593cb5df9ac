"""The line above a picture: what ran, at which size, with how many seeds."""

from collections.abc import Collection
from typing import Any

import pandas as pd

from bnrepro.paper import paper_curve
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Curves

X_TITLES = {
    "step": "training step",
    "examples": "training examples seen",
    "seconds": "seconds of training",
}
"""What the axis of a panel of curves is called."""


def title_of(evidence: Evidence) -> str:
    """Study, scale, data, width, length, seeds, in two lines: above a picture."""
    study = evidence.study
    changed = "".join(f" {override}" for override in evidence.overrides)
    scale = f"; scale {evidence.scale}" if evidence.scale else ""
    heading = f"{study.title}{scale}{changed}"
    parts = [size_of(evidence)]
    if not parts[0]:
        return heading
    if any(panel.each_seed for panel in _curves(evidence)):
        parts.append("thin: single seeds")
    if any(panel.beside_paper for panel in _curves(evidence)):
        parts.append(f"black: {_paper(evidence)}")
    return f"{heading}\n{', '.join(parts)}"


def caption_of(evidence: Evidence) -> str:
    """The same below a study's charts, which are under its title; empty: nothing ran."""
    size = size_of(evidence)
    if size and any(panel.beside_paper for panel in _curves(evidence)):
        return f"{size}, dashed: {_paper(evidence)}"
    return size


def size_of(evidence: Evidence) -> str:
    """Data, width, length and seeds; empty: nothing ran."""
    configs = [run.config for runs in evidence.runs.values() for run in runs]
    if not configs:
        return ""
    parts = [_values({f"{config.data.name} data" for config in configs})]
    widths = {getattr(config.model, "width", 1.0) for config in configs} - {1.0}
    if widths:
        parts.append(f"width {_values(widths)}")
    lengths = {config.steps for config in configs}
    steps = f"{max(lengths):,} steps" if len(lengths) == 1 else f"up to {max(lengths):,} steps"
    parts.append(
        f"{steps} of {_values({config.batch_size * config.groups for config in configs})} examples"
    )
    return ", ".join([*parts, seeds_in_words(evidence)])


def _curves(evidence: Evidence) -> list[Curves]:
    return [panel for panel in evidence.study.panels if isinstance(panel, Curves)]


def _paper(evidence: Evidence) -> str:
    """What the paper's curves are, and whether they go on where ours end."""
    steps = max(run.config.steps for runs in evidence.runs.values() for run in runs)
    curves = (curve for line in evidence.study.lines for curve in line.paper.values())
    is_cut = any(paper_curve(curve).steps[-1] > steps for curve in curves)
    return f"the paper, digitized{', as far as our steps go' if is_cut else ''}"


def seeds_in_words(evidence: Evidence) -> str:
    """How many seeds the coloured lines stand for."""
    counts = sorted({len(runs) for runs in evidence.runs.values() if runs})
    if counts == [1]:
        return "one seed, no interval"
    return f"mean of {_values(set(counts))} seeds with 95 % t interval"


def count_range(counts: pd.Series) -> str:
    """How many seeds the points of a line stand for: one number, or from the least to the most."""
    least, most = counts.min(), counts.max()
    return f"{most}" if least == most else f"{least} to {most}"


def _values(values: Collection[Any]) -> str:
    words = [f"{value:g}" if isinstance(value, float) else str(value) for value in sorted(values)]
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
