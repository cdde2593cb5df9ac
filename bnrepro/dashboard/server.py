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
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from bnrepro.config.groups import options
from bnrepro.dashboard.curves import MOST_RUNS
from bnrepro.dashboard.entrance import with_entrance
from bnrepro.dashboard.view import Scope, View
from bnrepro.errors import UserError, writing

_SECONDS_BETWEEN_REFRESHES = 5.0
_PORTS_TRIED = 100
_ADDRESS = "address"  # file in the view's folder, while it is shown

# More than a run has; TensorBoard by itself shows 1,000 rows and 50 histograms of each. Its 0 for
# "all" shows none with the fast loader.
_SAMPLES = "scalars=100000,histograms=10000,images=100,text=100"


def serve(scope: Scope, port: int, browse: bool, say: Callable[[str], None]) -> None:
    """Show the runs of a scale until asked to stop by Ctrl-C or SIGTERM.

    Where a dashboard shows them already, its address is said, and that is all.

    Args:
        scope: what to show.
        port: first one to try.
        browse: open a browser, where there is a screen.
        say: told where the dashboard is, and what cannot be shown.

    Raises:
        UserError: there is no such scale or nothing to show, the view cannot be written, or no port
            is free.
    """
    scale = scope.scale
    if scale not in options("scale"):
        raise UserError(
            f"--scale {scale}: no such scale; choose from {', '.join(options('scale'))}"
        )
    folder = view_folder(scope.runs, "-".join([scale, *scope.only, *["seeds"] * scope.seeds]))
    with _held(folder) as is_ours:
        if not is_ours:
            address = _read_address(folder)
            say(f"these runs are shown already: {address}")
            if browse and _has_screen():
                webbrowser.open(address)
            return
        view = View(folder, scope, say)
        with writing(folder):
            view.refresh()
        free = _free_port(port)
        if free != port:
            say(f"port {port} is in use: {free} instead")
        address = _start_tensorboard(folder / "runs", free)
        (folder / _ADDRESS).write_text(address)
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: stopped.set())
        going_on = f", {view.going_on} of them not ended" if view.going_on else ""
        say(f"{len(view)} run(s) at scale {scale}{going_on}")
        if view.left_out:
            say(
                f"not all shown: {', '.join(view.left_out)}; TensorBoard opens with nothing chosen "
                f"above {MOST_RUNS} curves. `bnrepro dashboard {view.left_out[0]}` shows it"
            )
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


def view_folder(runs: Path, name: str) -> Path:
    """Where a view of some runs is kept: not among them, which may be read-only."""
    key = hashlib.sha256(str(runs.resolve()).encode()).hexdigest()[:12]
    return platformdirs.user_cache_path("bnrepro") / "dashboard" / key / name


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold a view; False: another dashboard holds it."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error
    try:
        yield True
    finally:
        (folder / _ADDRESS).unlink(missing_ok=True)
        lock.release()


def _read_address(folder: Path) -> str:
    """Where the dashboard that holds a view is."""
    try:
        return (folder / _ADDRESS).read_text()
    except OSError as error:
        raise UserError("another dashboard of these runs is starting; try again") from error


def _free_port(first: int) -> int:
    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("localhost", port))
                return port
    raise UserError(f"--port {first}: no free port from there on; use another")


def _start_tensorboard(logdir: Path, port: int) -> str:
    """Start it in a thread; its address."""
    from tensorboard import program

    board = program.TensorBoard(
        server_class=lambda app, flags: program.WerkzeugServer(with_entrance(app), flags)
    )
    messages = io.StringIO()  # a note on its loader, and why it did not start
    try:
        with contextlib.redirect_stderr(messages):
            board.configure(
                argv=[
                    "tensorboard",
                    f"--logdir={logdir}",
                    f"--port={port}",
                    f"--samples_per_plugin={_SAMPLES}",
                    f"--reload_interval={_SECONDS_BETWEEN_REFRESHES:.0f}",
                ]
            )
            return str(board.launch())
    except (program.TensorBoardServerException, SystemExit) as error:
        reason = getattr(error, "msg", "") or messages.getvalue().strip()
        raise UserError(f"TensorBoard does not start: {reason}") from error


def _has_screen() -> bool:
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
