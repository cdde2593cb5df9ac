"""The schema's fields as dotted keys, over all options of every group."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bnrepro.config.schema import RunConfig


def descriptions() -> dict[str, str]:
    """Every key that some config has, with its meaning."""
    return {key: meaning(field) for key, field in _fields(RunConfig)}


def meaning(field: FieldInfo) -> str:
    """The explanation under a field, on one line."""
    return " ".join((field.description or "").split())


def choices(key: str) -> list[str]:
    """The values that a key is limited to; empty where it is not."""
    values: list[str] = []
    for name, field in _fields(RunConfig):
        if name == key:
            values += [choice for choice in _literals(field.annotation) if choice not in values]
    return values


def keys_of_other_options(section: str, name: str | None) -> set[str]:
    """The fields that options of a section have, and the one of this name has not.

    Args:
        section: one whose options have different fields, ``model`` say.
        name: the option's; of a name that no option has nothing is told.
    """
    kinds = _parts(RunConfig.model_fields[section].annotation)
    own = [kind for kind in kinds if name in get_args(kind.model_fields["name"].annotation)]
    if not own:
        return set()
    return {key for kind in kinds for key in kind.model_fields} - {*own[0].model_fields}


def _fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        sections = [kind for kind in _parts(field.annotation) if _is_section(kind)]
        for kind in sections:
            yield from _fields(kind, f"{prefix}{name}.")
        if not sections:
            yield prefix + name, field


def _parts(annotation: Any) -> list[Any]:
    """The members of a union, or the annotation itself."""
    if isinstance(annotation, type) or get_origin(annotation) is Literal:
        return [annotation]
    return list(get_args(annotation)) or [annotation]


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _literals(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)]
    return ["true", "false"] if annotation is bool else []
