"""In what two configs differ, and a config from its preset."""

from collections.abc import Iterator
from typing import Any

from bnrepro.config.identity import unused_options
from bnrepro.config.load import preset
from bnrepro.config.schema import RunConfig
from bnrepro.errors import UserError


def differences(config: RunConfig, other: RunConfig) -> dict[str, tuple[Any, Any]]:
    """The dotted keys in which two recipes differ, with the value in each.

    A section that is another option with other fields (``data: digits`` for ``mnist``) differs in
    its name alone. What neither of them reads is no difference.
    """
    unused = unused_options(config) & unused_options(other)
    return {
        key: values
        for key, values in _differing(_recipe(config), _recipe(other), "")
        if key not in unused and key.partition(".")[0] not in unused
    }


def changes(config: RunConfig) -> dict[str, Any] | None:
    """What a run was told besides experiment and scale, by dotted key; None: no such preset now."""
    try:
        own = preset(config.experiment, config.scale)
    except UserError:
        return None
    return {key: value for key, (value, _) in differences(config, own).items()}


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
