"""The processes that train one run together: what they tell each other.

torchrun, or `bnrepro.training.launch`, starts them. The first one holds the lease and writes.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from signal import Signals
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

import bnrepro
from bnrepro.config import RunConfig
from bnrepro.config.explain import explain
from bnrepro.errors import RunFailedError, UserError
from bnrepro.messages import reason
from bnrepro.training.device import describe_device, pick_device

T = TypeVar("T")

# The others wait while the first one evaluates. A process that dies is noticed at once all the
# same: its connections close.
_PATIENCE = timedelta(days=1)

# What the processes may have of their own.
_OWN_KEYS = ("data.root", "runtime.")
_SHARED_RUNTIME = ("runtime.threads", "runtime.compile")


class ProcessLostError(RunFailedError):
    """Another process of the run has ended.

    Attributes:
        signal: what had asked this process to stop before it noticed; None: nothing had.
    """

    signal: Signals | None = None


@dataclass(frozen=True)
class Processes:
    """The processes of a run, as one of them sees them. Alone, it tells itself.

    Every method is called by all processes alike, in the same order.

    Attributes:
        rank: this process, from 0.
        count: how many there are.
        local_rank: this process among those of its machine, from 0.

    Raises:
        ProcessLostError: from each method: another process has ended.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this one writes and speaks."""
        return self.rank == 0

    def share(self, value: T) -> T:
        """The first process's value."""
        values = [value]
        if self.count > 1:
            with _noticing_loss():
                dist.broadcast_object_list(values, src=0)
        return values[0]

    def collect(self, value: T) -> list[T]:
        """Everyone's values, in order."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        with _noticing_loss():
            dist.all_gather_object(values, value)
        return values

    def gather(self, rows: Tensor) -> Tensor:
        """Everyone's rows below each other, in order: copies, nothing is added up.

        Args:
            rows: (n, ...), of the same shape everywhere.

        Returns:
            (count * n, ...).
        """
        if self.count == 1:
            return rows
        gathered = rows.new_empty(self.count * rows.shape[0], *rows.shape[1:])
        with _noticing_loss():
            dist.all_gather_into_tensor(gathered, rows)
        return gathered

    def agree(self, received: Signals | None) -> Signals | None:
        """The signal that one of them was asked to stop by, the same for all; None: none was."""
        if self.count == 1:
            return received
        numbers = self.gather(torch.tensor([received or 0]))
        return next((Signals(number) for number in numbers.tolist() if number), None)

    def build_in_turn(self, build: Callable[[], T]) -> T:
        """What ``build`` makes; first on one process a machine, which prepares data for the others.

        Raises:
            UserError: in all processes, where ``build`` raises it in one.
        """
        for first_turn in (True, False):
            problem = None
            if (self.local_rank == 0) is first_turn:
                try:
                    built = build()
                except UserError as error:
                    if self.is_first:
                        raise
                    problem = f"process {self.rank} on {socket.gethostname()}: {error}"
            for message in self.collect(problem):
                if message is not None:
                    raise UserError(message)
        return built

    def check_alike(self, config: RunConfig, device: torch.device) -> None:
        """Make sure that all processes compute the same.

        Raises:
            UserError: they have different configs, versions or devices.
        """
        first, *others = self.collect((socket.gethostname(), _facts(config, device)))
        for rank, (host, facts) in enumerate(others, start=1):
            for key, value in first[1].items():
                if facts.get(key) != value:
                    raise UserError(
                        f"process {rank} on {host}: {key}={facts.get(key)}, and {value} in process "
                        f"0 on {first[0]}; start all with the same command and versions"
                    )


@contextmanager
def join_processes(config: RunConfig) -> Iterator[Processes]:
    """Connect with the other processes of the run for the length of the block.

    Args:
        config: of the run; with one process there is nothing to connect with.

    Raises:
        UserError: the device, the library that connects or the address is not available, or
            torchrun has started another number of processes.
    """
    count = config.runtime.processes
    if count == 1:
        yield Processes()
        return
    environment = {key: int(os.environ[key]) for key in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    if environment["WORLD_SIZE"] != count:
        raise UserError(
            f"runtime.processes={count}: torchrun has started {environment['WORLD_SIZE']}; leave "
            "runtime.processes out"
        )
    device = pick_processes_device(config, int(os.environ["LOCAL_WORLD_SIZE"]))
    if device.type == "cuda":
        torch.cuda.set_device(environment["LOCAL_RANK"])
    try:
        store, rank, _ = next(rendezvous("env://", timeout=_PATIENCE))
        # Where torchrun starts a run again, the addresses of the dead are in the store, too.
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        dist.init_process_group(
            _backend(device),
            store=dist.PrefixStore(f"attempt {attempt}", store),  # type: ignore[attr-defined]
            rank=rank,
            world_size=count,
            timeout=_PATIENCE,
        )
    except (dist.DistError, RuntimeError) as error:
        raise UserError(_connection_problem(error)) from error
    processes = Processes(environment["RANK"], count, environment["LOCAL_RANK"])
    try:
        processes.check_alike(config, device)
        yield processes
    finally:
        dist.destroy_process_group()


def pick_processes_device(config: RunConfig, local_count: int) -> torch.device:
    """The kind of device that the processes of a machine compute on, one each.

    Raises:
        UserError: there are fewer, or nothing to connect them with.
    """
    device = pick_device(config.runtime.device)
    key = f"runtime.processes={config.runtime.processes}"
    if device.type == "mps":
        raise UserError(f"{key}: one process at most on Apple's GPU; use runtime.device=cpu")
    if device.type == "cuda" and local_count > torch.cuda.device_count():
        raise UserError(
            f"{key}: more than this machine's {torch.cuda.device_count()} GPU(s); use as many "
            "processes as GPUs, or runtime.device=cpu"
        )
    if not (dist.is_available() and dist.is_gloo_available()):
        raise UserError(f"{key}: this torch is built without gloo; use runtime.processes=1")
    if device.type == "cuda" and not dist.is_nccl_available():
        raise UserError(f"{key}: this torch is built without NCCL; use runtime.device=cpu")
    return device


def _backend(device: torch.device) -> str:
    return "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"


def _connection_problem(error: Exception) -> str:
    address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    if "EADDRINUSE" in str(error):
        return f"MASTER_PORT={os.environ.get('MASTER_PORT')}: address in use; choose another port"
    return f"{address}: the processes cannot connect ({reason(error)})"


@contextmanager
def _noticing_loss() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # of gloo and NCCL alike, when a connection breaks
        raise ProcessLostError(
            "another process of the run has ended; run the same command again to go on"
        ) from error


def _facts(config: RunConfig, device: torch.device) -> dict[str, str]:
    """What has to be the same for all, as text by name."""
    keys = {
        field.key: str(field.value)
        for field in explain(config)
        if field.key in _SHARED_RUNTIME or not field.key.startswith(_OWN_KEYS)
    }
    versions = {"bnrepro": bnrepro.__version__, "torch": str(torch.__version__)}
    return {**versions, "device": describe_device(device), **keys}
