"""TorchScript: for runtimes older than torch.export."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from bnrepro.inference.classifier import Classifier
from bnrepro.inference.formats.archive import EXTRA_FILE, read_extra_file, with_open_seal
from bnrepro.inference.formats.format import Classify, Format

_NAME = "torchscript"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warnings of what is known here."""
    with warnings.catch_warnings():
        # Its advice to use torch.export instead: who has an old runtime cannot.
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
        # Branches become constants. They look at everything but the number of examples, which is
        # all that changes, or choose between two ways to one result (PointwiseConv2d).
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        yield


@torch.no_grad()
def _write(classifier: Classifier, description: str, example: Tensor) -> bytes:
    file = io.BytesIO()
    with _quiet():
        traced = torch.jit.trace(classifier, (example,))
        torch.jit.save(traced, file, _extra_files={EXTRA_FILE: description})
    return with_open_seal(file.getvalue(), _NAME)


def _load(content: bytes, _description: str) -> Classify:
    with _quiet():
        loaded: Classify = torch.jit.load(io.BytesIO(content), map_location="cpu")
    return loaded


TORCHSCRIPT = Format(_NAME, ".pt", _write, read_extra_file, _load)
