"""TAB completion: Hydra overrides (experiments, groups, keys, choices), studies, scales, runs."""

import os
from pathlib import Path

import typer

from bnrepro.errors import UserError


def complete_override(incomplete: str) -> list[tuple[str, str]]:
    """What the word under the cursor can become, with a description each.

    Args:
        incomplete: the word; bash hands over only what stands after its last ``=``.
    """
    typed, equals, _ = incomplete.partition("=")
    if equals:
        return [(f"{typed}={value}", text) for value, text in _values(typed)]
    if (key := _key_before_cursor()) is not None:
        return _values(key)
    return _keys()


def complete_study(incomplete: str) -> list[str]:
    """The studies and collections whose name begins so.

    None where the user's own folder is not there.
    """
    from bnrepro.studies.registry import COLLECTIONS, study_names

    try:
        return [name for name in [*study_names(), *COLLECTIONS] if name.startswith(incomplete)]
    except UserError:
        return []  # the command itself says what is wrong


def names_of_studies() -> str:
    """For help, which is made before a command can fail."""
    return ", ".join(complete_study("")) or "`bnrepro list`"


def complete_scale(incomplete: str) -> list[tuple[str, str]]:
    """The scales whose name begins so, with what they are."""
    return [value for value in _values("scale") if value[0].startswith(incomplete)]


def complete_run(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The runs whose id begins so, each with its experiment and what was changed.

    Args:
        ctx: of the command, which may have been told another folder of runs.
        incomplete: the word.
    """
    from bnrepro.runs import find_runs
    from bnrepro.sweep import read_runs

    directories = find_runs(Path(ctx.params.get("runs") or "runs"))
    listed = read_runs(one for one in directories if one.path.name.startswith(incomplete))
    return [
        (row.id, " ".join(filter(None, (row.experiment, f"seed={row.seed}", row.changed))))
        for row, _ in listed
    ]


def _key_before_cursor() -> str | None:
    """The key of ``key=value`` where the shell splits words at ``=`` (bash), else None."""
    words = os.environ.get("COMP_WORDS", "").split()
    cursor = int(os.environ.get("COMP_CWORD", "0") or 0)
    if cursor < len(words) and words[cursor] == "=":  # right behind the sign
        return words[cursor - 1]
    if 2 <= cursor <= len(words) and words[cursor - 1] == "=":
        return words[cursor - 2]
    return None


def _keys() -> list[tuple[str, str]]:
    from bnrepro.config.fields import descriptions
    from bnrepro.config.groups import GROUPS

    groups = [(f"{group}=", "configuration group") for group in GROUPS]
    # A group's own name is chosen by the group, not by its field.
    fields = [(f"{key}=", text) for key, text in descriptions().items() if key not in GROUPS]
    return groups + [field for field in fields if not field[0].endswith(".name=")]


def _values(key: str) -> list[tuple[str, str]]:
    from bnrepro.config.fields import choices
    from bnrepro.config.groups import GROUPS, options

    return list(options(key).items()) if key in GROUPS else [(value, "") for value in choices(key)]
