"""What a format of exported files must be able to do, and the graph that two of them hold."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram, export

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


@torch.no_grad()
def to_graph(classifier: Classifier, example: Tensor) -> ExportedProgram:
    """The network as a graph of torch's operators, for any number of examples.

    Unlike tracing, torch.export fails where a branch would depend on that number.

    Args:
        classifier: on the CPU.
        example: uint8, (N, C, H, W), N > 1.
    """
    program = export(classifier, (example,), dynamic_shapes={"pixels_NCHW": {0: Dim("N")}})
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # lines of source with the exporting machine's paths
    return program
