"""Finished runs measured on held-out data."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from bnrepro.config import RunConfig, run_path
from bnrepro.data.order import epoch_order
from bnrepro.errors import UserError
from bnrepro.inference import evaluate, keep_predictions
from bnrepro.inference.held_out import network_with, predict_held_out
from bnrepro.inference.trained import load_trained
from bnrepro.runs import RunDirectory, State, last_values
from bnrepro.runs.predictions import Method, ensemble, read_predictions
from bnrepro.training import run
from tests.conftest import CommandLine

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def kept() -> dict[tuple[str, ...], Path]:
    """Where the runs are that tests have trained, by their overrides; nobody changes them."""
    return {}


@pytest.fixture
def trained(
    small_run: Callable[..., RunConfig],
    kept: dict[tuple[str, ...], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., RunDirectory]:
    """A copy of a run of these overrides, which is trained for the first test that asks."""

    def copy(*overrides: str) -> RunDirectory:
        if overrides not in kept:
            runs = tmp_path_factory.mktemp("kept")
            config = small_run(*overrides, f"runtime.runs={runs}")
            kept[overrides] = run(config, QUIET).directory.path
        directory = RunDirectory(run_path(small_run(*overrides)))
        if not directory.path.exists():
            shutil.copytree(kept[overrides], directory.path)
        return directory

    return copy


def _evaluate(*directories: RunDirectory, **changed: object) -> list:
    told = {"statistics": "population", "population_batches": 2, "crops": 1, "batch_size": 256}
    return evaluate(directories, **(told | {"device": "cpu"} | changed), console=QUIET)


@pytest.mark.parametrize("network", [["norm=batch"], ["norm=none"], ["model=cnn", "steps=20"]])
def test_evaluation_is_what_training_recorded_at_its_end(
    trained: Callable[..., RunDirectory], network: list[str]
) -> None:
    directory = trained(*network)
    for statistics in ("population", "pooled", "moving"):
        directory = trained(*network, f"evaluation.statistics={statistics}")
        recorded = last_values(directory.metrics, ["test/accuracy", "test/loss"])
        [measured] = _evaluate(directory, statistics=statistics)
        assert measured.accuracy_1 == pytest.approx(recorded["test/accuracy"], abs=1e-12)
        assert measured.loss == pytest.approx(recorded["test/loss"], abs=1e-5)
        assert measured.examples == 357
        low, high = measured.accuracy_1_interval
        assert low < measured.accuracy_1 < high


@pytest.mark.parametrize("statistics", ["population", "pooled", "moving"])
def test_an_examples_answer_does_not_depend_on_its_batch(
    trained: Callable[..., RunDirectory], statistics: str
) -> None:
    loaded = load_trained(trained(), "cpu", QUIET)
    network = network_with(loaded, statistics, 2)
    together, alone = (
        predict_held_out(loaded, network, 1, size, QUIET).probabilities for size in (256, 1)
    )
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_the_batchs_own_statistics_are_those_of_training(
    trained: Callable[..., RunDirectory],
) -> None:
    """And so an example's answer depends on the others, which is why inference has its own."""
    loaded = load_trained(trained(), "cpu", QUIET)
    network = network_with(loaded, "batch", 2)
    made = predict_held_out(loaded, network, 1, 64, QUIET)
    first = epoch_order(357, seed=0, epoch=0)[:64]
    images = loaded.dataset.to_input(loaded.dataset.test.images[first])
    with torch.no_grad():
        expected = loaded.model.train()(images).softmax(1)
    np.testing.assert_allclose(made.probabilities[first], expected, atol=1e-5)
    smaller = predict_held_out(loaded, network, 1, 2, QUIET)
    assert np.abs(made.probabilities - smaller.probabilities).max() > 0.01
    # 357 = 4 * 89 + 1: the one that is left over joins the last four.
    assert np.isfinite(predict_held_out(loaded, network, 1, 4, QUIET).probabilities).all()


def test_crops_are_averaged(trained: Callable[..., RunDirectory]) -> None:
    loaded = load_trained(trained(), "cpu", QUIET)
    one, ten = (predict_held_out(loaded, loaded.model, c, 256, QUIET) for c in (1, 10))
    assert np.abs(one.probabilities - ten.probabilities).max() > 0.01
    np.testing.assert_allclose(ten.probabilities.sum(1), 1, atol=1e-5)


def test_several_runs_are_an_ensemble(trained: Callable[..., RunDirectory]) -> None:
    directories = [trained(f"seed={seed}") for seed in range(3)]
    *members, together = _evaluate(*directories, directories[0])  # each counts once
    ids = [directory.path.name for directory in directories]
    assert [one.name for one in members] == [
        f"{run} fig1/with_bn, seed {seed}" for seed, run in enumerate(ids)
    ]
    assert together.name == "ensemble of 3"
    kept = [read_predictions(d, Method("population", 2, 1)) for d in directories]
    mean = np.mean([one.probabilities for one in kept], axis=0)
    assert together.accuracy_1 == (mean.argmax(1) == kept[0].labels).mean()
    assert together.loss < max(member.loss for member in members), "the logarithm is concave"


def test_kept_predictions_are_made_once(trained: Callable[..., RunDirectory]) -> None:
    directories = [trained(f"seed={seed}") for seed in range(2)]
    methods = [Method("population", 2, 1), Method("moving", 0, 10)]
    wanted = [(directory, methods) for directory in directories]
    keep_predictions(wanted, 2, "cpu")
    files = [directory.predictions / m.file_name for directory in directories for m in methods]
    written = [file.stat().st_mtime_ns for file in files]
    files[0].write_bytes(b"damaged")
    keep_predictions(wanted, 2, "cpu")
    assert [file.stat().st_mtime_ns for file in files[1:]] == written[1:]
    kept = read_predictions(directories[0], methods[0])
    assert kept is not None
    loaded = load_trained(directories[0], "cpu", QUIET)
    made = predict_held_out(loaded, network_with(loaded, "population", 2), 1, 7, QUIET)
    np.testing.assert_allclose(kept.probabilities, made.probabilities, atol=1e-6)
    np.testing.assert_array_equal(ensemble([kept]).labels, made.labels)


def test_the_run_itself_is_left_as_it_was(trained: Callable[..., RunDirectory]) -> None:
    directory = trained()
    before = {file: file.read_bytes() for file in directory.path.iterdir() if file.is_file()}
    _evaluate(directory)
    assert {file: file.read_bytes() for file in before} == before


def test_members_must_know_the_same_classes(trained: Callable[..., RunDirectory]) -> None:
    one, other = load_trained(trained(), "cpu", QUIET), load_trained(trained(), "cpu", QUIET)
    assert one.dataset.class_names == other.dataset.class_names == tuple("0123456789")
    from bnrepro.inference.evaluate import _check_classes

    object.__setattr__(other.dataset, "class_names", tuple("abcdefghi"))
    with pytest.raises(UserError, match=r"knows 9 classes .*, and .* 10 of data=digits"):
        _check_classes(one, other)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (State.PREEMPTED, "preempted at step 30 of 60; run it to its end with `bnrepro train`"),
        (State.FAILED, "failed at step 30 of 60"),
        (State.DIVERGED, "diverged at step 30, so there are no final weights"),
        ("no status", "status.json is missing or damaged"),
        ("no weights", "weights.safetensors: missing; remove"),
        ("cut weights", "weights.safetensors: "),
        ("other config", "config.yaml: damaged, or written by another version"),
        ("other provenance", "config.yaml: damaged, or written by another version"),
    ],
)
def test_runs_without_weights_are_refused_in_one_line(
    trained: Callable[..., RunDirectory],
    command_line: CommandLine,
    damage: State | str,
    message: str,
) -> None:
    directory = trained()
    match damage:
        case State():
            status = json.loads(directory.status.read_text())
            directory.status.write_text(json.dumps(status | {"state": damage, "step": 30}))
        case "no status":
            directory.status.unlink()
        case "no weights":
            directory.weights.unlink()
        case "cut weights":
            directory.weights.write_bytes(directory.weights.read_bytes()[:-100])
        case "other provenance":
            config, _ = directory.config.read_text().split("provenance:")
            directory.config.write_text(f"{config}provenance: none")
        case _:
            directory.config.write_text("config: {}")
    done = command_line("evaluate", str(directory.path))
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_prints_members_and_gain(
    trained: Callable[..., RunDirectory], command_line: CommandLine
) -> None:
    paths = [str(trained(f"seed={seed}").path) for seed in range(2)]
    done = command_line("evaluate", *paths, "--population-batches", "2")
    assert done.returncode == 0, done.stderr
    assert "ensemble of 2" in done.stdout
    assert "points from its best member" in done.stdout
    rows = json.loads(command_line("evaluate", paths[0], "--statistics", "moving", "--json").stdout)
    assert rows[0]["examples"] == 357
    one = command_line("evaluate", paths[0], "--statistics", "batch", "--batch-size", "1")
    assert one.returncode == 2
    assert "one example has no statistics of its own" in one.stderr
    assert (
        "--crops 7: choose from 1, 10, 144"
        in command_line("evaluate", *paths, "--crops", "7").stderr
    )


def test_a_run_that_cannot_be_written_to_is_measured_all_the_same(
    trained: Callable[..., RunDirectory], command_line: CommandLine
) -> None:
    directory = trained()
    directory.predictions.write_text("in the way of the folder")
    done = command_line("evaluate", str(directory.path), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["examples"] == 357
    assert "predictions: predictions not kept (File exists)" in done.stderr
