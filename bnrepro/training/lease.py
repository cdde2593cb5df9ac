"""A lease on a run directory: the lock, the log, and what becomes of an error."""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

from rich.console import Console

from bnrepro import messages
from bnrepro.config import RunConfig
from bnrepro.errors import RunBusyError, RunDeletedError, RunFailedError, UserError
from bnrepro.runs import Lock, LockedError, RunDirectory, State, make_folder
from bnrepro.training.checkpoint import checkpoint_damage
from bnrepro.training.memory import is_out_of_memory

Say = Callable[[str], None]
"""Tells the person and the run's log.txt at once."""


@dataclass(frozen=True)
class Lease:
    """The right to write into a run directory.

    Attributes:
        directory: the run's.
        lock: held as long as the lease.
        say: tells the person and the log.
    """

    directory: RunDirectory
    lock: Lock
    say: Say

    def check(self) -> None:
        """Make sure that no other process can have the directory.

        Raises:
            RunDeletedError: the lock file was deleted, so another process can lock a new one.
        """
        if not self.lock.is_in_place():
            raise RunDeletedError(
                f"{self.directory.path}: its lock file was deleted while the run was going; make "
                "sure that no other process works on the run, and run the same command again"
            )


@contextmanager
def take_lease(directory: RunDirectory, config: RunConfig, console: Console) -> Iterator[Lease]:
    """Hold the run directory for the length of the block.

    Raises:
        RunBusyError: another process holds it.
        UserError: the directory cannot be written.
        RunFailedError: an error in the block that the system answered; the state is then
            ``failed``, as after any other error.
        RunDeletedError: the run's files were deleted during the block; nothing is written back.
    """
    with ExitStack() as stack:
        try:
            make_folder(directory.path)
            lock = stack.enter_context(directory.lock())
            say = stack.enter_context(_messages(directory, console))
        except LockedError:
            raise RunBusyError(f"{directory.path}: {_holder(directory)}") from None
        except OSError as error:
            if _is_disk_full(error):
                raise _cannot_go_on(directory, error) from error
            raise UserError(
                f"runtime.runs={config.runtime.runs}: cannot be written ({error.strerror}); "
                "name a folder that can"
            ) from error
        try:
            yield Lease(directory, lock, say)
        except (UserError, RunDeletedError):
            raise
        except Exception as error:
            if not directory.path.exists():
                raise RunDeletedError(
                    f"{directory.path}: deleted while the run was going; run the same command again"
                ) from error
            _note_failure(directory, error)
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                raise _cannot_go_on(directory, error) from error
            if is_out_of_memory(error):
                raise RunFailedError(
                    f"{directory.path}: not enough memory; use a smaller batch_size or model"
                ) from error
            raise


def _is_disk_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _cannot_go_on(directory: RunDirectory, error: OSError) -> RunFailedError:
    state, damage = "there is no checkpoint yet", checkpoint_damage(directory)
    if "" in damage.values():
        state = "the last good checkpoint is kept"
    elif damage:
        state = "no checkpoint can be read now"
    reason, remedy = str(error), "put that right"
    if _is_disk_full(error):
        reason, remedy = "no space left on the disk", "make room"
    return RunFailedError(
        f"{directory.path}: {reason}; {state}: {remedy} and run the same command again"
    )


def _note_failure(directory: RunDirectory, error: Exception) -> None:
    status = directory.read_status()
    if status is not None:
        reason = str(error).strip() or type(error).__name__
        with suppress(OSError):
            directory.write_status(replace(status, state=State.FAILED, message=reason))


def _holder(directory: RunDirectory) -> str:
    status = directory.read_status()
    if status is None:
        return "another process is about to run it"
    return (
        f"process {status.pid} on {status.host} is running it (step {status.step:,} of "
        f"{status.steps:,}); wait for it or stop it"
    )


@contextmanager
def _messages(directory: RunDirectory, console: Console) -> Iterator[Say]:
    logger = logging.getLogger(f"bnrepro.run.{directory.path.name}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.FileHandler(directory.log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s"))
    logger.addHandler(handler)

    def say(message: str) -> None:
        logger.info(message)
        messages.say(console, message)

    try:
        yield say
    finally:
        logger.removeHandler(handler)
        handler.close()
