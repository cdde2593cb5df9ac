"""An exported file, read back."""

from pathlib import Path

import torch

from bnrepro.errors import UserError
from bnrepro.inference.checksum import check_seal
from bnrepro.inference.description import Description, read_description
from bnrepro.inference.formats import FORMATS, Classify


def read_exported(file: Path) -> tuple[Description, Classify]:
    """The description and the network of an exported file.

    Nothing of it is parsed, unpickled or run before its checksum has been compared.

    Raises:
        UserError: it cannot be read, is no exported file, was altered or damaged, or was written by
            another version.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    return load_exported(str(file), content)


def load_exported(source: str, content: bytes) -> tuple[Description, Classify]:
    """`read_exported` of a content; ``source`` is for messages."""
    name = check_seal(source, content)
    if name not in FORMATS:
        raise UserError(f"{source}: exported as {name}, which this version of bnrepro cannot read")
    text = FORMATS[name].read_description(content)
    description = read_description(source, text)
    try:
        return description, FORMATS[name].load(content, text)
    except UserError:
        raise
    except Exception as error:
        # The file is whole, so another version wrote it; the loaders raise nearly everything.
        made = description.provenance
        raise UserError(
            f"{source}: exported by bnrepro {made.bnrepro} with torch {made.torch}, and torch "
            f"{torch.__version__} cannot load it; export it again"
        ) from error
