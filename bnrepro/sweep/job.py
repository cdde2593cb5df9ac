"""What a worker does: one run of a sweep. A program of Hydra's, with Hydra's command line."""

import os
from contextlib import suppress
from pathlib import Path

import hydra
from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.config.load import from_composed
from bnrepro.errors import RunBusyError, RunDeletedError
from bnrepro.runs import RunDirectory, State, last_values, locate

RETRY_FAILED = "BNREPRO_RETRY_FAILED"
"""Environment variable: set where failed runs are to be run again."""

_held_slots: list[FileLock] = []


@hydra.main(version_base="1.3", config_path="pkg://bnrepro.configs", config_name="config")
def main(composed: DictConfig) -> float | None:
    """Train one run of the sweep, unless it is over, or another process is at it.

    An error is written into the run's status and does not stop the other runs.

    Returns:
        The last held-out accuracy, for sweepers that look for the best.
    """
    config = from_composed(composed)
    directory = locate(config)
    if not _is_over(directory):
        try:
            _train(config, Path(HydraConfig.get().sweep.dir))
        except (RunBusyError, RunDeletedError):
            return None  # what is there, if anything, is another process's to write
        except Exception as error:
            _write_failure(config, directory, error)
            return None
    return last_values(directory.metrics).get("test/accuracy")


def _is_over(directory: RunDirectory) -> bool:
    status = directory.read_status()
    if status is None:
        return False
    failed = status.state is State.FAILED and not os.environ.get(RETRY_FAILED)
    return status.state.is_final or failed


def _train(config: RunConfig, locks: Path) -> None:
    import torch

    from bnrepro.training import run

    if torch.cuda.device_count() > 1 and config.runtime.device in ("auto", "cuda"):
        torch.cuda.set_device(_slot(locks) % torch.cuda.device_count())
    outcome = run(config, Console(quiet=True))
    if outcome.signal is not None:
        # The whole sweep was asked to stop: this worker takes no further run.
        os._exit(128 + outcome.signal)


def _slot(locks: Path) -> int:
    """A number that no other worker on this machine has while this process lives."""
    while not _held_slots:
        for number in range(os.cpu_count() or 1):
            lock = FileLock(locks / f"worker-{number}.lock")
            with suppress(Timeout):
                lock.acquire(timeout=0)
                _held_slots.append(lock)
                return number
    return int(Path(_held_slots[0].lock_file).stem.removeprefix("worker-"))


def _write_failure(config: RunConfig, directory: RunDirectory, error: Exception) -> None:
    from bnrepro.training.status import make_status

    before = directory.read_status()
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    with suppress(OSError):
        directory.path.mkdir(parents=True, exist_ok=True)
        directory.write_status(
            make_status(
                config,
                State.FAILED,
                before.step if before else 0,
                before.seconds if before else 0.0,
                0.0,
                reason,
            )
        )
