"""What is said to a person: the words as they are."""

import os

from rich.console import Console


def say(console: Console, message: str) -> None:
    """Print a message on one line, however long: no markup in it, no colours."""
    console.print(message, highlight=False, soft_wrap=True, markup=False)


def reason(error: BaseException) -> str:
    """The first line of an error; its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def printable(path: str | os.PathLike[str]) -> str:
    """A file name on one line: line breaks, and bytes that are not UTF-8, as escape sequences."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in os.fspath(path)
    )
