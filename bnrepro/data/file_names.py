"""File names in messages."""

import os


def printable(path: str | os.PathLike[str]) -> str:
    """The name on one line: line breaks, and bytes that are not UTF-8, as escape sequences."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in os.fspath(path)
    )
