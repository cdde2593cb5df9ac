"""From a trained run to one file that holds its network and says all about it."""

from pathlib import Path
from typing import Literal, NamedTuple

import torch
from rich.console import Console
from torch import Tensor, nn

import bnrepro
from bnrepro.config import run_id
from bnrepro.errors import RunFailedError, UserError, writing
from bnrepro.inference.checksum import seal
from bnrepro.inference.classifier import Classifier
from bnrepro.inference.description import Description, Measured, Provenance, portable_config
from bnrepro.inference.exported import load_exported
from bnrepro.inference.formats import FORMATS
from bnrepro.inference.held_out import network_with, predict_held_out
from bnrepro.inference.keep import keep
from bnrepro.inference.preprocessing import preprocessing_of
from bnrepro.inference.trained import TrainedRun, load_trained, read_finished
from bnrepro.nn import fold_batch_norm
from bnrepro.runs import RunDirectory, make_folder, write_atomically
from bnrepro.runs.predictions import Method, Predictions, read_predictions
from bnrepro.training.device import Device

FixedStatistics = Literal["population", "moving"]

_REPORTS = Path("reports")
_BATCH_SIZE = 256
_COMPARED = 8  # held-out examples
_TOLERANCE = 1e-4


class Export(NamedTuple):
    """A file that was written.

    Attributes:
        file: where.
        size: in bytes.
        description: what it says about the network.
    """

    file: Path
    size: int
    description: Description


def export(
    directory: RunDirectory,
    format_name: str,
    folded: bool,
    statistics: FixedStatistics,
    population_batches: int,
    output: Path | None,
    overwrite: bool,
    device: Device,
    console: Console,
) -> Export:
    """Write a run's network for inference, with its description and a checksum, as one file.

    What was written is read back and compared with the network before the file is put in its place.

    Args:
        directory: a finished run.
        format_name: one of `FORMATS`.
        folded: merge batch normalization into the layers before it.
        statistics: what batch normalization uses: ``population`` (Algorithm 2) or ``moving``
            averages.
        population_batches: training mini-batches of Algorithm 2.
        output: the file; None: ``reports/<experiment>-<run id>.<suffix>``.
        overwrite: an existing file.
        device: where to compute the statistics and to measure, as in ``runtime.device``.
        console: progress.

    Raises:
        UserError: the run is not finished or not readable, the file exists or has no folder, or the
            format's packages are missing.
        RunFailedError: the file cannot be written, or does not compute what the network does.
    """
    chosen = FORMATS[format_name]
    config, _ = read_finished(directory)
    default = f"{config.experiment.replace('/', '-')}-{run_id(config)}{chosen.suffix}"
    file = output or _REPORTS / default
    _check_place(file, overwrite)

    run = load_trained(directory, device, console)
    if file.parent == _REPORTS:  # not before it is known that the run can be exported
        make_folder(_REPORTS)
    network = network_with(run, statistics, population_batches)
    if folded:
        network = fold_batch_norm(network)
    method = Method.of(statistics, population_batches, crops=1)
    predictions = _predictions(run, network, method, folded, console)

    classifier = Classifier(network, run.dataset.input_mean, run.dataset.input_scale).on_cpu()
    measured = Measured(
        statistics=statistics,
        population_batches=method.population_batches,
        accuracy_1=predictions.accuracy(1),
        examples=len(predictions),
    )
    description = _describe(run, folded, measured)
    pixels_NCHW = run.dataset.test.images[:_COMPARED].to("cpu")
    # Held-out data are nobody else's: the example is blank.
    example_NCHW = torch.zeros_like(pixels_NCHW[:1]).repeat(2, 1, 1, 1)
    content = seal(chosen.write(classifier, description.model_dump_json(), example_NCHW))
    _compare(file, content, classifier, pixels_NCHW)
    with writing(file, RunFailedError):
        write_atomically(file, content)
    return Export(file, len(content), description)


def _check_place(file: Path, overwrite: bool) -> None:
    if file.is_dir() or not (file.parent == _REPORTS or file.parent.is_dir()):
        raise UserError(f"--output {file}: must be a file in a folder that exists")
    if file.exists() and not overwrite:
        raise UserError(f"{file}: there already; --force overwrites it, --output names another")


def _predictions(
    run: TrainedRun, network: nn.Module, method: Method, folded: bool, console: Console
) -> Predictions:
    """Of the held-out data by this very network: kept ones, or new ones."""
    if folded:  # rounds differently, so that its predictions are its own
        return predict_held_out(run, network, method.crops, _BATCH_SIZE, console)
    predictions = read_predictions(run.directory, method)
    if predictions is None:
        predictions = predict_held_out(run, network, method.crops, _BATCH_SIZE, console)
        keep(run.directory, method, predictions, console)
    return predictions


def _describe(run: TrainedRun, folded: bool, measured: Measured) -> Description:
    config = run.config
    commits = (str(process.get("git_commit", "")) for process in run.provenance)
    return Description(
        folded=folded,
        class_names=run.dataset.class_names,
        preprocessing=preprocessing_of(
            config, run.dataset, stored_size=run.stored_test.images.shape[2]
        ),
        provenance=Provenance(
            bnrepro=bnrepro.__version__,
            torch=str(torch.__version__),
            run_id=run_id(config),
            experiment=config.experiment,
            scale=config.scale,
            seed=config.seed,
            git_commits=tuple(dict.fromkeys(commit for commit in commits if commit)),
        ),
        measured=measured,
        config=portable_config(config),
    )


@torch.inference_mode()
def _compare(file: Path, content: bytes, classifier: Classifier, pixels_NCHW: Tensor) -> None:
    """Hold what was written against the network that it is to be."""
    _, classify = load_exported(str(file), content, trust=True)  # it was written just now
    furthest = float((classify(pixels_NCHW) - classifier(pixels_NCHW)).abs().max())
    if not furthest <= _TOLERANCE:
        raise RunFailedError(
            f"{file}: not written: its probabilities differ from the network's by {furthest:.1e}; "
            "use --format safetensors"
        )
