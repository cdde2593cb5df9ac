"""A run's identity: a hash of what it computes, never of when or where."""

import hashlib
import json
from pathlib import Path
from typing import Any

from bnrepro.config.schema import RunConfig


def run_id(config: RunConfig) -> str:
    """Twelve hexadecimal digits that name the run: equal when the resolved config is.

    Labels (``experiment``, ``scale``), and what says where and how it executes (``runtime``,
    ``data.root``), are no part of it: the same computation at two scales is one run.
    """
    return _digest(computation(config))


def recipe_id(config: RunConfig) -> str:
    """The same without the seed: runs of one recipe are samples of one curve."""
    values = computation(config)
    del values["seed"]
    return _digest(values)


def run_path(config: RunConfig) -> Path:
    """``<runtime.runs>/<experiment>/<run id>``."""
    return Path(config.runtime.runs) / config.experiment / run_id(config)


# Names, and what other values were computed from: two configs that differ in these alone compute
# the same.
_LABELS = {"experiment", "scale", "inception_steps", "budget"}


def computation(config: RunConfig) -> dict[str, Any]:
    """What the run computes, as plain values: no labels, nothing of where and how it executes."""
    # Only fields that were added later have a default: the value that computes what was computed
    # before they existed, and so leaves the runs of before their names.
    values = config.model_dump(
        mode="json",
        exclude={"runtime": True, "data": {"root"}, **dict.fromkeys(_LABELS, True)},
        exclude_defaults=True,
    )
    for option in unused_options(config):
        section, _, key = option.rpartition(".")
        (values[section] if section else values).pop(key, None)
    return values


_OPTIONS_OF_MEASURES = {
    "evaluation.compare": {"evaluation_statistics"},
    "probe": {"activation_inputs", "activation_histograms", "saturation"},
}


def unused_options(config: RunConfig) -> set[str]:
    """The keys that only measures read which the run does not take."""
    return {
        option
        for option, measures in _OPTIONS_OF_MEASURES.items()
        if not measures & set(config.measures)
    }


def _digest(values: dict[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
