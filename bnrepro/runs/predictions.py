"""What trained networks predict on held-out data: kept in run directories, averaged, counted."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bnrepro.runs import RunDirectory, write_atomically
from bnrepro.runs.digests import digest_of

CROPS = (1, 10, 144)
"""Crops of an image that can be averaged over."""

# The smallest float32: the probability of a right answer that was ruled out counts as this.
_TINY = float(np.finfo(np.float32).smallest_subnormal)


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of held-out examples.

    Attributes:
        probabilities: float32, (N, classes).
        labels: int64, (N,).
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def num_classes(self) -> int:
        """Classes that a probability is given to."""
        return int(self.probabilities.shape[1])

    def is_correct(self, k: int) -> NDArray[np.bool_]:
        """(N,): whether the class is among the k most probable ones; of equals, the first count."""
        right = np.take_along_axis(self.probabilities, self.labels[:, None], axis=1)
        earlier = np.arange(self.num_classes) < self.labels[:, None]
        ahead = (self.probabilities > right) | ((self.probabilities == right) & earlier)
        correct: NDArray[np.bool_] = ahead.sum(axis=1) < k
        return correct

    def correct(self, k: int) -> int:
        """Examples whose class is among the k most probable ones."""
        return int(self.is_correct(k).sum())

    def accuracy(self, k: int) -> float:
        """Accuracy@k, a fraction."""
        return self.correct(k) / len(self)

    def loss(self) -> float:
        """Mean negative logarithm of the right class's probability, in nats."""
        right = np.take_along_axis(self.probabilities, self.labels[:, None], axis=1)
        return float(-np.log(np.maximum(right.astype(np.float64), _TINY)).mean())


def ensemble(members: Sequence[Predictions]) -> Predictions:
    """The arithmetic mean of the members' class probabilities (Section 4.2.3).

    Raises:
        ValueError: the members did not predict the same examples and classes.
    """
    first = members[0]
    for member in members[1:]:
        if member.probabilities.shape != first.probabilities.shape or not np.array_equal(
            member.labels, first.labels
        ):
            raise ValueError("the members predict different examples or classes")
    total = np.zeros(first.probabilities.shape)
    for member in members:
        total += member.probabilities
    return Predictions((total / len(members)).astype(np.float32), first.labels)


class Method(NamedTuple):
    """How predictions were made.

    Attributes:
        statistics: what batch normalization used: Algorithm 2's estimates, pooled ones or moving
            averages.
        population_batches: training mini-batches of the estimates; 0 with moving averages.
        crops: of each image, averaged over.
    """

    statistics: Literal["population", "pooled", "moving"]
    population_batches: int
    crops: int

    @classmethod
    def of(
        cls, statistics: Literal["population", "pooled", "moving"], batches: int, crops: int
    ) -> "Method":
        """The method; moving averages take no mini-batches, however many are offered."""
        return cls(statistics, 0 if statistics == "moving" else batches, crops)

    @property
    def file_name(self) -> str:
        """Of the predictions in a run directory."""
        batches = self.population_batches or ""
        return f"{self.statistics}{batches}-crops{self.crops}.safetensors"


def write_predictions(directory: RunDirectory, method: Method, predictions: Predictions) -> None:
    """Keep predictions in the run directory, tied to the weights that made them."""
    directory.predictions.mkdir(exist_ok=True)
    tensors: dict[str, NDArray[Any]] = {**vars(predictions)}
    weights = digest_of(directory.weights).sha256
    metadata = {"weights_sha256": weights, "sha256": _content_digest(predictions)}
    write_atomically(directory.predictions / method.file_name, save(tensors, metadata))


def read_predictions(directory: RunDirectory, method: Method) -> Predictions | None:
    """Predictions that were kept; None: none there, damaged, or of other weights."""
    try:
        with safe_open(directory.predictions / method.file_name, framework="numpy") as file:
            metadata = file.metadata()
            if metadata["weights_sha256"] != digest_of(directory.weights).sha256:
                return None
            read = Predictions(file.get_tensor("probabilities"), file.get_tensor("labels"))
    except (OSError, SafetensorError, KeyError, TypeError):
        return None
    digest = _content_digest(read)
    # Files of before have no digest of their own.
    return read if metadata.get("sha256", digest) == digest and _are_sound(read) else None


def _are_sound(read: Predictions) -> bool:
    """Whether they are distributions over classes, and labels of these."""
    probabilities, labels = read.probabilities, read.labels
    return bool(
        probabilities.dtype == np.float32
        and labels.dtype == np.int64
        and probabilities.ndim == 2
        and labels.shape == probabilities.shape[:1]
        and ((labels >= 0) & (labels < probabilities.shape[1])).all()
        and (probabilities >= 0).all()
        and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
    )


def _content_digest(predictions: Predictions) -> str:
    return hashlib.sha256(
        predictions.probabilities.tobytes() + predictions.labels.tobytes()
    ).hexdigest()
