"""Two trained runs, one a session: a small network, and a narrow Inception with all its parts."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from bnrepro.config import load
from bnrepro.inference import export
from bnrepro.inference.formats import FORMATS
from bnrepro.inference.trained import TrainedRun, load_trained
from bnrepro.training import run

QUIET = Console(file=io.StringIO())
POPULATION_BATCHES = 2

_SMALL = ("experiment=fig1/with_bn", "steps=60", "evaluation.every=60")
_INCEPTION = (
    "model=inception",
    "model.width=0.125",
    "model.lrn=true",
    "model.dropout=0.4",
    "model.per_activation_modules=1",
    "data.size=32",
    "data.channels=3",
    "data.threshold=null",
    "data.train_examples=128",
    "batch_size=32",
    "steps=4",
    "evaluation.every=4",
    "measures=[]",
)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return _trained(tmp_path_factory.mktemp("small"), _SMALL)


@pytest.fixture(scope="session")
def inception(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return _trained(tmp_path_factory.mktemp("inception"), _INCEPTION)


@pytest.fixture(scope="session")
def contents(small: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small file of each format."""
    folder = tmp_path_factory.mktemp("contents")
    files = {name: folder / name for name in FORMATS}
    for name, file in files.items():
        export(small.directory, name, False, "moving", 1, file, False, "cpu", QUIET)
    return {name: file.read_bytes() for name, file in files.items()}


def _trained(runs: Path, overrides: tuple[str, ...]) -> TrainedRun:
    config = load(
        [
            *overrides,
            "scale=smoke",
            "data=digits",
            f"evaluation.population_batches={POPULATION_BATCHES}",
            "runtime.compile=off",
            "runtime.tensorboard=false",
            f"runtime.runs={runs}",
        ]
    )
    return load_trained(run(config, QUIET).directory, "cpu", QUIET)
