"""What all options share: bounded numbers, and a section, which is frozen and checked."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat


def _each_once(choices: tuple[str, ...]) -> tuple[str, ...]:
    """A selection has no order: equal selections are equal configs."""
    return tuple(sorted(set(choices)))


PositiveInt = Annotated[int, Field(ge=1)]
NaturalInt = Annotated[int, Field(ge=0)]
Rate = Annotated[FiniteFloat, Field(ge=0)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
SELECTION = (Field(strict=False), AfterValidator(_each_once))

Epsilon = Annotated[FiniteFloat, Field(gt=0)]


class Section(BaseModel):
    """Options that belong together: frozen, and none that nobody knows."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )
