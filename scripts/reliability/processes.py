"""What can happen to a process that trains, and to the machine under it."""

import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from functools import partial
from unittest.mock import patch

import psutil
import torch
from torch import Tensor

from bnrepro.runs import RunDirectory, State
from bnrepro.training.checkpoint import Checkpoint, save_checkpoint
from bnrepro.training.observers import checkpoints
from reliability.trial import Command, Trial, demand

_KILLS = 3


def kill(trial: Trial) -> str:
    """Kill -9 at random moments, three times in a row; now and then while it starts."""
    moments = []
    for _ in range(_KILLS):
        if trial.random.random() < 0.2:
            command = trial.start()
            time.sleep(trial.random.uniform(0, 1))
        else:
            command = trial.start_and_wait()
        command.send(signal.SIGKILL)
        code, _ = command.wait()
        moments.append(code == -signal.SIGKILL)
    return f"killed {sum(moments)} times" if any(moments) else "it had ended"


def _ask_to_stop(trial: Trial, number: signal.Signals) -> str:
    command = trial.start_and_wait()
    command.send(number)
    code, said = command.wait()
    if code == 0:
        return "it had ended"
    demand(code == 128 + number, f"exit {code}: {said[-300:]}")
    status = trial.directory.read_status()
    demand(status is not None and status.state is State.PREEMPTED, "not preempted")
    return f"stopped at a step, exit {code}"


def terminate(trial: Trial) -> str:
    """SIGTERM, as batch systems send it."""
    return _ask_to_stop(trial, signal.SIGTERM)


def interrupt(trial: Trial) -> str:
    """SIGINT: Ctrl-C."""
    return _ask_to_stop(trial, signal.SIGINT)


def hang_up(trial: Trial) -> str:
    """SIGHUP: the terminal is closed."""
    return _ask_to_stop(trial, signal.SIGHUP)


def pause(trial: Trial) -> str:
    """SIGSTOP, three seconds, SIGCONT: the pause must not count as training."""
    command, start = trial.start_and_wait(), time.monotonic()
    before = trial.directory.read_status()
    command.send(signal.SIGSTOP)
    time.sleep(3)
    command.send(signal.SIGCONT)
    code, said = command.wait()
    elapsed = time.monotonic() - start
    demand(code == 0, f"exit {code}: {said[-300:]}")
    status = trial.directory.read_status()
    demand(status is not None and before is not None, "no status")
    # What was trained between the status and the pause is not known: half a second is allowed.
    counted = status.seconds - before.seconds  # type: ignore[union-attr]
    demand(counted < elapsed - 3 + 0.5, f"{counted:.1f} s counted in {elapsed:.1f} s")
    return "went on; the pause counts as no time"


def _limit(trial: Trial, kind: int, value: int, reason: str) -> str:
    command = trial.start_and_wait()
    if command.process.is_alive():
        _, hard = resource.prlimit(command.pid, kind)
        resource.prlimit(command.pid, kind, (value, hard))
    return _refusal(command, reason)


def _refusal(command: Command, reason: str) -> str:
    code, said = command.wait()
    if code == 0:
        return "it had ended, or had enough"
    demand(code in (1, 2) and reason in said, f"exit {code}: {said[-300:]}")
    return "said in a line"


def limit_descriptors(trial: Trial) -> str:
    """No file can be opened any more (RLIMIT_NOFILE)."""
    return _limit(trial, resource.RLIMIT_NOFILE, 3, "Too many open files")


def limit_file_size(trial: Trial) -> str:
    """No file can grow beyond 64 kB any more (RLIMIT_FSIZE)."""
    return _limit(trial, resource.RLIMIT_FSIZE, 2**16, "File too large")


def _leave_memory(num_bytes: int) -> None:
    """Allow this process so much more memory than it has, from its first checkpoint on."""
    taken: list[Tensor] = []

    def save_and_limit(directory: RunDirectory, checkpoint: Checkpoint) -> None:
        save_checkpoint(directory, checkpoint)
        used = psutil.Process().memory_info().vms
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + num_bytes, hard))
        # The heap has addresses in reserve (`arrange_memory`), which the limit counts as used.
        with suppress(RuntimeError):
            while True:
                taken.append(torch.empty(num_bytes, dtype=torch.uint8))
        taken.pop()

    patch.object(checkpoints, "save_checkpoint", save_and_limit).start()


def limit_memory(trial: Trial) -> str:
    """From the first checkpoint on, a step gets less memory than it takes (RLIMIT_AS)."""
    room = trial.random.randrange(2**20, 2**25)
    return _refusal(trial.start(prepare=partial(_leave_memory, room)), "not enough memory")


def fill_disk(trial: Trial) -> str:
    """A file system of half a megabyte is full; then there is room."""
    mount = ["mount", "-t", "tmpfs"]
    trial.runs.mkdir(parents=True)
    subprocess.run([*mount, "-o", "size=500k", "none", trial.runs], check=True)
    try:
        code, said = trial.start().wait()
        demand(code == 1 and "no space left on the disk" in said, f"exit {code}: {said[-300:]}")
        subprocess.run(["mount", "-o", "remount,size=50m", trial.runs], check=True)
        said, _ = trial.finish()
        left = trial.folder / "left"
        shutil.copytree(trial.runs, left)
    finally:
        subprocess.run(["umount", trial.runs], check=True)
    shutil.copytree(left, trial.runs, dirs_exist_ok=True)
    return "said in a line; went on once there was room"


def compete(trial: Trial) -> str:
    """Three processes at once on one run."""
    ends = [command.wait() for command in [trial.start() for _ in range(3)]]
    for code, said in ends:
        demand(
            code == 0 or (code == 2 and ("is running it" in said or "is about to" in said)),
            f"exit {code}: {said[-300:]}",
        )
    trained = sum("already" not in said for code, said in ends if code == 0)
    demand(trained == 1, f"{trained} of them trained")
    return "one trained, the others were told who"


def delete_lock(trial: Trial) -> str:
    """The lock file is deleted under a run, and a second process starts."""
    first = trial.start_and_wait()
    (trial.directory.path / ".lock").unlink(missing_ok=True)
    second = trial.start()
    ends = [first.wait(), second.wait()]
    if ends[0][0] == 0:
        return "it had ended"
    demand("its lock file was deleted" in ends[0][1], f"{ends[0]}")
    return "the first stopped before it wrote"


def remove_runs(trial: Trial) -> str:
    """The folder of all runs is removed under a run."""
    command = trial.start_and_wait()
    ended = not command.process.is_alive()
    while trial.runs.exists():
        shutil.rmtree(trial.runs, ignore_errors=True)
    code, said = command.wait()
    if ended or code == 0:
        return "it had ended"
    demand(code == 1 and "deleted" in said, f"exit {code}: {said[-300:]}")
    demand(not trial.directory.config.exists(), "files were written back")
    return "stopped in a line, wrote nothing back"


def _set_clock_back() -> None:
    real, start = time.time, time.monotonic()
    time.time = lambda: real() - (86_400 if time.monotonic() > start + 0.5 else 0)


def set_clock_back(trial: Trial) -> str:
    """The clock jumps back by a day while it trains (in the process), and it is stopped."""
    command = trial.start_and_wait(prepare=_set_clock_back)
    command.send(signal.SIGTERM)
    code, said = command.wait()
    demand(code in (0, 143), f"exit {code}: {said[-300:]}")
    status = trial.directory.read_status()
    demand(status is not None and status.seconds > 0, "no time, or less than none")
    return "it made no difference"


def change_threads(trial: Trial) -> str:
    """Stopped, and resumed with another number of threads."""
    _ask_to_stop(trial, signal.SIGTERM)
    said, _ = trial.finish("runtime.threads=2")
    if "resumed" not in said:
        return "it had ended"
    demand("resumed under other conditions (threads 1 -> 2)" in said, "nothing was said of it")
    return "said, and kept in config.yaml"


_CLONE_NEWUTS = 0x04000000
_OTHER = "another-machine"


def _be_another_machine() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUTS):
        raise OSError(ctypes.get_errno(), "a name of its own needs root")
    socket.sethostname(_OTHER)


def share_folder(trial: Trial) -> str:
    """A process with another machine's name holds the run; one on this machine wants it."""
    first = trial.start_and_wait(prepare=_be_another_machine)
    # It holds still: otherwise it could end before the other one has started.
    first.send(signal.SIGSTOP)
    code, said = trial.start().wait()
    ended = not first.process.is_alive()
    first.send(signal.SIGCONT)
    trained, _ = first.wait()
    if ended:
        return "it had ended"
    demand(code == 2 and f"process {first.pid} on {_OTHER}" in said, f"exit {code}: {said[-300:]}")
    demand(trained == 0, f"the first: exit {trained}")
    return "the second was told who, and where; the first went on"


def is_root() -> bool:
    """Whether file systems can be mounted."""
    return os.geteuid() == 0
