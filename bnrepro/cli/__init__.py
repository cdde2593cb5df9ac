"""The command line: one thin function per command. Imports nothing heavy at the top."""

import gc
import os
import signal
import sys
from typing import Annotated

import typer
from rich.console import Console

# Importing a module registers its commands, in the order in which help lists them.
from bnrepro.cli import (  # isort: skip
    train,  # noqa: F401
    sweep,  # noqa: F401
    status,  # noqa: F401
    estimate,  # noqa: F401
    compare,  # noqa: F401
    configs,  # noqa: F401
    results,  # noqa: F401
    inference,  # noqa: F401
    verify,  # noqa: F401
    data,  # noqa: F401
    doctor,  # noqa: F401
)
from bnrepro.cli.app import app, settings
from bnrepro.errors import RunFailedError, UserError
from bnrepro.torchrun import is_first

__all__ = ["app", "main"]


def _version(wanted: bool) -> None:
    if wanted:
        from bnrepro import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command; a user's error becomes one line and exit code 2."""
    # Imports and configs make many objects and hardly a cycle among them: looking for one at
    # Python's own rate takes a twelfth of a report's time.
    gc.set_threshold(10_000)
    # A signal while packages are being imported would surface as an error of theirs, or be lost in
    # it. Training puts handlers of its own in their place.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: os._exit(128 + number))
    try:
        app()
    except UserError as error:
        _fail(error, 2)
    except RunFailedError as error:
        _fail(error, 1)
    except BrokenPipeError:
        # The reader of our output went away (`bnrepro list | head`): nothing to say.
        sys.stderr.close()
        sys.exit(128 + signal.SIGPIPE)


def _fail(error: Exception, code: int) -> None:
    if settings["debug"]:
        raise error
    Console(stderr=True, quiet=not is_first()).print(
        f"error: {error}", style="red", highlight=False, soft_wrap=True, markup=False
    )
    sys.exit(code)
