"""Two trained runs, once a session: a small network, and a narrow Inception with all its parts.

And their files of every format, each exported for the first test that asks.
"""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from bnrepro.config import load
from bnrepro.inference import Export, export
from bnrepro.inference.formats import FORMATS
from bnrepro.inference.trained import TrainedRun, load_trained
from bnrepro.training import run

QUIET = Console(file=io.StringIO())
POPULATION_BATCHES = 200  # more than there are

# Of a network of these two, in a format, folded or not: alone in its folder, and only to be read.
Written = Callable[[str, str, bool], Export]

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
def written(
    small: TrainedRun, inception: TrainedRun, tmp_path_factory: pytest.TempPathFactory
) -> Written:
    runs = {"small": small, "inception": inception}

    @cache
    def write(network: str, name: str, folded: bool) -> Export:
        file = tmp_path_factory.mktemp("written") / f"network{FORMATS[name].suffix}"
        told = (name, folded, "population", POPULATION_BATCHES, file, False, "cpu", QUIET)
        return export(runs[network].directory, *told)

    return write


@pytest.fixture(scope="session")
def contents(written: Written) -> dict[str, bytes]:
    """A small file of each format."""
    return {name: written("small", name, False).file.read_bytes() for name in FORMATS}


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
