"""The archive of torch.export: torch's own graph format.

A zip file. The description is an extra file in torch's sense. The seal is the archive's comment: a
member has a checksum of its own, which would change with it.

Loading unpickles the archive's example inputs and whatever else it says is a pickle, so that it can
run any code.
"""

import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from bnrepro.inference.checksum import open_seal
from bnrepro.inference.classifier import Classifier
from bnrepro.inference.description import Description
from bnrepro.inference.formats.format import Classify, Format, to_graph

_NAME = "pt2"
_EXTRA_FILE = "bnrepro.json"


def _write(classifier: Classifier, description: str, example: Tensor) -> bytes:
    file = io.BytesIO()
    program = to_graph(classifier, example)
    torch.export.save(program, file, extra_files={_EXTRA_FILE: description})
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = open_seal(_NAME).encode()
    return file.getvalue()


def _read_description(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_members(archive, len(content))
        (member,) = (n for n in archive.namelist() if n.endswith(f"/extra/{_EXTRA_FILE}"))
        return archive.read(member).decode()


def _load(content: bytes, _description: Description) -> Classify:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_members(archive, len(content))
    with _quiet():
        return torch.export.load(io.BytesIO(content)).module()


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    """Torch compresses nothing, so the members are together smaller than the archive.

    Raises:
        ValueError: they are not.
    """
    members = archive.infolist()
    stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
    unpacked = sum(member.file_size for member in members)
    if not stored or unpacked > size:
        raise ValueError(f"its members unpack to {unpacked:,} bytes, of {size:,} in the file")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tracebacks that torch logs of what it then raises, or gets over."""
    loggers = [logging.getLogger(name) for name in ("torch.export", "torch._export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


PT2 = Format(_NAME, ".pt2", True, _write, _read_description, _load)
