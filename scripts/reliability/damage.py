"""Bits that flip in files at rest: each has to be found by `bnrepro verify`."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from bnrepro import verification
from bnrepro.data import prepared_files
from reliability.trial import Trial, demand

FILES = (
    "weights.safetensors",
    "metrics.jsonl",
    "histograms.jsonl",
    "config.yaml",
    "digests.json",
    "checkpoint.pt",
    "checkpoint.previous.pt",
    "index.json",
    "train.u8",
)


def flip_bits(trial: Trial, finished: Path) -> Iterator[str]:
    """One random bit of each file of a finished run, and of a set of prepared pixels.

    Args:
        trial: decides on the bits.
        finished: a folder of runs.
    """
    sets = trial.folder / "sets"
    shutil.copytree(finished, trial.runs)
    _prepare_set(prepared_files.set_folder(sets, "images"))
    files = [file for file in (*trial.runs.rglob("*"), *sets.rglob("*")) if file.name in FILES]
    demand({file.name for file in files} == {*FILES}, f"not all files are there: {files}")
    with patch.object(verification, "prepared_sets", lambda: sets):
        for file in files:
            whole = file.read_bytes()
            altered = bytearray(whole)
            bit = trial.random.randrange(8 * len(whole))
            altered[bit // 8] ^= 1 << bit % 8
            file.write_bytes(altered)
            damage = verification.verify_all(trial.runs).damage
            file.write_bytes(whole)
            demand(bool(damage), f"{file.name}: bit {bit} of {8 * len(whole)} was not found")
            yield f"{file.name} found"


def _prepare_set(folder: Path) -> None:
    folder.mkdir(parents=True)
    splits = {}
    for name in prepared_files.SPLITS:
        file = prepared_files.images_file(folder, name)
        file.write_bytes(bytes(range(12)))
        splits[name] = prepared_files.PreparedSplit([0], [], prepared_files.sha256(file), [], [])
    index = prepared_files.Index(
        source="images",
        storage="pixels",
        size=2,
        classes=["one"],
        descriptions=["one"],
        train_val_duplicates=0,
        ignored={},
        splits=splits,
    )
    prepared_files.write_index(folder, index)
