"""Some of the runs of a folder, in an order: by what they were told, and how they stand."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pydantic import BaseModel

from bnrepro.config.fields import descriptions
from bnrepro.config.groups import GROUPS
from bnrepro.config.own import meant_key
from bnrepro.errors import UserError
from bnrepro.sweep.table import ListedRun, as_override

_OF_ROW = ("id", "state", "step", "accuracy")


def select(listed: Sequence[ListedRun], conditions: Sequence[str]) -> list[ListedRun]:
    """The runs that meet every condition.

    Args:
        listed: the runs.
        conditions: ``key=value``; a key of the config (``optim.lr``, ``norm``) or ``id``,
            ``state``, ``step``, ``accuracy``; ``*`` and ``?`` in a value stand for any text.

    Raises:
        UserError: one is no condition, or names no key.
    """
    selected = list(listed)
    for condition in conditions:
        key, equals, wanted = condition.partition("=")
        if not equals:
            raise UserError(f"{condition}: no condition; write key=value, for example norm=batch")
        check_key(key)
        selected = [run for run in selected if _meets(as_override(value_of(run, key)), wanted)]
    return selected


def sort(listed: Sequence[ListedRun], key: str) -> list[ListedRun]:
    """The runs by a key, those without it last.

    Args:
        listed: the runs.
        key: as in `select`; with ``-`` before it, the greatest first.

    Raises:
        UserError: there is no such key.
    """
    name = key.removeprefix("-")
    check_key(name)
    with_it = [run for run in listed if value_of(run, name) is not None]
    without = [run for run in listed if value_of(run, name) is None]

    def rank(run: ListedRun) -> tuple[bool, object]:
        value = value_of(run, name)
        is_number = isinstance(value, int | float)
        return not is_number, value if is_number else as_override(value)

    return sorted(with_it, key=rank, reverse=key != name) + without


def value_of(run: ListedRun, key: str) -> object:
    """What a run has for a key; None: its options have no such key. Of a group, the option."""
    if key in _OF_ROW:
        return getattr(run.row, key)
    value: object = run.config
    for part in key.split("."):
        value = getattr(value, part, None)
    return getattr(value, "name", None) if isinstance(value, BaseModel) else value


def check_key(key: str) -> None:
    """Refuse what is no key of any run.

    Raises:
        UserError: names what may be meant.
    """
    known = [*_OF_ROW, *(name for name in GROUPS if name != "debug"), *descriptions()]
    if key not in known:
        raise UserError(f"{key}: no such key; {meant_key(key, known)}")


def _meets(value: str, wanted: str) -> bool:
    if value == wanted or fnmatchcase(value, wanted):
        return True
    try:
        return float(value) == float(wanted)
    except ValueError:
        return False
