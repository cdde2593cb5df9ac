"""The errors that a user can cause, and the one that stops a run on purpose."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something the user can put right: one line, naming what is wrong and what would be right.

    The command line prints it without a traceback and exits with 2.
    """


class RunBusyError(UserError):
    """Another process is working on the run."""


class RunFailedError(Exception):
    """A run could not go on for a reason outside its configuration (a full disk, say).

    The command line prints it without a traceback and exits with 1.
    """


class RunDeletedError(RunFailedError):
    """The files of a run were deleted while it was going."""


@contextmanager
def writing(place: Path, kind: type[Exception] = UserError) -> Iterator[None]:
    """Say of an OSError in the block that a file or folder cannot be written.

    Raises:
        UserError: or another ``kind``, with the place and the system's reason.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{place}: cannot be written ({error.strerror})") from error


def nearest(word: str, allowed: Iterable[str], or_else: str | None = None) -> str:
    """What a user may have meant, for the end of a message.

    Args:
        word: what was given.
        allowed: what would be right.
        or_else: said where nothing is near; None: all that is allowed.
    """
    allowed = list(allowed)
    close = difflib.get_close_matches(word, allowed, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return or_else or f"choose from {', '.join(allowed)}"
