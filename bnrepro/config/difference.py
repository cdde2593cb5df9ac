"""In what two configs differ."""

from typing import Any

from bnrepro.config.identity import computation
from bnrepro.config.schema import RunConfig


def changed_keys(config: RunConfig, base: RunConfig) -> list[str]:
    """``key=value`` for every key in which the config differs from a base, seed and runtime apart.

    Args:
        config: of a run.
        base: its preset, say.
    """
    here, there = _flat(computation(config)), _flat(computation(base))
    return [
        f"{key}={value}"
        for key, value in here.items()
        if key != "seed" and there.get(key, ...) != value
    ]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
