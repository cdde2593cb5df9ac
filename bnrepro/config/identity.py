"""A run's identity: a hash of what it computes, never of when or where."""

import hashlib
import json
from pathlib import Path
from typing import Any

from bnrepro.config.schema import RunConfig


def run_id(config: RunConfig) -> str:
    """Twelve hexadecimal digits that name the run: equal when the resolved config is.

    What says where and how it executes (``runtime``, ``data.root``) is no part of it.
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


def computation(config: RunConfig) -> dict[str, Any]:
    """What the run computes: its config without ``runtime`` and ``data.root``, as plain values."""
    # Only fields that were added later have a default: the value that computes what was computed
    # before they existed, and so leaves the runs of before their names.
    values = config.model_dump(
        mode="json", exclude={"runtime": True, "data": {"root"}}, exclude_defaults=True
    )
    return _in_first_words(values)


def _in_first_words(values: dict[str, Any]) -> dict[str, Any]:
    """The values under the keys of the first schema, so that what it named keeps its name.

    The opposite of `migration.migrate`, extended to what the first schema could not say: a new
    selection of measures or statistics is hashed as a list.
    """
    evaluation, model = values["evaluation"], values["model"]
    measures = set(values.pop("measures"))
    compare = evaluation.pop("compare", True)  # by default: what `true` computed
    if "evaluation_statistics" in measures:
        evaluation["compare"] = compare
    measures -= {"evaluation_statistics"}
    values["probe"]["enabled"] = measures >= {"activation_inputs", "activation_histograms"}
    if values["probe"]["enabled"]:
        measures -= {"activation_inputs", "activation_histograms"}
    if measures:
        values["measures"] = sorted(measures)
    if "conv_gain" in model:
        model["init_gain"] = model.pop("conv_gain")
    return values


def _digest(values: dict[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
