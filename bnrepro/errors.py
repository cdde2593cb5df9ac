"""The errors that a user can cause, and the one that stops a run on purpose."""


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
