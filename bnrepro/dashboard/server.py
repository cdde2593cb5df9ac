"""TensorBoard on the view, in this process: nothing is left running when it ends.

In-process, because the address and a failure to start are then known at once. TensorBoard itself
starts one child, its data server, which ends when this process does, however that ends.
"""

import contextlib
import hashlib
import io
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

import platformdirs
from filelock import FileLock, Timeout

from bnrepro.config.groups import options
from bnrepro.dashboard.view import View
from bnrepro.errors import UserError
from bnrepro.studies.study import Study

_SECONDS_BETWEEN_REFRESHES = 5.0
_PORTS_TRIED = 100

# Seeds and their mean in one colour, the paper's curves in another (there are seven in all); no
# smoothing of curves that have few points.
_QUERY = {
    "runColorGroup": r"regex:(^paper(?=/)|^.+(?=/(?:seed|mean)))",
    "smoothing": "0",
}
# More than a run has; TensorBoard by itself shows 1,000 rows and 50 histograms of each. Its 0 for
# "all" shows none with the fast loader.
_SAMPLES = "scalars=100000,histograms=10000,images=100,text=100"


def serve(
    runs: Path,
    scale: str,
    results: Path,
    studies: Sequence[Study],
    port: int,
    browse: bool,
    say: Callable[[str], None],
) -> None:
    """Show the runs of a scale until asked to stop by Ctrl-C or SIGTERM.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: folder of finished figures and reports.
        studies: that have charts of their own.
        port: first one to try.
        browse: open a browser, where there is a screen.
        say: told where the dashboard is, and what cannot be shown.

    Raises:
        UserError: there is no such scale or nothing to show, the view cannot be written, or no port
            is free.
    """
    if scale not in options("scale"):
        raise UserError(
            f"--scale {scale}: no such scale; choose from {', '.join(options('scale'))}"
        )
    folder = view_folder(runs, scale)
    with _held(folder):
        view = View(folder, runs, scale, results, studies, say)
        _refresh(view)
        free = _free_port(port)
        if free != port:
            say(f"port {port} is in use: {free} instead")
        address = _start_tensorboard(folder / "runs", free)
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: stopped.set())
        going_on = f", {view.going_on} of them not ended" if view.going_on else ""
        say(f"{len(view)} run(s) at scale {scale}{going_on}")
        say(f"{address}  (Ctrl-C ends it)")
        if browse and _has_screen():
            webbrowser.open(address)
        failed = ""
        while not stopped.wait(_SECONDS_BETWEEN_REFRESHES):
            try:
                view.refresh()
            except OSError as error:  # a full disk, say: what was shown stays
                if str(error) != failed:
                    say(f"not brought up to date: {error}")
                failed = str(error)


def view_folder(runs: Path, scale: str) -> Path:
    """Where the view of some runs is kept: not among them, which may be read-only."""
    key = hashlib.sha256(str(runs.resolve()).encode()).hexdigest()[:12]
    return platformdirs.user_cache_path("bnrepro") / "dashboard" / key / scale


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            "another dashboard shows these runs already; use that one, or stop it first"
        ) from error
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error
    try:
        yield
    finally:
        lock.release()


def _refresh(view: View) -> None:
    try:
        view.refresh()
    except OSError as error:
        raise UserError(f"{view.folder}: cannot be written ({error.strerror})") from error


def _free_port(first: int) -> int:
    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("localhost", port))
                return port
    raise UserError(f"--port {first}: no free port from there on; use another")


def _start_tensorboard(logdir: Path, port: int) -> str:
    """Start it in a thread; its address, with the charts as they are best read."""
    from tensorboard import program

    board = program.TensorBoard()
    told = io.StringIO()  # a note on its loader, and why it did not start
    try:
        with contextlib.redirect_stderr(told):
            board.configure(
                argv=[
                    "tensorboard",
                    f"--logdir={logdir}",
                    f"--port={port}",
                    f"--samples_per_plugin={_SAMPLES}",
                    f"--reload_interval={_SECONDS_BETWEEN_REFRESHES:.0f}",
                ]
            )
            address = board.launch()
    except (program.TensorBoardServerException, SystemExit) as error:
        reason = getattr(error, "msg", "") or told.getvalue().strip()
        raise UserError(f"TensorBoard does not start: {reason}") from error
    return f"{address}?{urlencode(_QUERY)}#custom_scalars&_smoothingWeight=0"


def _has_screen() -> bool:
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
