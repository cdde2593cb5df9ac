"""SLURM's commands on one machine: enough of them for submitit to take them for a cluster.

Jobs start at once, as processes; a folder holds a script and a process id for each.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

COMMANDS = ("sbatch", "srun", "scontrol", "scancel", "sacct")
ARRAY = "7"
ALONE = "alone"  # the task of a job that is no array
FOLDER = Path(__file__).parent  # where it is copied to


def install(folder: Path) -> None:
    """Put the commands into a folder, for the PATH."""
    folder.mkdir()
    for command in COMMANDS:
        file = folder / command
        file.write_text(f"#!{sys.executable}\n{Path(__file__).read_text()}")
        file.chmod(0o755)


def _submit(script: str) -> None:
    text = Path(script).read_text()
    (FOLDER / "script").write_text(text)
    width = text.partition("--array=0-")[2].split("%")[0].split()
    for task in map(str, range(int(width[0]) + 1)) if width else [ALONE]:
        _start(task)
    print(f"Submitted batch job {ARRAY}")


def _start(task: str) -> None:
    env = {"SLURM_JOB_ID": ARRAY}
    if task != ALONE:
        env |= {"SLURM_ARRAY_JOB_ID": ARRAY, "SLURM_ARRAY_TASK_ID": task}
    job = subprocess.Popen(
        ["bash", str(FOLDER / "script")],
        env=os.environ | env | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"},
        stdout=subprocess.DEVNULL,
        stderr=(FOLDER / f"{task}.err").open("ab"),
        start_new_session=True,
    )
    (FOLDER / f"{task}.pid").write_text(str(job.pid))


def _run(arguments: list[str]) -> None:
    command = arguments[arguments.index("-u") - 1 :]  # what follows srun's own: python -u ...
    os.execv(command[0], command)


def _cancel(job: str) -> None:
    task = FOLDER / f"{_task(job)}.pid"
    os.killpg(int(task.read_text()), signal.SIGTERM)


def _account() -> None:
    print("JobID|State|NodeList")
    for task in FOLDER.glob("*.pid"):
        alive = Path(f"/proc/{task.read_text()}/cmdline")
        state = "RUNNING" if alive.exists() and alive.read_bytes() else "COMPLETED"
        print(f"{ARRAY if task.stem == ALONE else f'{ARRAY}_{task.stem}'}|{state}|here")


def _task(job: str) -> str:
    return job.partition("_")[2] or ALONE


if __name__ == "__main__":
    match Path(sys.argv[0]).name:
        case "sbatch":
            _submit(sys.argv[1])
        case "srun":
            _run(sys.argv[1:])
        case "scontrol":
            _start(_task(sys.argv[-1]))
        case "scancel":
            _cancel(sys.argv[1])
        case "sacct":
            _account()
