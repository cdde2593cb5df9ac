"""What a format of exported files must be able to do."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from bnrepro.inference.classifier import Classifier
from bnrepro.inference.description import Description

Classify = Callable[[Tensor], Tensor]
"""uint8 pixels (N, C, H, W), any N, to class probabilities (N, classes); on the CPU."""


@dataclass(frozen=True)
class Format:
    """A way to write a network, with its description and an open seal, and to read it back.

    Reading may fail by any exception: the content may come from another version, or from anybody.

    Attributes:
        name: as in ``--format``.
        suffix: of its files.
        runs_code: whether a content can run any code when it is loaded.
        write: from the network, the description (JSON) and example pixels (N, C, H, W), N > 1, to
            the file's content with an open seal.
        read_description: from a content to the description. Unpickles and runs nothing, and takes
            no more memory than a fixed multiple of the content.
        load: from a content and its description to the network. Unless ``runs_code``, likewise.
    """

    name: str
    suffix: str
    runs_code: bool
    write: Callable[[Classifier, str, Tensor], bytes]
    read_description: Callable[[bytes], str]
    load: Callable[[bytes, Description], Classify]
