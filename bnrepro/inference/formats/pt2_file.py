"""The archive of torch.export: torch's own graph format."""

import io

import torch
from torch import Tensor

from bnrepro.inference.classifier import Classifier
from bnrepro.inference.formats.archive import EXTRA_FILE, read_extra_file, with_open_seal
from bnrepro.inference.formats.format import Classify, Format
from bnrepro.inference.formats.graph import to_graph

_NAME = "pt2"


def _write(classifier: Classifier, description: str, example: Tensor) -> bytes:
    file = io.BytesIO()
    program = to_graph(classifier, example)
    torch.export.save(program, file, extra_files={EXTRA_FILE: description})
    return with_open_seal(file.getvalue(), _NAME)


def _load(content: bytes, _description: str) -> Classify:
    return torch.export.load(io.BytesIO(content)).module()


PT2 = Format(_NAME, ".pt2", _write, read_extra_file, _load)
