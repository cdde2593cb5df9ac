"""A run's identity: a hash of what it computes, never of when or where."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bnrepro.config.schema import RunConfig


def run_id(config: RunConfig) -> str:
    """Twelve hexadecimal digits that name the run: equal when the resolved config is.

    What says where and how it executes (``runtime``, ``data.root``) is no part of it.
    """
    return _digest(_computation(config))


def recipe_id(config: RunConfig) -> str:
    """The same without the seed: runs of one recipe are samples of one curve."""
    computation = _computation(config)
    del computation["seed"]
    return _digest(computation)


def run_path(config: RunConfig) -> Path:
    """``<runtime.runs>/<experiment>/<run id>``."""
    return Path(config.runtime.runs) / config.experiment / run_id(config)


def differences(config: RunConfig, other: RunConfig) -> dict[str, tuple[Any, Any]]:
    """The dotted keys in which two recipes differ, with the value in each.

    A section that is another option with other fields (``data: digits`` for ``mnist``) differs in
    its name alone.
    """
    return dict(_differing(_recipe(config), _recipe(other), ""))


def _recipe(config: RunConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude={"runtime": True, "seed": True, "data": {"root"}})


def _differing(
    values: dict[str, Any], others: dict[str, Any], prefix: str
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if values.keys() != others.keys():
        values, others = {"name": values["name"]}, {"name": others["name"]}
    for key, value in values.items():
        other = others[key]
        if isinstance(value, dict) and isinstance(other, dict):
            yield from _differing(value, other, f"{prefix}{key}.")
        elif value != other:
            yield prefix + key, (value, other)


def _computation(config: RunConfig) -> dict[str, Any]:
    # No field of today has a default. One that is added later gets the value that computes what
    # was computed before it existed, and so leaves the runs of before their names.
    return config.model_dump(
        mode="json", exclude={"runtime": True, "data": {"root"}}, exclude_defaults=True
    )


def _digest(values: dict[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
