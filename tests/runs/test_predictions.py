from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file, save
from sklearn.metrics import log_loss, top_k_accuracy_score

from bnrepro.measure.intervals import proportion_interval
from bnrepro.runs import RunDirectory
from bnrepro.runs.predictions import (
    Method,
    Predictions,
    ensemble,
    read_predictions,
    write_predictions,
)

METHOD = Method("population", 200, 144)


def _predictions(seed: int, n: int = 200, classes: int = 12) -> Predictions:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), n).astype(np.float32)
    return Predictions(probabilities, np.random.default_rng(99).integers(0, classes, n))


@pytest.mark.parametrize("k", [1, 5])
def test_accuracy_and_loss_are_sklearns(k: int) -> None:
    made = _predictions(0)
    labels = np.arange(12)
    expected = top_k_accuracy_score(made.labels, made.probabilities, k=k, labels=labels)
    assert made.accuracy(k) == pytest.approx(expected)
    # sklearn scales each row to a sum of exactly one.
    rows = made.probabilities.astype(np.float64)
    rows /= rows.sum(1, keepdims=True)
    assert made.loss() == pytest.approx(log_loss(made.labels, rows, labels=labels), abs=1e-6)


def test_equal_probabilities_count_as_argmax_does() -> None:
    probabilities: NDArray[np.float32] = np.full((3, 3), 1 / 3, dtype=np.float32)
    made = Predictions(probabilities, np.arange(3))
    assert made.correct(1) == 1
    assert (probabilities.argmax(1) == made.labels).sum() == 1
    assert made.correct(3) == 3
    assert Predictions(probabilities[:, :2], np.array([0, 1, 1])).accuracy(5) == 1


def test_a_ruled_out_answer_costs_much_and_not_infinitely() -> None:
    made = Predictions(np.array([[1.0, 0.0]], dtype=np.float32), np.array([1]))
    assert 100 < made.loss() < 110


def test_ensemble_is_the_mean_of_probabilities() -> None:
    members = [_predictions(seed) for seed in range(3)]
    together = ensemble(members)
    mean = np.mean([member.probabilities for member in members], axis=0)
    np.testing.assert_allclose(together.probabilities, mean, rtol=1e-6)
    np.testing.assert_array_equal(ensemble(members[:1]).probabilities, members[0].probabilities)
    assert together.probabilities.dtype == np.float32
    np.testing.assert_array_equal(together.labels, members[0].labels)
    with pytest.raises(ValueError, match="different examples or classes"):
        ensemble([_predictions(0), _predictions(0, classes=11)])
    other_order = Predictions(members[1].probabilities, members[1].labels[::-1])
    with pytest.raises(ValueError, match="different examples or classes"):
        ensemble([members[0], other_order])


def test_kept_predictions_belong_to_their_weights(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.weights.write_bytes(b"some weights")
    made = _predictions(0)
    assert read_predictions(directory, METHOD) is None
    write_predictions(directory, METHOD, made)
    kept = read_predictions(directory, METHOD)
    assert kept is not None
    np.testing.assert_array_equal(kept.probabilities, made.probabilities)
    np.testing.assert_array_equal(kept.labels, made.labels)
    assert read_predictions(directory, METHOD._replace(crops=1)) is None
    directory.weights.write_bytes(b"other weights")
    assert read_predictions(directory, METHOD) is None
    write_predictions(directory, METHOD, made)
    file = directory.predictions / METHOD.file_name
    file.write_bytes(file.read_bytes()[:100])
    assert read_predictions(directory, METHOD) is None


@pytest.mark.parametrize("of_before", [False, True], ids=["with a digest", "without"])
def test_damaged_predictions_are_as_none(tmp_path: Path, of_before: bool) -> None:
    directory = RunDirectory(tmp_path)
    directory.weights.write_bytes(b"some weights")
    write_predictions(directory, METHOD, _predictions(0))
    file = directory.predictions / METHOD.file_name
    if of_before:
        with safe_open(file, framework="numpy") as opened:
            weights = {"weights_sha256": opened.metadata()["weights_sha256"]}
        file.write_bytes(save(load_file(file), weights))
        assert read_predictions(directory, METHOD) is not None
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")  # of the labels, which come first
    positions = np.random.default_rng(0).integers(start, len(content), 100).tolist()
    if of_before:  # only what cannot be a label, or a probability, is seen
        positions = [start + 1, start + 7]
    for position in positions:
        damaged = bytearray(content)
        damaged[position] ^= 64
        file.write_bytes(damaged)
        assert read_predictions(directory, METHOD) is None, position
    file.write_bytes(content)
    assert read_predictions(directory, METHOD) is not None


def test_intervals_of_proportions_stay_between_0_and_1() -> None:
    low, high = proportion_interval(60, 100)
    assert (low, high) == (pytest.approx(0.5020, abs=1e-4), pytest.approx(0.6906, abs=1e-4))
    assert proportion_interval(0, 50)[0] == 0
    assert proportion_interval(50, 50)[1] == 1


def test_only_moving_averages_take_no_mini_batches() -> None:
    assert Method.of("moving", 200, crops=1) == Method("moving", 0, crops=1)
    assert Method.of("pooled", 200, crops=1) == Method("pooled", 200, crops=1)
