"""What a network says about pictures."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from rich.console import Console
from torch import Tensor

from bnrepro.data.pictures import read_picture, read_picture_file
from bnrepro.errors import UserError
from bnrepro.inference.classifier import Classifier
from bnrepro.inference.description import Preprocessing
from bnrepro.inference.exported import read_exported
from bnrepro.inference.formats import FORMATS, Classify
from bnrepro.inference.held_out import network_with
from bnrepro.inference.preprocessing import prepare_picture, preprocessing_of
from bnrepro.inference.trained import load_trained
from bnrepro.runs import find_run
from bnrepro.training.device import Device

STANDARD_INPUT = "-"

_POPULATION_BATCHES = 200
_BATCH_SIZE = 64


class Guess(NamedTuple):
    """A class, and the probability that the picture is of it."""

    class_name: str
    probability: float


class Prediction(NamedTuple):
    """The most probable classes of a picture, the first one first."""

    picture: str
    guesses: list[Guess]


class _Network(NamedTuple):
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    classify: Classify


@torch.inference_mode()
def predict(
    name: str,
    pictures: Sequence[str],
    top: int,
    trust: bool,
    runs: Path,
    device: Device,
    console: Console,
) -> list[Prediction]:
    """The most probable classes of each picture.

    Args:
        name: an exported file, a run directory or a run's id. A run predicts with Algorithm 2's
            statistics.
        pictures: files; ``-``: one from standard input.
        top: classes of each picture.
        trust: open an exported file, too, whose format can run any code when it is opened.
        runs: where run ids are looked for.
        device: where a run computes; exported files do on the CPU.
        console: progress.

    Raises:
        UserError: there is no such network, it is damaged or needs trust, or a picture cannot be
            read.
    """
    network = _find_network(name, trust, runs, device, console)
    predictions = []
    for start in range(0, len(pictures), _BATCH_SIZE):
        some = pictures[start : start + _BATCH_SIZE]
        pixels = [prepare_picture(_read(picture), network.preprocessing) for picture in some]
        probabilities_NK = network.classify(torch.stack(pixels))
        predictions += [
            Prediction(picture, _most_probable(probabilities_K, network.class_names, top))
            for picture, probabilities_K in zip(some, probabilities_NK, strict=True)
        ]
    return predictions


def _find_network(name: str, trust: bool, runs: Path, device: Device, console: Console) -> _Network:
    path = Path(name)
    if path.is_file():
        description, classify = read_exported(path, trust)
        return _Network(description.class_names, description.preprocessing, classify)
    if path.suffix in {one.suffix for one in FORMATS.values()}:
        raise UserError(f"{name}: no such file; `bnrepro export` writes one")
    run = load_trained(find_run(name, runs), device, console)
    dataset = run.dataset
    classifier = Classifier(
        network_with(run, "population", _POPULATION_BATCHES),
        dataset.input_mean,
        dataset.input_scale,
    )
    return _Network(
        dataset.class_names,
        preprocessing_of(run.config, dataset, stored_size=run.stored_test.images.shape[2]),
        lambda pixels_NCHW: classifier(pixels_NCHW.to(run.device)).cpu(),
    )


def _read(picture: str) -> Image.Image:
    if picture == STANDARD_INPUT:
        return read_picture("standard input", sys.stdin.buffer.read())
    return read_picture_file(Path(picture))


def _most_probable(probabilities_K: Tensor, class_names: tuple[str, ...], top: int) -> list[Guess]:
    """Of equally probable classes, the first ones."""
    order = probabilities_K.argsort(descending=True, stable=True)[:top].tolist()
    return [Guess(class_names[label], float(probabilities_K[label])) for label in order]
