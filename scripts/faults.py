"""What is lost when things go wrong: each fault, done to real runs again and again.

    python scripts/faults.py                    (a few minutes on two quiet cores)
    python scripts/faults.py --tries 20 --only kill,pause

A try ends with running the run to its end, which must be byte for byte that of the run that was
never disturbed. Writes a table to results/reliability; the rows of faults that are left out stay.
"""

import argparse
import csv
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import torch

from bnrepro.training.provenance import provenance
from reliability import damage, processes
from reliability.power_loss import surveys
from reliability.trial import OVERRIDES, LossError, Trial

Row = tuple[str, int, int, str]
_COLUMNS = ("fault", "tries", "losses", "seen")


@dataclass(frozen=True)
class Fault:
    """Something that is done to a run.

    Attributes:
        name: for ``--only``.
        act: does it; returns what was seen, raises `LossError`.
        overrides: of the run.
        same_end: whether the run must end as one that was never disturbed.
        needs_root: whether only root can do it.
    """

    name: str
    act: Callable[[Trial], str]
    overrides: tuple[str, ...] = OVERRIDES
    same_end: bool = True
    needs_root: bool = False

    @property
    def description(self) -> str:
        """The first line of what its function says."""
        return (self.act.__doc__ or "").splitlines()[0].rstrip(".")


@dataclass
class Result:
    """What came of the tries of a fault.

    Attributes:
        description: of the fault.
        seen: how each try ended that lost nothing.
        losses: what was lost in the others.
    """

    description: str
    seen: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)

    def row(self) -> Row:
        """Fault, tries, losses, what was seen and how often."""
        counts = Counter(self.seen + self.losses)
        seen = "; ".join(f"{what} ({n})" if n > 1 else what for what, n in counts.most_common())
        return self.description, len(self.seen) + len(self.losses), len(self.losses), seen


def kill_in_evaluation(trial: Trial) -> str:
    """Kill -9 of a run that evaluates after each step."""
    return processes.kill(trial)


def kill_compiled(trial: Trial) -> str:
    """Kill -9 of a compiled run."""
    return processes.kill(trial)


_EVALUATING = (*OVERRIDES, "steps=60", "evaluation.every=1")
_COMPILED = (*OVERRIDES, "runtime.compile=on")
# A step's blocks are so large that the C library asks the system for them anew each time.
_LARGE = (
    *(*OVERRIDES, "steps=10", "runtime.checkpoint_seconds=0"),
    *("data.size=8", "batch_size=1437", "model.hidden=[6000]"),
)
_LONG = (*OVERRIDES, "steps=2000")

FAULTS = (
    Fault("kill", processes.kill),
    Fault("kill_in_evaluation", kill_in_evaluation, _EVALUATING),
    Fault("kill_compiled", kill_compiled, _COMPILED),
    Fault("sigterm", processes.terminate),
    Fault("sigint", processes.interrupt),
    Fault("sighup", processes.hang_up),
    Fault("pause", processes.pause),
    Fault("full_disk", processes.fill_disk, needs_root=True),
    Fault("file_size", processes.limit_file_size),
    Fault("descriptors", processes.limit_descriptors),
    Fault("memory", processes.limit_memory, _LARGE),
    Fault("compete", processes.compete),
    Fault("share_folder", processes.share_folder, _LONG, needs_root=True),
    Fault("lock_deleted", processes.delete_lock),
    Fault("runs_removed", processes.remove_runs),
    Fault("clock", processes.set_clock_back),
    Fault("threads", processes.change_threads, same_end=False),
)
_OTHERS = ("flipped_bits", "power_loss")
NAMES = (*(fault.name for fault in FAULTS), *_OTHERS)


class Laboratory:
    """Does faults, each try in a folder of its own.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._whole = cache(self._train_whole)

    def run(self, name: str, tries: int) -> Result | None:
        """Try a fault some times; None: it needs rights that are not there."""
        if name == "power_loss":
            return self._lose_power()
        if name == "flipped_bits":
            return self._flip_bits(tries)
        [fault] = [fault for fault in FAULTS if fault.name == name]
        if fault.needs_root and not processes.is_root():
            return None
        result = Result(fault.description)
        for number in range(tries):
            try:
                result.seen.append(self._try(fault, number))
            except LossError as loss:
                result.losses.append(f"LOSS: {loss}")
        return result

    def _try(self, fault: Fault, number: int) -> str:
        _, whole = self._whole(fault.overrides)
        trial = Trial(self._folder / fault.name / str(number), fault.overrides, number)
        seen = fault.act(trial)
        _, results = trial.finish()
        if fault.same_end and results != whole:
            raise LossError(f"{seen}; its end is not that of the undisturbed run")
        return seen

    def _train_whole(self, overrides: Sequence[str]) -> tuple[Path, tuple[bytes, ...]]:
        trial = Trial(self._folder / "whole" / str(self._whole.cache_info().misses), overrides, 0)
        return trial.runs, trial.finish()[1]

    def _flip_bits(self, tries: int) -> Result:
        result = Result("A bit of a file flips: does `bnrepro verify` find it?")
        runs, _ = self._whole(OVERRIDES)
        for number in range(tries):
            trial = Trial(self._folder / "bits" / str(number), OVERRIDES, number)
            try:
                result.seen += damage.flip_bits(trial, runs)
            except LossError as loss:
                result.losses.append(f"LOSS: {loss}")
        return result

    def _lose_power(self) -> Result:
        result = Result("Power loss: every state of the disk that can be found, at every moment")
        for survey in surveys(self._folder / "power"):
            for state in survey.recording.states():
                if loss := survey.loss(*state):
                    result.losses.append(f"LOSS: {loss}")
                else:
                    result.seen.append("goes on from what was promised, or later")
        return result


def _page(rows: Sequence[Row], left_out: Sequence[str]) -> Iterator[str]:
    machine = provenance(torch.device("cpu"), 1, compiled=False)
    yield "# What is lost when things go wrong"
    yield ""
    yield "Made by `python scripts/faults.py`; faults that a call leaves out keep their rows."
    yield f"The last call: `{shlex.join(sys.argv)}`, commit {machine['git_commit'] or 'unknown'},"
    yield f"{machine['processor']}, Python {machine['python']}, torch {machine['torch']}."
    yield ""
    yield "After each fault the run is run to its end, which must be byte for byte that of a run"
    yield "that was never disturbed. A loss is an end that differs, a traceback, a wrong word, or"
    yield "damage that is not found. The other machine is this one by another name: whether a file"
    yield "system keeps its locks over a network takes two machines, and was not tried."
    yield ""
    yield "| fault | tries | losses | what was seen |"
    yield "| --- | ---: | ---: | --- |"
    yield from (f"| {fault} | {tries} | {losses} | {seen} |" for fault, tries, losses, seen in rows)
    if left_out:
        yield ""
        yield f"Not tried, since they need root: {', '.join(left_out)}."


def _read_rows(table: Path) -> dict[str, Row]:
    if not table.exists():
        return {}
    with table.open(newline="") as file:
        return {
            row["fault"]: (row["fault"], int(row["tries"]), int(row["losses"]), row["seen"])
            for row in csv.DictReader(file)
        }


def main() -> None:
    """Do the faults, print and write the table; exit code 1: something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=5, help="of each fault")
    parser.add_argument("--only", default=",".join(NAMES), help="some of: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("results/reliability"))
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := [name for name in chosen if name not in NAMES]:
        parser.error(f"--only {','.join(unknown)}: choose from {','.join(NAMES)}")
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = arguments.out / "faults.csv"
    rows = _read_rows(table)
    left_out = []
    with tempfile.TemporaryDirectory() as folder:
        laboratory = Laboratory(Path(folder))
        for name in chosen:
            result = laboratory.run(name, arguments.tries)
            if result is None:
                left_out.append(name)
                continue
            row = result.row()
            rows[row[0]] = row
            print(*row, sep="  |  ", flush=True)
            with table.open("w", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([_COLUMNS, *rows.values()])
            page = "\n".join(_page(list(rows.values()), left_out)) + "\n"
            (arguments.out / "README.md").write_text(page, encoding="utf-8")
    sys.exit(any(losses for _, _, losses, _ in rows.values()))


if __name__ == "__main__":
    main()
