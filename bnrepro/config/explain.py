"""The meaning of each field, from the explanations under the schema's fields."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

from bnrepro.config.fields import meaning
from bnrepro.config.schema import RunConfig


class Explained(NamedTuple):
    """One field of a config: its dotted key, its value, its meaning."""

    key: str
    value: Any
    meaning: str


def explain(config: RunConfig) -> Iterator[Explained]:
    """Every field of the config, in order, sections flattened into dotted keys."""
    return _walk(config, "")


def _walk(section: BaseModel, prefix: str) -> Iterator[Explained]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{prefix}{name}.")
        else:
            yield Explained(prefix + name, value, meaning(field))
